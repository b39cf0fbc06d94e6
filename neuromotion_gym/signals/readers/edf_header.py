"""The header of an EDF or BDF file: whether the file is whole, and what MNE does not tell of its signals.

Readers, MNE's included, silently fill or drop samples that are missing at the end of a file, so a truncated
recording would look like a short one. Format: Kemp et al., Electroencephalogr. Clin. Neurophysiol. 82:391-393, 1992;
EDF+: Kemp and Olivan, Clin. Neurophysiol. 114:1755-1761, 2003.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

FIXED_BYTES = 256
SIGNAL_BYTES = 256
WIDTHS = {"name": 16, "transducer": 80, "unit": 8, "physical": 8, "physical_max": 8, "digital": 8, "digital_max": 8}
"""Bytes of the first fields of a signal's header, in their order; ``prefiltering`` and ``samples`` follow."""
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
"""Names of the signals that hold annotations."""


class EdfSignal(NamedTuple):
    """One signal of the header, as it is written there."""

    name: str
    unit: str
    """The physical dimension, byte by byte."""
    scaled: bool
    """Whether digital and physical values both have a range, so that samples have a size."""
    samples: int
    """Number of samples in a record."""


class EdfHeader(NamedTuple):
    """What a header says."""

    signals: tuple[EdfSignal, ...]
    records: int
    record_s: float
    offset: int
    """Number of bytes before the first record."""
    width: int
    """Bytes of a sample: 2 for EDF, 3 for BDF."""
    discontinuous: bool
    """Whether there may be gaps between records (EDF+D, BDF+D)."""


def read_header(path: Path) -> EdfHeader:
    """Read the header, and check that the file holds as many records as it promises.

    Raises
    ------
    NeuroMotionError
        If the header is damaged, the file is truncated, or it cannot be read; the message gives the header's numbers
        and those of the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES)
            count = _number(fixed[252:256], "number of signals", path)
            fields = file.read(count * SIGNAL_BYTES) if 0 < count <= 10_000 else b""
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read: {error.strerror}.") from error
    offset = _number(fixed[184:192], "header length", path)
    records = _number(fixed[236:244], "number of records", path)
    if count <= 0 or offset != FIXED_BYTES + count * SIGNAL_BYTES or len(fields) != count * SIGNAL_BYTES:
        raise NeuroMotionError(
            f"{path} has a damaged header: {count} signals need {FIXED_BYTES + count * SIGNAL_BYTES} header bytes, "
            f"but the header states {offset}, and the file has {len(fixed) + len(fields)}."
        )
    signals = _signals(fields, count, path)
    width = 3 if fixed[:1] == b"\xff" else 2
    record = width * sum(signal.samples for signal in signals)
    if records < 0:  # -1: unknown while recording; then one whole record is enough
        records = max(1, (size - offset) // record)
    if size - offset < records * record:
        raise NeuroMotionError(
            f"{path} is truncated: its header promises {records} records of {record} bytes, but {size - offset} "
            f"bytes follow it ({(size - offset) // record} whole records)."
        )
    record_s = _decimal(fixed[244:252])
    if not (math.isfinite(record_s) and record_s >= 0):
        raise NeuroMotionError(f"{path} has a damaged header: the duration of a record is {fixed[244:252]!r}.")
    return EdfHeader(signals, records, record_s, offset, width, fixed[192:197] in (b"EDF+D", b"BDF+D"))


def _signals(fields: bytes, count: int, path: Path) -> tuple[EdfSignal, ...]:
    """The headers of all signals; each field is written for all signals before the next one."""
    columns: dict[str, list[bytes]] = {}
    at = 0
    for name, width in {**WIDTHS, "prefiltering": 80, "samples": 8}.items():
        columns[name] = [fields[at + width * i : at + width * (i + 1)] for i in range(count)]
        at += width * count
    samples = [_number(field, "samples in a record", path) for field in columns["samples"]]
    if min(samples) <= 0:
        raise NeuroMotionError(f"{path} has a damaged header: a signal has {min(samples)} samples in a record.")
    return tuple(
        EdfSignal(
            _text(columns["name"][i]),
            columns["unit"][i].strip().decode("latin-1"),
            all(_decimal(columns[name][i]) != _decimal(columns[f"{name}_max"][i]) for name in ("physical", "digital")),
            samples[i],
        )
        for i in range(count)
    )


def _text(field: bytes) -> str:
    return field.decode("latin-1").split("\0")[0].strip()


def _decimal(field: bytes) -> float:
    """A number of an ASCII header field, with a decimal point or comma; NaN if it is none."""
    try:
        return float(_text(field).replace(",", "."))
    except ValueError:
        return math.nan


def _number(field: bytes, what: str, path: Path) -> int:
    """Integer of an ASCII header field."""
    try:
        return int(field.decode("ascii").strip("\0 "))
    except ValueError as error:
        raise NeuroMotionError(f"{path} is no EDF or BDF file, or cut in its header: {what} is {field!r}.") from error
