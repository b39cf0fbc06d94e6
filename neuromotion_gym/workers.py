"""Processes that work for this one, and that never outlive it.

Ctrl-C in a terminal reaches a whole group of processes, SIGTERM and SIGKILL only one. So a worker leaves Ctrl-C to its
parent, and looks several times a second whether the parent is still there. Every pool of processes, also joblib's,
starts its workers with `start_worker`, inside `interrupts_held`, and gives them `work`.

A leaf module: it imports nothing of the library except its errors.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, resource_tracker
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ResultT = TypeVar("ResultT")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
LOOK_S = 0.25
"""Seconds between two looks at the parent."""
CAN_HOLD = hasattr(signal, "pthread_sigmask")
"""Whether this system can hold signals back; Windows cannot."""
KILLED = (
    "A process was ended from outside before its work was done. The usual reason is too little memory; play fewer "
    "limbs together or use fewer processes."
)


def start_worker(parent: int) -> None:
    """Set up a worker: it ignores Ctrl-C, and ends as soon as its parent has.

    Parameters
    ----------
    parent : int
        Process id of the parent, from ``os.getpid()`` there. The worker compares it with its own parent's id, so that
        it also ends where the parent is gone before this function runs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if CAN_HOLD:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), daemon=True, name="parent watch").start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)  # without cleaning up: the work of this process has no use any more


class Done(NamedTuple, Generic[ResultT]):
    """What a function returned in a worker, and the library's warnings on the way."""

    result: ResultT
    warnings: tuple[str, ...]


def work(function: Callable[..., ResultT], *arguments: object) -> Done[ResultT]:
    """Call a function in a worker; the library's warnings are kept for the parent, which shows them (`result_of`)."""
    kept: dict[str, None] = {}
    with warnings.catch_warnings():
        others = warnings.showwarning

        def keep(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, NeuroMotionWarning):
                kept[str(message)] = None
            else:
                others(message, category, *where, **more)

        warnings.showwarning = keep
        result = function(*arguments)
    return Done(result, tuple(kept))


def result_of(done: Done[ResultT]) -> ResultT:
    """The result of `work`; its warnings are shown here."""
    for text in done.warnings:
        warn(text)
    return done.result


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while workers start: they inherit this, so none of them dies with a traceback in its imports.

    A Ctrl-C that comes in the meantime takes effect at the end of the block.
    """
    if not CAN_HOLD:
        yield
        return
    resource_tracker.ensure_running()  # the first pool of a process starts it, which would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def process_pool() -> Iterator[ProcessPoolExecutor]:
    """A pool of one process per core and one thread per process; after an exception its processes are ended.

    Submit work inside `interrupts_held`.

    Raises
    ------
    NeuroMotionError
        If one of the processes is killed.
    """
    others = set(active_children())
    before = {name: os.environ.get(name) for name in THREADS}
    # The new processes inherit these before they load NumPy: many small products are slower on several threads
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with ProcessPoolExecutor(
            mp_context=get_context("spawn"), initializer=start_worker, initargs=(os.getpid(),)
        ) as pool:
            try:
                yield pool
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in set(active_children()) - others:
                    child.terminate()
                raise
    except BrokenProcessPool as error:
        raise NeuroMotionError(KILLED) from error
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
