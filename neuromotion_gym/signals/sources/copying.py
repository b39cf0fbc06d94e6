"""Copies of sources: large parts that are never written to are shared, all else is copied. A leaf of its folder."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, TypeVar

SourceT = TypeVar("SourceT", bound="SharesParts")


class SharesParts:
    """Base of sources whose deep copies share some parts, so that a copy in the middle of an episode is cheap."""

    shared_parts: ClassVar[tuple[str, ...]]
    """Attributes that a copy shares; nothing writes to them."""

    def __deepcopy__(self: SourceT, memo: dict[int, Any]) -> SourceT:
        for name in self.shared_parts:
            part = getattr(self, name)
            memo[id(part)] = part
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied
