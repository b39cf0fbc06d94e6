"""Units of work run in this process or in several, with the same results."""

from __future__ import annotations

import os

import pytest

from neuromotion_gym.benchmark.backends import Processes, Serial, backend
from neuromotion_gym.errors import NeuroMotionError


def squared(number: int) -> tuple[int, int]:
    return number**2, os.getpid()


def test_one_job_runs_in_this_process_and_in_order():
    chosen = backend(1)
    assert isinstance(chosen, Serial)
    assert list(chosen.run(squared, [(3,), (2,)])) == [(9, os.getpid()), (4, os.getpid())]


def test_two_jobs_run_elsewhere_with_the_same_results():
    chosen = backend(2)
    assert isinstance(chosen, Processes)
    assert chosen.jobs == 2
    found = list(chosen.run(squared, [(3,), (2,), (1,)]))
    assert sorted(number for number, _ in found) == [1, 4, 9]
    assert all(process != os.getpid() for _, process in found)


@pytest.mark.parametrize("jobs", [0, -1])
def test_fewer_jobs_than_one_are_refused(jobs):
    with pytest.raises(NeuroMotionError, match=f"one job or more, not {jobs}"):
        backend(jobs)
