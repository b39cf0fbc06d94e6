"""Asks whether the response to the cue tells the label: the signal before any movement can have begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.features import log_variance, shortest_s, slow_course
from neuromotion_gym.audit.label_model import tells_label

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

EVOKED_S = 0.5
"""Stretch after the cue that holds the potentials that it evokes on the scalp."""
REACTION_S = 0.15
"""Before this time after a cue no muscle has reacted: simple reactions take about 0.2 s, choices longer."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Accuracy of the first moments after the cue."""
    if not material.from_onset.all():
        return NotAsked("it is not known when the person was asked to begin")
    seconds = EVOKED_S if material.scalp else REACTION_S
    if shortest_s(material.excerpts, material.rates_hz) < seconds:
        return NotAsked(f"excerpts are shorter than {seconds:g} s")
    features = _features(material, seconds)
    found = tells_label(material.per_trial(features), material.units, options)
    if found is None:
        return NotAsked("every session has one label only")
    return [
        Answer(
            f"accuracy of the first {seconds:g} s after the cue",
            found.accuracy,
            found.chance,
            found.p,
            f"The first {seconds:g} s after the cue tell the label at {found.accuracy.mean:.2f}, before a movement can "
            f"begin (chance {found.chance:.2f}).",
            "Leave out the time after the cue (skip_cue, epoch_s), show the figure with and without it, and give all "
            "cues the same place and sound in new recordings.",
            dots=found.each,
        )
    ]


def _features(material: Material, seconds: float) -> np.ndarray:
    if material.scalp:
        return slow_course(material.excerpts, material.rates_hz, ~material.eye_channels, (0.0, seconds))
    lengths = np.maximum(2, np.round(seconds * material.rates_hz)).astype(int)
    return log_variance([one[:, :length] for one, length in zip(material.excerpts, lengths, strict=True)])


QUESTION = Question("cue", "Does the response to the cue tell the label?", ask)
