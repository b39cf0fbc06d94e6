"""MAT files as MATLAB writes them: version 5 through SciPy, version 7.3 (HDF5) with its axes and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
from scipy.io import savemat

if TYPE_CHECKING:
    from pathlib import Path


def write_mat5(path: Path, name: str, value: np.ndarray | list[np.ndarray]) -> None:
    """A matrix, or a cell array with one column."""
    if isinstance(value, list):
        cells = np.empty((len(value), 1), object)
        cells[:, 0] = value
        value = cells
    savemat(path, {name: value})


def write_mat73(path: Path, name: str, value: np.ndarray | list[np.ndarray]) -> None:
    """The same in version 7.3: axes reversed, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        if isinstance(value, list):
            places = [file.create_dataset(f"#refs#/{index}", data=one.T) for index, one in enumerate(value)]
            for place in places:
                place.attrs["MATLAB_class"] = np.bytes_("double")
            cells = file.create_dataset(name, (1, len(value)), h5py.ref_dtype)
            cells[0] = [place.ref for place in places]
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
        else:
            file.create_dataset(name, data=value.T).attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
