"""Variables of MAT files as plain values: numbers, texts, lists and dictionaries. Nothing is executed or unpickled.

Versions 4 and 5 are read through SciPy, version 7.3 (HDF5) through h5py. A structure becomes a dictionary, an array of
structures or a cell array a list in MATLAB's order, text a string. Arrays have MATLAB's axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.sizes import check_size, mat_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DEEPEST = 20
"""Largest depth of structures and cells within each other."""


def variables(path: Path) -> dict[str, str]:
    """Names of the variables of a MAT file, and their shapes and kinds as text."""
    if _is_hdf5(path):
        with _hdf5(path) as file:
            return {name: _described(file[name]) for name in file if not name.startswith("#")}
    from scipy.io import whosmat

    return {name: f"{' × '.join(map(str, shape))} {kind}" for name, shape, kind in whosmat(path)}


def content(path: Path, names: Sequence[str], limit_bytes: int) -> dict[str, Any]:
    """The named variables of a MAT file.

    Parameters
    ----------
    path : path
    names : sequence of str
        Variables; those that are not there are left out.
    limit_bytes : int
        Memory that they may need; checked before anything is unpacked.

    Raises
    ------
    NeuroMotionError
        If they need more memory, or hold something that is no number, text, cell or structure.
    """
    if _is_hdf5(path):
        with _hdf5(path) as file:
            reader = _Hdf5Reader(path, file, limit_bytes)
            return {name: reader.value(file[name]) for name in names if name in file}
    from scipy.io import loadmat
    from scipy.io.matlab import matfile_version

    version, _ = matfile_version(path)
    check_size(path, mat_bytes(path) if version else path.stat().st_size, limit_bytes)
    return {name: _plain(value) for name, value in loadmat(path, variable_names=list(names)).items() if name in names}


def published(path: Path, names: Sequence[str], limit_bytes: int, together: str) -> dict[str, Any]:
    """The named variables of one of the files of a data set, which are read together.

    Parameters
    ----------
    path : path
    names, limit_bytes
        As in `content`.
    together : str
        What the files are of, such as ``"the trials of a session"``: for the message if this one is missing.

    Raises
    ------
    NeuroMotionError
        If the file is missing or cannot be read.
    """
    if not path.is_file():
        raise NeuroMotionError(f"{path} does not exist; {together} are read together.")
    try:
        return content(path, names, limit_bytes)
    except Exception as error:  # SciPy and h5py raise many kinds of errors on broken bytes
        raise NeuroMotionError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error


def _is_hdf5(path: Path) -> bool:
    from scipy.io.matlab import matfile_version

    return bool(matfile_version(path)[0] == 2)


def _hdf5(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        raise NeuroMotionError(
            "reading MAT files of version 7.3 needs h5py: pip install 'neuromotion-gym[io]'"
        ) from None
    return h5py.File(path, "r")


def _plain(value: Any) -> Any:
    """A value of SciPy's as plain values."""
    if not isinstance(value, np.ndarray):
        raise NeuroMotionError(f"a {type(value).__name__} cannot be read; only numbers, text, cells and structures can")
    if value.dtype.names:
        found = [{name: _plain(one[name]) for name in value.dtype.names} for one in value.ravel(order="F")]
        return found[0] if len(found) == 1 else found
    if value.dtype.kind == "O":
        return [_plain(one) for one in value.ravel(order="F")]
    if value.dtype.kind in "US":
        texts = [str(one) for one in value.ravel()]
        return texts[0] if len(texts) == 1 else texts
    return value


class _Hdf5Reader:
    """Values of an HDF5 file as MATLAB writes it; counts the memory that they need."""

    def __init__(self, path: Path, file: Any, limit_bytes: int) -> None:
        self._path, self._file, self._limit, self._bytes = path, file, limit_bytes, 0

    def value(self, item: Any, depth: int = 0) -> Any:
        """A group or data set as plain values."""
        import h5py

        if depth > DEEPEST:
            raise NeuroMotionError(f"structures and cells lie more than {DEEPEST} deep in each other")
        if isinstance(item, h5py.Group):
            own = [name for name in item if isinstance(item.get(name, getlink=True), h5py.HardLink)]
            if own and all(self._is_of_structures(item[name]) for name in own):
                columns = {name: self._referred(item[name], depth) for name in own}
                return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            return {name: self.value(item[name], depth + 1) for name in own}
        self._bytes += item.size * item.dtype.itemsize
        check_size(self._path, self._bytes, self._limit)
        kind = _class_of(item)
        if "MATLAB_empty" in item.attrs:
            return "" if kind == "char" else np.zeros((0, 0))
        if h5py.check_ref_dtype(item.dtype) is not None:
            return self._referred(item, depth)
        values = item[()].T
        if kind == "char":
            rows = ["".join(map(chr, row)) for row in np.atleast_2d(values)]
            return rows[0] if len(rows) == 1 else rows
        return values

    def _referred(self, item: Any, depth: int) -> list[Any]:
        """What the references of a data set refer to, in MATLAB's order."""
        return [self.value(self._file[one], depth + 1) for one in item[()].T.ravel(order="F")]

    @staticmethod
    def _is_of_structures(item: Any) -> bool:
        """Whether a field holds references, one for each structure of an array."""
        import h5py

        return isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(item.dtype) is not None and not _class_of(item)


def _class_of(item: Any) -> str:
    """MATLAB's class of a data set; empty if the file does not say it."""
    given = item.attrs.get("MATLAB_class", b"")
    return given.decode("ascii", "replace") if isinstance(given, bytes) else str(given)


def _described(item: Any) -> str:
    """Shape and kind of an item, for messages."""
    if hasattr(item, "shape"):
        return f"{' × '.join(map(str, item.shape[::-1]))} {_class_of(item) or item.dtype}"
    return f"struct of {', '.join(item)}"
