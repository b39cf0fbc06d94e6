"""Tests which signals an EEG decoder relies on: the same trials under several conditions.

=======================  ==============================================================================================
condition                signals that the decoder gets
=======================  ==============================================================================================
``recorded``             the recordings as they are
``regressed``            average reference, ocular channels regressed out (`signals.preprocessing.fit_ocular`)
``regressed_late``       the same, without the seconds after the cue that the data set names (its ``skip_cue_s``)
``central``              regressed, then frontal and temporal electrodes replaced by the average of the others
``slow``                 as recorded, with a causal low-pass filter at 4 Hz: leaves eye movements and little else
``fast``                 as recorded, with a causal high-pass filter at 4 Hz: leaves rhythms, and little of the eyes
=======================  ==============================================================================================

A decoder of motor cortex stays at chance on ``slow`` and loses little from ``recorded`` to ``regressed``. Decoders are
adapted to a person with the calibration run in the same condition. Under ``slow`` and ``fast`` the calibration run
stays unfiltered, as in use, since alignment to a filtered run would undo the filter. A decoder that reads one window of
each trial (``pacing: trial``) has no seconds to leave out, so that ``regressed_late`` does not apply to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.sessions import Ocular, iter_sessions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import frontal_temporal
from neuromotion_gym.statistics import studentised_bootstrap_interval
from neuromotion_gym.training.evaluation import Decisions, accuracy_by_person, decide, summary

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.datasets.parts import Part
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

OCULAR: dict[str, Ocular] = {
    "recorded": "keep",
    "regressed": "regress",
    "regressed_late": "regress",
    "central": "regress",
    "slow": "keep",
    "fast": "keep",
}
"""What the reader does with the ocular channels under each condition."""
CONDITIONS = tuple(OCULAR)
EDGE_HZ = 4.0
"""Between ``slow`` and ``fast``: most of what the eyes do lies below it."""


def conditions_of(dataset: str) -> tuple[str, ...]:
    """Conditions that apply to a data set: some need ocular channels, ``regressed_late`` needs a cue to leave out."""
    facts = registry.dataset(dataset)
    return tuple(
        condition
        for condition, ocular in OCULAR.items()
        if (ocular == "keep" or facts.ocular_channels) and (condition != "regressed_late" or facts.skip_cue_s > 0)
    )


def in_condition(session: Session, condition: str) -> Session:
    """``session`` as a decoder gets it under ``condition``; the reader has already done the ocular regression.

    Raises
    ------
    NeuroMotionError
        If the condition is unknown, or no electrode of a recording is left under ``central``.
    """
    if condition not in CONDITIONS:
        raise NeuroMotionError(f"Condition {condition!r} is unknown; conditions: {', '.join(CONDITIONS)}.")
    if condition == "central":
        return replace(
            session,
            recordings=tuple(_central(recording) for recording in session.recordings),
            calibration=tuple(_central(recording) for recording in session.calibration),
        )
    if condition in ("slow", "fast"):
        recordings = tuple(_filtered(recording, slow=condition == "slow") for recording in session.recordings)
        return replace(session, recordings=recordings)
    return session


def _central(recording: Recording) -> Recording:
    outer = frontal_temporal(recording.spec.channels)
    if outer.all():
        raise NeuroMotionError(f"{recording.name} has only frontal and temporal electrodes; none is left.")
    matrix = np.diag((~outer).astype(float))
    matrix[outer] = (~outer) / int((~outer).sum())
    return recording.transformed(matrix)


def _filtered(recording: Recording, *, slow: bool) -> Recording:
    from scipy.signal import butter, sosfilt

    sections = butter(8, EDGE_HZ, "lowpass" if slow else "highpass", fs=recording.spec.rate_hz, output="sos")
    return replace(
        recording, samples=sosfilt(sections, recording.samples, axis=1).astype(np.float32), as_recorded=False
    )


def decide_in_conditions(
    decoders: Mapping[str, Callable[[Session, str], Decoder]],
    dataset: str,
    part: Part,
    *,
    conditions: Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    session_kind: str | None = None,
    calibration_apart: bool = True,
    progress: Callable[[str], None] | None = None,
) -> dict[str, dict[str, Decisions]]:
    """Decisions of several decoders on the same people under several conditions.

    Each person's recordings are read twice at most: with and without ocular regression.

    Parameters
    ----------
    decoders : mapping of name to function
        The function takes a session and a condition, and returns a decoder that was not trained on the person.
    dataset, part : str
        As in `neuromotion_gym.datasets.sessions.iter_sessions`.
    conditions : sequence of str, optional
        Names of the conditions; if left out, all that apply to the data set.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` if left out.
    session_kind, calibration_apart
        As in `neuromotion_gym.datasets.sessions.iter_sessions`.
    progress : function, optional
        Called with one line of text after each session that is read.

    Returns
    -------
    dict
        ``result[name][condition]``.

    Raises
    ------
    NeuroMotionError
        If a condition is unknown or does not apply to the data set.
    """
    apply = conditions_of(dataset)
    chosen = apply if conditions is None else tuple(conditions)
    if foreign := [condition for condition in chosen if condition not in apply]:
        raise NeuroMotionError(f"{', '.join(foreign)} does not apply to {dataset}; conditions: {', '.join(apply)}.")
    late_s = registry.dataset(dataset).skip_cue_s
    found: dict[str, dict[str, list[Decisions]]] = {name: {one: [] for one in chosen} for name in decoders}
    for ocular in dict.fromkeys(OCULAR[condition] for condition in chosen):
        for session in iter_sessions(
            dataset, part, root=root, session_kind=session_kind, ocular=ocular, calibration_apart=calibration_apart
        ):
            for condition in (one for one in chosen if OCULAR[one] == ocular):
                given = in_condition(session, condition)
                skip = late_s if condition == "regressed_late" else 0.0
                for name, pick in decoders.items():
                    found[name][condition].append(decide(pick(session, condition), [given], skip_s=skip))
            if progress is not None:
                progress(f"{session.subject} {ocular}")
    return {name: {one: joined(parts) for one, parts in table.items()} for name, table in found.items()}


def joined(parts: Sequence[Decisions]) -> Decisions:
    """Join the decisions of several sets of sessions; the trials are numbered consecutively."""
    first, trials = 0, []
    for part in parts:
        trials.append(part.trials + first)
        first += int(part.trials.max()) + 1
    others = ("posterior", "truth", "people", "since_onset_s", "onset")
    return Decisions(
        parts[0].labels,
        trials=np.concatenate(trials),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in others},
    )


def figures(decisions: Decisions, contrasts: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Balanced accuracy of all labels and of each contrast alone, per window and per trial, with intervals.

    Parameters
    ----------
    decisions : Decisions
    contrasts : sequence of sequences of labels
        For example the ``contrasts`` of a data set. The key of a contrast is its labels joined by ``_``.
    """
    result = {"per_window": summary(decisions), "per_trial": summary(decisions.per_trial())}
    for labels in contrasts:
        alone = decisions.restricted(labels)
        result["_".join(labels)] = {"per_window": summary(alone), "per_trial": summary(alone.per_trial())}
    return result


def contrast_by_person(decisions: Decisions, contrast: Sequence[str]) -> dict[str, float]:
    """Balanced accuracy of some labels against each other over whole trials, for each person."""
    return accuracy_by_person(decisions.restricted(contrast).per_trial())


def paired(first: Decisions, second: Decisions, contrast: Sequence[str], seed: int = 0) -> dict[str, float | None]:
    """Mean over people of the difference of `contrast_by_person`, with its 95 % interval (studentised bootstrap)."""
    one, two = contrast_by_person(first, contrast), contrast_by_person(second, contrast)
    people = sorted(set(one) & set(two))
    difference = np.array([one[person] - two[person] for person in people])
    interval = studentised_bootstrap_interval(difference, generator=np.random.default_rng(seed), bounds=(-1, 1))
    return {"mean": interval.mean, "low": float(interval.low), "high": float(interval.high)}
