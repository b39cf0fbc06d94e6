"""A second thread for the part of a control step that does not depend on its physics."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from weakref import finalize

if TYPE_CHECKING:
    from collections.abc import Callable


class Aside:
    """Runs one call at a time on a thread of its own.

    A pool of `concurrent.futures` costs 50 µs per call, a quarter of the time that a step of a single environment
    takes without its physics.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[int, Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        self._number = 0
        self._thread = Thread(target=_serve, args=(self._calls, self._results), name="signals", daemon=True)
        self._thread.start()
        self.close = finalize(self, self._calls.put, None)
        """End the thread. This also happens when this object is deleted."""

    def __reduce__(self) -> tuple[type[Aside], tuple[()]]:
        return Aside, ()  # between two steps it holds nothing: a copy has a thread of its own

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call ``function`` on the other thread; fetch its result with `result`."""
        self._number += 1
        self._calls.put((self._number, function, arguments))

    def result(self) -> Any:
        """Wait for the last call of `begin`; return its result, or raise its exception."""
        number = 0
        while number != self._number:  # skips results of earlier calls whose wait was interrupted
            number, value, error = self._results.get()
        if error is not None:
            raise error
        return value


def _serve(calls: SimpleQueue[Any], results: SimpleQueue[Any]) -> None:
    while (call := calls.get()) is not None:
        number, function, arguments = call
        try:
            results.put((number, function(*arguments), None))
        except BaseException as error:  # noqa: BLE001 -- raised again in `result`
            results.put((number, None, error))
        del call, function, arguments  # otherwise these references would keep the loop of the last call alive
