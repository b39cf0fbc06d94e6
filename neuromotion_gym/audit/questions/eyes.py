"""Asks whether the eyes tell the label: electrodes over the eyes below 4 Hz, and a decoder that gets no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.conditions import in_condition
from neuromotion_gym.audit.decided import tells_by_decisions
from neuromotion_gym.audit.features import shortest_s, slow_course
from neuromotion_gym.audit.label_model import tells_label

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

LONGEST_S = 4.0
"""Stretch of a trial that is read: eye movements follow the cue."""
SHORTEST_S = 0.25
REGRESS = (
    "Regress the ocular channels out (ocular='regress'), leave out the first two seconds after the cue (skip_cue=2), "
    "and show the figure in each of these conditions, with the eye control beside it."
)


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Accuracy of electrodes over the eyes below 4 Hz, and of the decoder below 4 Hz."""
    chosen = material.eye_channels
    if not chosen.any():
        return NotAsked("no channel lies over the eyes (name them with eyes=)")
    seconds = min(LONGEST_S, shortest_s(material.excerpts, material.rates_hz))
    if seconds < SHORTEST_S:
        return NotAsked(f"excerpts of {seconds:.2f} s are too short for movements of the eyes")
    features = material.per_trial(slow_course(material.excerpts, material.rates_hz, chosen, (0.0, seconds)))
    found = tells_label(features, material.units, options)
    if found is None:
        return NotAsked("every session has one label only")
    names = ", ".join(name for name, hit in zip(material.channels, chosen, strict=True) if hit)
    answers = [
        Answer(
            "accuracy of the eyes alone, below 4 Hz",
            found.accuracy,
            found.chance,
            found.p,
            f"{names}, below 4 Hz, tell the label at {found.accuracy.mean:.2f}{_after(material)} (chance "
            f"{found.chance:.2f}).",
            REGRESS,
            dots=found.each,
        )
    ]
    if material.decoder is not None:
        sessions = [in_condition(session, "slow") for session in material.sessions_read]
        slow = tells_by_decisions(material.decoder, sessions, material.names, options)
        if slow is not None:
            answers.append(
                Answer(
                    "accuracy of the decoder on its input below 4 Hz",
                    slow.accuracy,
                    slow.chance,
                    slow.p,
                    f"The decoder gets {slow.accuracy.mean:.2f} of the trials right from what is below 4 Hz, where eye "
                    f"movements are and little else (chance {slow.chance:.2f}).",
                    REGRESS,
                    dots=slow.each,
                )
            )
    return answers


def _after(material: Material) -> str:
    decoder = material.decoder
    return " after ocular regression" if decoder is not None and decoder.spec.ocular == "regress" else ""


QUESTION = Question("eyes", "Do the eyes tell the label?", ask)
