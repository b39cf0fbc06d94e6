"""Runs units of work one after the other, or in several processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, TypeVar

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.workers import KILLED, interrupts_held, result_of, start_worker, work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from neuromotion_gym.workers import Done

ResultT = TypeVar("ResultT")


class Backend(Protocol):
    """Calls a function once with each tuple of arguments; results come in any order."""

    def run(self, function: Callable[..., ResultT], arguments: Iterable[tuple[object, ...]]) -> Iterator[ResultT]:
        """Results of ``function(*each)``, one for each tuple ``each`` in ``arguments``."""


class Serial:
    """One call after the other, in this process."""

    def run(self, function: Callable[..., ResultT], arguments: Iterable[tuple[object, ...]]) -> Iterator[ResultT]:
        """See `Backend.run`."""
        return (function(*each) for each in arguments)


class Processes:
    """Processes of joblib.

    Parameters
    ----------
    jobs : int
        Number of processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def run(self, function: Callable[..., ResultT], arguments: Iterable[tuple[object, ...]]) -> Iterator[ResultT]:
        """See `Backend.run`.

        Raises
        ------
        NeuroMotionError
            If joblib is not installed, or a process is killed.
        """
        try:
            from joblib import Parallel, delayed
            from joblib.externals.loky.process_executor import TerminatedWorkerError
        except ImportError as error:
            raise NeuroMotionError("More than one job needs joblib: pip install neuromotion-gym[bench].") from error
        parallel = Parallel(
            n_jobs=self.jobs, return_as="generator_unordered", initializer=start_worker, initargs=(os.getpid(),)
        )
        with interrupts_held():
            results: Iterator[Done[ResultT]] = parallel(delayed(work)(function, *each) for each in arguments)
        return _told(results, TerminatedWorkerError)


def _told(results: Iterator[Done[ResultT]], killed: type[Exception]) -> Iterator[ResultT]:
    """The results; the library's own error where a process was killed."""
    try:
        for done in results:
            yield result_of(done)
    except killed as error:
        raise NeuroMotionError(KILLED) from error


def backend(jobs: int) -> Backend:
    """The backend for a number of jobs.

    Raises
    ------
    NeuroMotionError
        If ``jobs`` is below 1.
    """
    if jobs < 1:
        raise NeuroMotionError(f"A benchmark takes one job or more, not {jobs}.")
    return Serial() if jobs == 1 else Processes(jobs)
