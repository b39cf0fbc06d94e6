"""Units of work run in this process or in several, with the same results."""

from __future__ import annotations

import os

import pytest

from neuromotion_gym.benchmark.backends import Processes, Serial, backend
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning, warn


def test_one_job_runs_in_this_process_and_in_order():
    chosen = backend(1)
    assert isinstance(chosen, Serial)
    assert list(chosen.run(divmod, [(7, 2), (9, 2)])) == [(3, 1), (4, 1)]
    assert set(chosen.run(os.getpid, [(), ()])) == {os.getpid()}


def test_two_jobs_run_elsewhere_with_the_same_results():
    chosen = backend(2)
    assert isinstance(chosen, Processes)
    assert chosen.jobs == 2
    assert sorted(chosen.run(divmod, [(9, 2), (7, 2)])) == [(3, 1), (4, 1)]
    assert os.getpid() not in set(chosen.run(os.getpid, [(), ()]))


def test_warnings_of_other_processes_are_shown_here():
    with pytest.warns(NeuroMotionWarning) as shown:
        done = list(backend(2).run(warn, [("resampled",), ("resampled",), ("resampled",)]))
    assert done == [None] * 3
    assert {str(one.message) for one in shown} == {"resampled"}


@pytest.mark.parametrize("jobs", [0, -1])
def test_fewer_jobs_than_one_are_refused(jobs):
    with pytest.raises(NeuroMotionError, match=f"one job or more, not {jobs}"):
        backend(jobs)
