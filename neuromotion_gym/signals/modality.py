"""Kinds of signal, and the defaults of sources for each; a data set may give other values.

This module imports nothing of the library but `neuromotion_gym.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from neuromotion_gym.errors import NeuroMotionError

Modality = Literal["eeg", "emg"]


@dataclass(frozen=True)
class ModalityFacts:
    """Defaults of one kind of signal.

    Parameters
    ----------
    pieces_s : (float, float)
        Shortest and longest time between two restarts of a source.
    fade_s : float
        Length of the cross-fade at a restart.
    """

    pieces_s: tuple[float, float]
    fade_s: float


MODALITIES: dict[Modality, ModalityFacts] = {
    "eeg": ModalityFacts(pieces_s=(1.0, 2.1), fade_s=0.1),
    "emg": ModalityFacts(pieces_s=(0.3, 0.7), fade_s=0.03),
}


def checked_modality(name: object) -> Modality:
    """Return ``name`` if it is a kind of signal.

    Raises
    ------
    NeuroMotionError
        If there is no such kind.
    """
    if name not in get_args(Modality):
        known = " or ".join(repr(one) for one in get_args(Modality))
        raise NeuroMotionError(f"Modality is {name!r}; it has to be {known}.")
    return cast("Modality", name)
