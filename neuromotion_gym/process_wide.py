"""Settings of other libraries that are the whole process's, changed while a loop runs and put back afterwards."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import mujoco
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from types import TracebackType


class _WhileRunning:
    """Context that changes a setting; contexts that overlap, in other threads too, count as one."""

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
    """BLAS computes on one thread: the loop's products are small, and more threads would fight the physics'.

    Those libraries that are loaded when a loop first runs, NumPy's always among them. Costs two microseconds;
    `threadpoolctl`'s own contexts cost fifteen, which single environments would feel in every step.
    """

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
                # From version 3.8 on all threads of Python but the first that set a count are silently ignored
                release = getattr(library, "clear_controlling_thread", None)
                if release is not None:
                    release(force=True)
                library.set_num_threads(count)
                if release is not None:
                    release()


class _NoLogFile(_WhileRunning):
    """MuJoCo writes no ``MUJOCO_LOG.TXT`` into the working directory: ``info["unstable"]`` tells of unstable limbs."""

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
