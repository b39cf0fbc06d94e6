"""TFRecord files of `tf.train.Example` messages, written without TensorFlow.

A record is the length of the message (8 bytes, little-endian), the masked checksum of these bytes, the message, and its
masked checksum. The checksum is CRC-32C (Castagnoli); masked means turned right by 15 bits plus a constant. A message
is a protocol buffer: ``Example{1: Features{1: map of str to Feature{1: bytes, 2: floats, 3: integers}}}``, with packed
numbers.

Sources: TensorFlow's guide "TFRecord and tf.train.Example"; RFC 3720, appendix B.4 (check values of CRC-32C); the
protocol buffer encoding specification.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, its bits in reverse order."""
MASK = 0xA282EAD8
BYTES = 2
"""Wire type of what has a length: bytes, messages, packed numbers."""


def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C of some bytes."""
    found, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF


def record(message: bytes) -> bytes:
    """One record of a TFRecord file."""
    length = struct.pack("<Q", len(message))
    return b"".join([length, _masked(length), message, _masked(message)])


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + MASK) & 0xFFFFFFFF)


def example(features: Mapping[str, bytes | int | np.ndarray]) -> bytes:
    """A `tf.train.Example`.

    Parameters
    ----------
    features : mapping of str to bytes, int, or array
        Arrays of floats become 32-bit floats, row after row; arrays of integers, and an int, 64-bit integers.
    """
    entries = [
        _field(1, _field(1, name.encode()) + _field(2, _feature(value))) for name, value in sorted(features.items())
    ]
    return _field(1, b"".join(entries))


def _feature(value: bytes | int | np.ndarray) -> bytes:
    if isinstance(value, bytes):
        return _field(1, _field(1, value))
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return _field(2, _field(1, array.astype("<f4").tobytes()))
    packed = b"".join(_varint(int(number) & 0xFFFFFFFFFFFFFFFF) for number in array.ravel())
    return _field(3, _field(1, packed))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
