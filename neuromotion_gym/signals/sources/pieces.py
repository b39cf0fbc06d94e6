"""Length of the pieces that a source plays between two restarts, and of the cross-fades that join them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import MODALITIES

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import SignalSpec

TRIAL_MARGIN_S = 0.1
"""With ``pacing="trial"``, seconds that a piece continues after the epoch: two control periods. The loop reads whole
control periods; with this margin the epoch always ends inside the piece."""


@dataclass(frozen=True)
class PieceRule:
    """Length of pieces and cross-fades, and the samples of a trial that may be played.

    Parameters
    ----------
    shortest, longest : int
        Bounds of the length of a piece in samples.
    fade : int
        Samples of the cross-fade, during which the old piece continues.
    skip : int
        Samples left out after each onset.
    beyond : int
        Number of samples after the end of a trial with an onset that may be played too.
    shrink : bool
        Whether the longest piece is shortened if trials are too short for it.
    """

    shortest: int
    longest: int
    fade: int
    skip: int
    beyond: int
    shrink: bool


def piece_rule(
    spec: SignalSpec,
    skip_cue: float,
    pieces_s: tuple[float, float] | None,
    fade_s: float | None,
    epoch_s: tuple[float, float] | None,
) -> PieceRule:
    """Rule in samples from options in seconds; options that are None take the defaults of the modality."""
    rate, usual = spec.rate_hz, MODALITIES[spec.modality]
    fade = round((usual.fade_s if fade_s is None else fade_s) * rate)
    skip = round(skip_cue * rate)
    if epoch_s is not None:
        margin = round(TRIAL_MARGIN_S * rate)
        length = round(epoch_s[1] * rate) + 1 + margin - skip
        return _checked(PieceRule(length, length, fade, skip, beyond=1 + margin + fade, shrink=False), rate)
    shortest, longest = (round(seconds * rate) for seconds in pieces_s or usual.pieces_s)
    return _checked(PieceRule(shortest, longest, fade, skip, beyond=0, shrink=True), rate)


def _checked(rule: PieceRule, rate: float) -> PieceRule:
    """Return the rule if the fade fits into the shortest piece, and the bounds are in order."""
    if not max(rule.fade, 1) <= rule.shortest <= rule.longest:
        raise NeuroMotionError(
            f"Pieces of {rule.shortest / rate:.2f} to {rule.longest / rate:.2f} s with a fade of "
            f"{rule.fade / rate:g} s cannot be played: the shortest has to hold the fade and not exceed the longest."
        )
    return rule
