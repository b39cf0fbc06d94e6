"""What is wrong with a decoder: one `Fault` for each finding, and the error that lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a decoder.

    Parameters
    ----------
    what : str
        The part that is wrong: "unit", "output".
    found : str
        What was found.
    right : str
        What would be right.
    """

    what: str
    found: str
    right: str

    def __str__(self) -> str:
        return f"{self.what}: {self.found} (right: {self.right})"


class FaultyDecoderError(NeuroMotionError):
    """A decoder with faults; ``faults`` has all of them, the message names each.

    Parameters
    ----------
    where : str
        The decoder or its file, for the message.
    faults : sequence of Fault
    advice : str, optional
        A sentence at the end of the message.
    """

    def __init__(self, where: str, faults: Sequence[Fault], advice: str = "") -> None:
        self.where = where
        self.faults = tuple(faults)
        self.advice = advice
        listed = "; and ".join(str(fault) for fault in faults)
        super().__init__(f"{where}: {listed}.{f' {advice}' if advice else ''}")

    def __reduce__(self) -> tuple[type[FaultyDecoderError], tuple[str, tuple[Fault, ...], str]]:
        return type(self), (self.where, self.faults, self.advice)
