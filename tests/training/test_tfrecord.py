"""The format against published values, and against a reader that is written here from its description."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.training.tfrecord import crc32c, example, record

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"123456789", 0xE3069283),  # the usual check value
        (bytes(32), 0x8A9136AA),  # RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_are_the_published_ones(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


def test_an_example_is_the_bytes_that_tensorflow_s_guide_shows() -> None:
    """Its entries, in the order of their names: the guide's own order is that of a hash table."""
    found = example({"feature0": 0, "feature1": 4, "feature2": b"goat", "feature3": np.array([0.9876], np.float32)})
    assert found == (
        b"\nR\n\x11\n\x08feature0\x12\x05\x1a\x03\n\x01\x00\n\x11\n\x08feature1\x12\x05\x1a\x03\n\x01\x04"
        b"\n\x14\n\x08feature2\x12\x08\n\x06\n\x04goat\n\x14\n\x08feature3\x12\x08\x12\x06\n\x04[\xd3|?"
    )


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field of a message."""
    while data:
        key, data = varint(data)
        size, data = varint(data)
        assert key & 7 == 2
        yield key >> 3, data[:size]
        data = data[size:]


def varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for place, byte in enumerate(data):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, data[place + 1 :]
    raise AssertionError(data)


def records(data: bytes) -> Iterator[dict[str, np.ndarray | list[int] | bytes]]:
    """Features of every record of a file."""
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        for start, stop in ((0, 8), (12, 12 + size)):
            turned = (struct.unpack("<I", data[stop : stop + 4])[0] - 0xA282EAD8) & 0xFFFFFFFF
            assert (turned >> 17 | turned << 15) & 0xFFFFFFFF == crc32c(data[start:stop])
        ((one, features),) = fields(data[12 : 12 + size])
        assert one == 1
        found: dict[str, np.ndarray | list[int] | bytes] = {}
        for _, entry in fields(features):
            (_, name), (_, feature) = fields(entry)
            ((kind, values),) = fields(feature)
            ((_, content),) = fields(values)
            if kind == 3:
                numbers = []
                while content:
                    number, content = varint(content)
                    numbers.append(number - 2**64 if number >= 2**63 else number)
                found[name.decode()] = numbers
            else:
                found[name.decode()] = np.frombuffer(content, "<f4") if kind == 2 else content
        yield found
        data = data[16 + size :]


def test_records_are_read_back() -> None:
    generator = np.random.default_rng(0)
    given = [
        {
            "window": generator.normal(size=(2, 40)).astype(np.float32),
            "label": number,
            "shape": np.array([2, 300 * number]),
        }
        for number in (-1, 0, 2**40)
    ]
    found = list(records(b"".join(record(example(one)) for one in given)))
    for one, other in zip(given, found, strict=True):
        np.testing.assert_array_equal(other["window"], np.ravel(one["window"]))
        assert other["label"] == [one["label"]]
        assert other["shape"] == np.array(one["shape"]).tolist()
