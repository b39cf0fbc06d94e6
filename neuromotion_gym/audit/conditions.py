"""What an EEG decoder's figures rest on: the same trials as recorded, without the eyes, late, from fewer places, slow.

=======================  ==============================================================================================
condition                what the decoder is given
=======================  ==============================================================================================
``recorded``             the recordings as they are
``regressed``            average reference, ocular channels regressed out (`signals.preprocessing.fit_ocular`)
``regressed_late``       the same, the first two seconds after the cue left out
``central``              regressed, then frontal and temporal electrodes replaced by the average of the others
``slow``                 as recorded, passed below 4 Hz by a causal filter: the eyes and little else
=======================  ==============================================================================================

A decoder of motor cortex stays at chance on ``slow`` and loses little from ``recorded`` to ``regressed``. Adaptation
to a person comes from the calibration run in the same condition; under ``slow`` from the unfiltered one, as a decoder
in use has it (alignment to the filtered run would undo the filter).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.statistics import studentised_bootstrap_interval
from neuromotion_gym.training.evaluation import Decisions, accuracy_by_person, decide, summary

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

CONDITIONS = ("recorded", "regressed", "regressed_late", "central", "slow")
LATE_S = 2.0
SLOW_HZ = 4.0
LEFT_RIGHT = ("left_fist", "right_fist")
FRONTAL_TEMPORAL = re.compile(r"(Fp|AF|FT|F|TP|T)(z|\d+)")
"""Names of frontal and temporal electrodes; FC and everything behind it stays."""


def frontal_temporal(channels: Sequence[str]) -> np.ndarray:
    """Which channels are frontal or temporal, bool array of shape (channels,)."""
    return np.array([FRONTAL_TEMPORAL.fullmatch(name) is not None for name in channels])


def in_condition(session: Session, condition: str) -> Session:
    """``session`` as a decoder is given it under ``condition``; its ocular regression was done (or not) by the reader.

    Raises
    ------
    NeuroMotionError
        If the condition is unknown.
    """
    if condition not in CONDITIONS:
        raise NeuroMotionError(f"Condition {condition!r} is unknown; conditions: {', '.join(CONDITIONS)}.")
    if condition == "central":
        return replace(
            session,
            recordings=tuple(_central(recording) for recording in session.recordings),
            calibration=tuple(_central(recording) for recording in session.calibration),
        )
    if condition == "slow":
        return replace(session, recordings=tuple(_slow(recording) for recording in session.recordings))
    return session


def _central(recording: Recording) -> Recording:
    outer = frontal_temporal(recording.spec.channels)
    matrix = np.diag((~outer).astype(float))
    matrix[outer] = (~outer) / max(1, int((~outer).sum()))
    return recording.transformed(matrix)


def _slow(recording: Recording) -> Recording:
    from scipy.signal import butter, sosfilt

    sections = butter(8, SLOW_HZ, "lowpass", fs=recording.spec.rate_hz, output="sos")
    return replace(
        recording, samples=sosfilt(sections, recording.samples, axis=1).astype(np.float32), as_recorded=False
    )


def decide_in_conditions(
    decoders: Mapping[str, Callable[[Session, str], Decoder]],
    dataset: str,
    part: str,
    *,
    conditions: Sequence[str] = CONDITIONS,
    root: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, dict[str, Decisions]]:
    """Decisions of several decoders on the same people under every condition, everybody read once a condition's eyes.

    Parameters
    ----------
    decoders : mapping of name to function
        The function gets a session and the condition, and gives the decoder (that did not see the person).
    dataset, part : str
        As in `neuromotion_gym.datasets.sessions.iter_sessions`.
    conditions : sequence of str
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    progress : function, optional
        Called with a line a person.

    Returns
    -------
    dict
        ``result[name][condition]``.
    """
    found: dict[str, dict[str, list[Decisions]]] = {name: {one: [] for one in conditions} for name in decoders}
    for ocular in ("keep", "regress"):
        chosen = [one for one in conditions if (one in ("recorded", "slow")) == (ocular == "keep")]
        for session in _sessions(dataset, part, ocular, root) if chosen else ():
            for condition in chosen:
                given = in_condition(session, condition)
                skip = LATE_S if condition == "regressed_late" else 0.0
                for name, pick in decoders.items():
                    found[name][condition].append(decide(pick(session, condition), [given], skip_s=skip))
            if progress is not None:
                progress(f"{session.subject} {ocular}")
    return {name: {one: joined(parts) for one, parts in table.items()} for name, table in found.items()}


def _sessions(dataset: str, part: str, ocular: str, root: str | os.PathLike[str] | None) -> Iterator[Session]:
    from neuromotion_gym.datasets.sessions import iter_sessions

    return iter_sessions(dataset, part, root=root, ocular=ocular, calibration_apart=True)  # type: ignore[arg-type]


def joined(parts: Sequence[Decisions]) -> Decisions:
    """Decisions of several sets of sessions as one, trials numbered on."""
    first, trials = 0, []
    for part in parts:
        trials.append(part.trials + first)
        first += int(part.trials.max()) + 1
    rest = ("posterior", "truth", "people", "since_onset_s", "onset")
    return Decisions(
        parts[0].labels,
        trials=np.concatenate(trials),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in rest},
    )


def figures(decisions: Decisions) -> dict[str, Any]:
    """Balanced accuracy, all labels and left against right alone, per window and per trial, with intervals."""
    alone = decisions.restricted(LEFT_RIGHT)
    return {
        "per_window": summary(decisions),
        "per_trial": summary(decisions.per_trial()),
        "left_fist_right_fist": {"per_window": summary(alone), "per_trial": summary(alone.per_trial())},
    }


def left_right_by_person(decisions: Decisions) -> dict[str, float]:
    """Balanced accuracy of left against right over whole trials, for each person."""
    return accuracy_by_person(decisions.restricted(LEFT_RIGHT).per_trial())


def paired(first: Decisions, second: Decisions, seed: int = 0) -> dict[str, float | None]:
    """Mean over people of the difference of `left_right_by_person`, with its 95 % interval (bootstrap-t)."""
    one, two = left_right_by_person(first), left_right_by_person(second)
    people = sorted(set(one) & set(two))
    difference = np.array([one[person] - two[person] for person in people])
    interval = studentised_bootstrap_interval(difference, generator=np.random.default_rng(seed), bounds=(-1, 1))
    return {"mean": interval.mean, "low": float(interval.low), "high": float(interval.high)}
