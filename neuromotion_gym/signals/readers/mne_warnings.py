"""Warnings of MNE-Python: heard while it works, and passed on once in the library's own line."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuromotion_gym.signals.stretches import Faults

NOT_OF_RECORDINGS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ResourceWarning)
"""Warnings about code, not about the recording."""


@contextmanager
def warnings_noted(faults: Faults) -> Iterator[None]:
    """Note each distinct warning of the block in ``faults`` instead of showing it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = [" ".join(str(one.message).split()) for one in caught if not issubclass(one.category, NOT_OF_RECORDINGS)]
    for text in dict.fromkeys(texts):
        faults.note("MNE warns", text.rstrip("."))
