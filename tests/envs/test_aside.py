"""The second thread: one call, one result, whatever came between."""

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


def test_what_nobody_fetched_is_not_taken_for_the_next() -> None:
    aside = Aside()
    aside.begin(str, "interrupted")
    aside.begin(str, "next")
    assert aside.result() == "next"
