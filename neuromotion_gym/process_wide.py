"""Settings of other libraries that hold for the whole process: changed while a loop runs, and restored afterwards."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import mujoco
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from types import TracebackType


class _WhileRunning:
    """Context that changes a setting and restores it; contexts that overlap, also in several threads, count as one.

    Copies and unpickled objects refer to the one object of this module.
    """

    name: str
    """Name of the one object in this module."""

    def __reduce__(self) -> str:
        return self.name

    def __init__(self) -> None:
        self._depth = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._change()
            self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._put_back()

    def _change(self) -> None:
        raise NotImplementedError

    def _put_back(self) -> None:
        raise NotImplementedError


class _OneBlasThread(_WhileRunning):
    """BLAS uses one thread: the matrix products of a loop are small, and more threads would slow down the physics.

    This applies to the BLAS libraries that are loaded when a loop first runs; NumPy's is always one of them. It takes
    two microseconds; the contexts of `threadpoolctl` take fifteen, which would be noticeable in every step of a single
    environment.
    """

    name = "one_blas_thread"

    def __init__(self) -> None:
        super().__init__()
        self._libraries: list[Any] | None = None
        self._before: list[int] = []

    def _change(self) -> None:
        if self._libraries is None:
            self._libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        self._before = [library.get_num_threads() for library in self._libraries]
        self._set([1] * len(self._before))

    def _put_back(self) -> None:
        self._set(self._before)

    def _set(self, counts: list[int]) -> None:
        assert self._libraries is not None
        for library, before, count in zip(self._libraries, self._before, counts, strict=True):
            if before != 1:
                # From 3.8 on, threadpoolctl silently ignores all Python threads but the first that sets a count
                release = getattr(library, "clear_controlling_thread", None)
                if release is not None:
                    release(force=True)
                library.set_num_threads(count)
                if release is not None:
                    release()


class _NoLogFile(_WhileRunning):
    """MuJoCo writes no ``MUJOCO_LOG.TXT`` into the working directory; ``info["unstable"]`` reports unstable limbs."""

    name = "no_log_file"

    def _change(self) -> None:
        self._config = mujoco.MjLogConfig.get()
        self._before = self._config.logto_file
        self._config.logto_file = False
        self._config.set()

    def _put_back(self) -> None:
        self._config.logto_file = self._before
        self._config.set()


one_blas_thread = _OneBlasThread()
no_log_file = _NoLogFile()
