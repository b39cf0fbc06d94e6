"""A writer of EDF and BDF files with everything that goes wrong in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class Signal(NamedTuple):
    """One signal: integers of shape (records, samples in a record), and its header."""

    name: str
    codes: np.ndarray
    unit: str = "uV"
    digital: tuple[int, int] = (-32768, 32767)
    physical: tuple[float, float] = (-32768, 32767)


def noise(name: str, records: int, rate: int, seed: int = 0, **header: object) -> Signal:
    """A signal of noise, 100 digital units strong."""
    codes = np.random.default_rng([seed, *name.encode()]).normal(0, 100, (records, rate)).round().astype(int)
    return Signal(name, codes, **header)


def written_edf(
    path: Path,
    signals: Sequence[Signal],
    marks: Sequence[tuple[float, float, str]] = (),
    times: Sequence[float] | None = None,
) -> Path:
    """Records of one second. ``times`` makes it EDF+D (BDF+D, by the ending): when each record begins."""
    bdf = path.suffix == ".bdf"
    records, width, tal_bytes = len(signals[0].codes), 3 if bdf else 2, 120
    begins = list(range(records)) if times is None else list(times)
    columns = [
        [one.name.ljust(16) for one in signals] + [f"{'BDF' if bdf else 'EDF'} Annotations".ljust(16)],
        [" " * 80] * (len(signals) + 1),
        [one.unit.ljust(8) for one in signals] + [" " * 8],
        *(
            [f"{getattr(one, kind)[end]:g}".ljust(8) for one in signals] + [f"{2 * end - 1:g}".ljust(8)]
            for kind in ("physical",)
            for end in (0, 1)
        ),
        *([str(one.digital[end]).ljust(8) for one in signals] + [str((-32768, 32767)[end]).ljust(8)] for end in (0, 1)),
        [" " * 80] * (len(signals) + 1),
        [str(one.codes.shape[1]).ljust(8) for one in signals] + [str(tal_bytes // width).ljust(8)],
        [" " * 32] * (len(signals) + 1),
    ]
    kind = f"{'BDF' if bdf else 'EDF'}+{'C' if times is None else 'D'}"
    header = (
        (b"\xffBIOSEMI" if bdf else b"0       ")
        + ("X X X X".ljust(80) + "Startdate 01-JAN-2020 X X X".ljust(80) + "01.01.2000.00.00").encode()
        + (str(256 * (len(signals) + 2)).ljust(8) + kind.ljust(44) + str(records).ljust(8) + "1".ljust(8)).encode()
        + str(len(signals) + 1).ljust(4).encode()
        + "".join("".join(column) for column in columns).encode("latin-1")
    )
    body = []
    for record, begin in enumerate(begins):
        later = begins[record + 1] if record + 1 < records else np.inf
        tal = f"+{begin:g}\x14\x14\x00" + "".join(
            f"{onset:+g}\x15{duration:g}\x14{text}\x14\x00"
            for onset, duration, text in marks
            if (begin <= onset or record == 0) and onset < later
        )
        for one in signals:
            raw = one.codes[record].astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width]
            body.append(raw.tobytes())
        body.append(tal.encode().ljust(tal_bytes, b"\0"))
    path.write_bytes(header + b"".join(body))
    return path


@pytest.fixture(scope="session")
def write_edf() -> Callable[..., Path]:
    return written_edf


@pytest.fixture(scope="session")
def edf_noise() -> Callable[..., Signal]:
    return noise
