"""Fixtures that every test may use, and one thread for every numeric library."""

from __future__ import annotations

import os
from pathlib import Path

# Set before numpy, torch and onnxruntime are imported: many small problems run faster on one thread each,
# and their sums come out the same on every machine.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets; the test is skipped where there is none."""
    given = os.environ.get("NEUROMOTION_DATA")
    root = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"needs real recordings: {root} is not a folder; NEUROMOTION_DATA names it")
    return root
