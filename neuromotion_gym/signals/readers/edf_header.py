"""Check that an EDF or BDF file holds as many records as its header says.

Readers, MNE's included, silently fill or drop samples that are missing at the end of a file, so a truncated
recording would look like a short one. Format: Kemp et al., Electroencephalogr. Clin. Neurophysiol. 82:391-393, 1992;
EDF+: Kemp and Olivan, Clin. Neurophysiol. 114:1755-1761, 2003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

FIXED_BYTES = 256
SIGNAL_BYTES = 256
SAMPLES_FIELD = 216  # bytes in a signal's header before its field "samples in a record"


def check_whole(path: Path) -> None:
    """Raise if the header is damaged or promises more records than the file's bytes hold.

    Raises
    ------
    NeuroMotionError
        If so, or if the file cannot be read; the message gives the header's numbers and those of the file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES)
            signals = _number(fixed[252:256], "number of signals", path)
            fields = file.read(signals * SIGNAL_BYTES) if 0 < signals <= 10_000 else b""
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read: {error.strerror}.") from error
    header = _number(fixed[184:192], "header length", path)
    records = _number(fixed[236:244], "number of records", path)
    if signals <= 0 or header != FIXED_BYTES + signals * SIGNAL_BYTES or len(fields) != signals * SIGNAL_BYTES:
        raise NeuroMotionError(
            f"{path} has a damaged header: {signals} signals need {FIXED_BYTES + signals * SIGNAL_BYTES} header bytes, "
            f"but the header states {header}, and the file has {len(fixed) + len(fields)}."
        )
    at = signals * SAMPLES_FIELD
    samples = [_number(fields[at + 8 * i : at + 8 * i + 8], "samples in a record", path) for i in range(signals)]
    if min(samples) <= 0:
        raise NeuroMotionError(f"{path} has a damaged header: a signal has {min(samples)} samples in a record.")
    width = 3 if fixed[:1] == b"\xff" else 2
    record = width * sum(samples)
    if records < 0:  # -1: unknown while recording; then one whole record is enough
        records = max(1, (size - header) // record)
    if size - header < records * record:
        raise NeuroMotionError(
            f"{path} is truncated: its header promises {records} records of {record} bytes, but {size - header} "
            f"bytes follow it ({(size - header) // record} whole records)."
        )


def _number(field: bytes, what: str, path: Path) -> int:
    """Integer of an ASCII header field."""
    try:
        return int(field.decode("ascii").strip("\0 "))
    except ValueError as error:
        raise NeuroMotionError(f"{path} is no EDF or BDF file, or cut in its header: {what} is {field!r}.") from error
