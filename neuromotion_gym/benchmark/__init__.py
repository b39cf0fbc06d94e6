"""The benchmark: decoders by controllers by levels, every episode a row, people as the unit."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BenchmarkConfig": "config",
    "load_config": "config",
    "read_lines": "report",
    "run_benchmark": "runner",
    "write_report": "report",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
