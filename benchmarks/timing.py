"""Timing in interleaved chunks, memory of the process, and facts of the machine; does not import the library."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def interleaved(
    measured: Mapping[str, Callable[[int], float]], steps: Mapping[str, int], repeats: int
) -> dict[str, np.ndarray]:
    """Time chunks of all in turn, ``repeats`` times after a first chunk that is not counted.

    Returns seconds, shape (repeats,) for each name.
    """
    found: dict[str, list[float]] = {name: [] for name in measured}
    for name, run in measured.items():
        run(steps[name])
    for repeat in range(repeats):
        order = list(measured.items()) if repeat % 2 == 0 else list(measured.items())[::-1]
        for name, run in order:
            found[name].append(run(steps[name]))
    return {name: np.array(values) for name, values in found.items()}


def ratio(other: np.ndarray, own_seconds: np.ndarray) -> float:
    """Speed of the second ÷ speed of the first: the ratio within each repeat, median over repeats."""
    return float(np.median(other / own_seconds))


def quartiles(other: np.ndarray, own_seconds: np.ndarray) -> list[float]:
    """Lower and upper quartile over repeats of the ratio of which `ratio` is the median."""
    return [round(float(share), 3) for share in np.quantile(other / own_seconds, (0.25, 0.75))]


def resident_bytes() -> int:
    """Resident memory of this process in bytes; 0 where the system does not tell it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def installed(package: str) -> str | None:
    """Version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """Facts of the machine and versions of the libraries."""
    model = ""
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: installed(name) for name in ("numpy", "mujoco", "gymnasium", "onnxruntime")},
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
