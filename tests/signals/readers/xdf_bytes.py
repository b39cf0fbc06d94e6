"""XDF files as Lab Streaming Layer's recorder writes them, in bytes."""

from __future__ import annotations

import struct

import numpy as np

RATE = 100
SAMPLES = np.random.default_rng(0).standard_normal((2, 500)).astype(np.float32)


def chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<I", len(content) + 2) + struct.pack("<H", tag) + content


def header(number: int, name: str, kind: str, count: int, rate: float, form: str, labels=(), unit: str = "") -> bytes:
    described = "".join(f"<channel><label>{one}</label><unit>{unit}</unit></channel>" for one in labels)
    text = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type><channel_count>{count}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{form}</channel_format>"
        f"<desc><channels>{described}</channels></desc></info>"
    )
    return chunk(2, struct.pack("<I", number) + text.encode())


def numbers(number: int, samples: np.ndarray, stamps: np.ndarray) -> bytes:
    body = b"".join(
        b"\x08" + struct.pack("<d", stamp) + row.astype("<f4").tobytes()
        for stamp, row in zip(stamps, samples.T, strict=True)
    )
    return chunk(3, struct.pack("<I", number) + b"\x04" + struct.pack("<I", len(stamps)) + body)


def texts(number: int, marks: dict[float, str]) -> bytes:
    body = b"".join(
        b"\x08" + struct.pack("<d", stamp) + b"\x01" + bytes([len(text.encode())]) + text.encode()
        for stamp, text in marks.items()
    )
    return chunk(3, struct.pack("<I", number) + b"\x04" + struct.pack("<I", len(marks)) + body)


def offset(number: int, time: float, value: float) -> bytes:
    return chunk(4, struct.pack("<Idd", number, time, value))


MARKS = {1000.5: "left", 1002.0: "right", 1003.5: "left"}


def xdf(
    marks: dict[float, str] | None = None,
    *,
    clock: float = 0.0,
    stamps: np.ndarray | None = None,
    kind: str = "EEG",
    rate: float = RATE,
    labels: tuple[str, ...] = ("C3", "C4"),
    unit: str = "microvolts",
    more: bytes = b"",
    others: tuple[int, ...] = (),
) -> bytes:
    """A stream of samples from second 1000 on, and markers whose clock is ``clock`` seconds late."""
    stamps = 1000 + np.arange(SAMPLES.shape[1]) / RATE if stamps is None else stamps
    given = {time - clock: name for time, name in (MARKS if marks is None else marks).items()}
    return (
        b"XDF:"
        + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")
        + header(1, "amp", kind, 2, rate, "float32", labels, unit)
        + header(2, "cues", "Markers", 1, 0, "string")
        + more
        + b"".join(offset(number, 1000.0 + second, 0.0) for number in (1, *others) for second in range(10))
        + b"".join(offset(2, 1000.0 + second - clock, clock) for second in range(10))
        + numbers(1, SAMPLES, stamps)
        + texts(2, given)
    )
