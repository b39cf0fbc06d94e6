"""Settings of the process: changed inside, as before afterwards."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from neuromotion_gym.process_wide import no_log_file, one_blas_thread

if TYPE_CHECKING:
    from pathlib import Path


def threads() -> set[int]:
    """Of NumPy's own BLAS; other tests load other libraries."""
    loaded = ThreadpoolController().info()
    return {library["num_threads"] for library in loaded if "numpy" in library["filepath"].lower()}


def test_products_use_one_thread_inside_and_the_others_again_outside() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread:
            assert threads() == {1}
            with one_blas_thread:
                assert threads() == {1}
            assert threads() == {1}
        assert threads() == before


def test_it_holds_in_every_thread_of_python() -> None:
    """Signals are made in a thread that is not the one that reset the environment."""
    seen: list[set[int]] = []

    def elsewhere() -> None:
        with one_blas_thread:
            seen.append(threads())
        seen.append(threads())

    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_blas_thread:  # this thread is the first to set a count
            pass
        other = Thread(target=elsewhere)
        other.start()
        other.join()
        assert seen == [{1}, before]
        with one_blas_thread:
            assert threads() == {1}
        assert threads() == before


def test_an_error_gives_the_threads_back() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with pytest.raises(ValueError, match="inside"), one_blas_thread:
            raise ValueError("inside")
        assert threads() == before


def test_unstable_physics_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
    )
    for quiet in (True, False):
        data = mujoco.MjData(model)
        data.qvel[:] = 1e11
        if quiet:
            with no_log_file:
                mujoco.mj_step(model, data)
            assert not list(tmp_path.iterdir())
        else:
            mujoco.mj_step(model, data)
    assert [path.name for path in tmp_path.iterdir()] == ["MUJOCO_LOG.TXT"]
