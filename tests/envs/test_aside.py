"""The second thread: every call gets its own result."""

from __future__ import annotations

import pytest

from neuromotion_gym.envs.aside import Aside


def test_a_call_gives_its_result_or_its_error() -> None:
    aside = Aside()
    aside.begin(divmod, 7, 2)
    assert aside.result() == (3, 1)
    aside.begin(divmod, 7, 0)
    with pytest.raises(ZeroDivisionError):
        aside.result()
    aside.begin(divmod, 9, 2)
    assert aside.result() == (4, 1)
    aside.close()
    aside.close()


def test_a_result_that_was_not_fetched_is_not_taken_for_the_next_one() -> None:
    aside = Aside()
    aside.begin(str, "interrupted")
    aside.begin(str, "next")
    assert aside.result() == "next"
