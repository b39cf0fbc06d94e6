"""Digest of any decoder: its own, or a text that no other object ever has."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder

_GIVEN: dict[int, tuple[weakref.ref[Decoder], str]] = {}
"""For each address the object that lies there, and its text: the next object at that address gets another one."""


def digest_of(decoder: Decoder) -> str:
    """The decoder's own ``digest()``; of an object that has none a text that stays the same as long as it lives.

    What an unknown object computes cannot be compared, so its results are never used for another object. One that can
    have no weak reference gets a new text at each call: its results are never used again.
    """
    own = getattr(decoder, "digest", None)
    if callable(own):
        return str(own())
    known, text = _GIVEN.get(id(decoder), (None, ""))
    if known is not None and known() is decoder:
        return text
    place, text = id(decoder), uuid4().hex
    with suppress(TypeError):
        _GIVEN[place] = (weakref.ref(decoder, lambda _: _GIVEN.pop(place, None)), text)
    return text


def is_comparable(decoder: Decoder) -> bool:
    """Whether the digest of a decoder changes whenever its results may.

    That of an object without a ``digest()`` does not: the object may be trained further, and it stays the same object.
    """
    stated: bool | None = getattr(decoder, "comparable", None)
    return callable(getattr(decoder, "digest", None)) if stated is None else stated
