"""Fitting a surrogate to recordings.

The model. A trial is cut into bands by its Fourier transform, and each band into frames. In a band, a trial is
``mixing @ (gain * turned noise)``:

- noise, one source a channel, with the person's spectrum;
- mixing, the symmetric square root of a covariance: one for each person, label and part of the trial (EEG), or one for
  each trial (EMG). It weighs every frame by the inverse of its power (Tyler, Ann. Stat. 15:234-251, 1987), so that
  a burst does not stand for a trial;
- gain, the amplitude of a group of neighbouring sources, which follows the frames of *one* real trial drawn at
  random: that puts the bursts back where they were, for all bands and groups together;
- turned: where trials do not have their own mixing, sources of log-normal power turned at random, anew for every piece,
  and other powers at its end than at its begin.
  The default spread, one for everybody, gives the log-odds of a log-variance decoder the variance that they have on
  recordings (without it, half). It was set by hand on five people (S001, S033, S037, S041, S045) with a decoder
  trained on the train part.

Without the last two, the label is too easy to tell: it is the variation between trials that makes errors come in runs.
To recordings with an onset the slow response to the cue is added: a few spatial patterns a person, each with a time
course of low rank a trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals import surrogate_moments as moments
from neuromotion_gym.signals.preprocessing import OCULAR_CHANNELS
from neuromotion_gym.signals.surrogate_parameters import FORMAT, SurrogateParameters

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from neuromotion_gym.signals.parts import Part
    from neuromotion_gym.signals.recording import Modality, Session

Mixing = Literal["label", "trial"]


@dataclass(frozen=True)
class SurrogateModel:
    """Choices of the model.

    Parameters
    ----------
    name : str
        For tables and for the file.
    edges_hz : tuple of float
        Edges of the bands.
    mixing : {"label", "trial"}
        What has a covariance of its own: each person and label, or each trial.
    frames : int
        Frames of a trial in which amplitudes follow it; 1 keeps one amplitude a trial.
    groups : int
        Groups of sources with a common amplitude.
    patterns, course_rank : int
        Spatial patterns of the response to the cue, and the rank of their time courses over trials.
    parts : int
        Parts of a trial, from its onset, with mixings of their own.
    turn_sd, turn_shared : float
        Standard deviation of the log power of sources turned at random, and its correlation between bands.
    knots_hz : float
        How finely the time courses are kept.
    slow_hz : float
        Below which the response to the cue is looked for.
    """

    name: str
    edges_hz: tuple[float, ...]
    mixing: Mixing
    frames: int
    groups: int
    patterns: int = 4
    course_rank: int = 3
    parts: int = 1
    turn_sd: float = 0.0
    turn_shared: float = 0.0
    knots_hz: float = 8.0
    slow_hz: float = 3.0


MODELS: dict[Modality, SurrogateModel] = {
    "eeg": SurrogateModel(
        "banded, covariances by label",
        (0, 2, 4, 8, 10.5, 13, 20, 30, 45, 80),
        "label",
        frames=8,
        groups=8,
        parts=2,
        turn_sd=1.5,
        turn_shared=0.7,
    ),
    "emg": SurrogateModel("banded, covariances by trial", (0, 20, 45, 70, 100), "trial", frames=10, groups=8),
}


def model_variants(modality: Modality) -> dict[str, SurrogateModel]:
    """The default model (``"default"``) and simpler ones, for the table that compares them."""
    default = MODELS[modality]
    stationary = replace(default, name="stationary", mixing="label", frames=1, parts=1, turn_sd=0.0)
    unturned = replace(default, name="banded, sources not turned", turn_sd=0.0)
    trial = replace(default, name="banded, covariances by trial", mixing="trial", turn_sd=0.0)
    return {"default": default, "stationary": stationary, "unturned": unturned, "trial": trial}


class Device(NamedTuple):
    """What a data set's device does to its samples, and which channels see the eyes."""

    integer_range: tuple[int, int] | tuple[()] = ()
    ocular_channels: tuple[str, ...] = ()


DEVICES = {
    "eegmmidb": Device(ocular_channels=OCULAR_CHANNELS),
    "myo_armband": Device(integer_range=(-128, 127)),
}


@dataclass(frozen=True, eq=False)
class _Cut:
    """One trial as fitted: float32 samples (channels, length) in internal units."""

    samples: np.ndarray
    person: int
    label: int
    calibration: bool


def fit_surrogate(
    sessions: Iterable[Session],
    labels: Sequence[str],
    *,
    model: SurrogateModel | None = None,
    part: str = "",
    split: str = "",
    licence: str = "",
    cite: str = "",
    device: Device | None = None,
) -> SurrogateParameters:
    """Fit a surrogate to sessions as recorded, one person (and session) after the other.

    Parameters
    ----------
    sessions : iterable of Session
        What is fitted; calibration runs too, so that a decoder can be adapted to the surrogate's people.
    labels : sequence of str
        Labels to fit; trials of others are left out.
    model : SurrogateModel, optional
        Choices of the model; `MODELS` has the default of each modality.
    part, split, licence, cite : str
        Kept in the file.
    device : Device, optional
        Lowest and highest integer that the device gives; channels whose regression weights are fitted to the
        calibration run and kept. `DEVICES` has that of each data set.

    Raises
    ------
    NeuroMotionError
        If there is nothing to fit, sessions differ in spec, or one lacks a label.
    """
    people: list[list[Any]] = []
    everything: list[_Cut] = []
    weights: list[np.ndarray] = []
    runs: set[str] = set()
    device = device or Device()
    chosen, spec, length, onset, scale = model, None, 0, False, 1.0
    dataset = ""
    for session in sessions:
        if not session.recordings:
            raise NeuroMotionError(f"{session.subject} has no recordings to fit.")
        if spec is None:
            spec, dataset = session.recordings[0].spec, session.dataset
            chosen = model or MODELS[spec.modality]
            scale = 1e-6 if spec.unit == "V" else 1.0
            played = [one for recording in session.recordings for one in recording.trials if one.label in labels]
            if not played:
                raise NeuroMotionError(f"{session.subject} has no trials of {', '.join(labels)}.")
            lengths = sorted(one.stop - one.start for one in played)
            length, onset = lengths[len(lengths) // 10], played[0].has_onset
        found = _cut(session, labels, spec, length, len(people), scale)
        lacking = [
            label for i, label in enumerate(labels) if not any(cut.label == i and not cut.calibration for cut in found)
        ]
        if lacking:
            raise NeuroMotionError(f"{session.subject}, session {session.session} has no trials of {lacking[0]!r}.")
        everything += found
        runs |= {recording.run for recording in session.recordings}
        people.append([session.subject, session.session])
        weights.append(_ocular_weights(session, device.ocular_channels))
    if spec is None or chosen is None:
        raise NeuroMotionError("There is no session to fit.")
    meta = {
        "format": FORMAT,
        "dataset": dataset,
        "part": part,
        "split": split,
        "licence": licence,
        "cite": cite,
        "runs": sorted(runs),
        "model": chosen.name,
        "modality": spec.modality,
        "channels": list(spec.channels),
        "rate_hz": float(spec.rate_hz),
        "unit": spec.unit,
        "scale": scale,
        "labels": list(labels),
        "sessions": people,
        "has_onset": onset,
        "trial_s": length / spec.rate_hz,
        "integer_range": list(device.integer_range),
        "ocular_channels": list(device.ocular_channels),
        "evoked_knots_hz": chosen.knots_hz,
    }
    return _fit(everything, meta, chosen, np.stack(weights))


def fit_part(
    dataset: str,
    part: Part,
    labels: Sequence[str] | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    model: SurrogateModel | None = None,
) -> SurrogateParameters:
    """Fit a surrogate to a part of a data set.

    Parameters
    ----------
    dataset, part, root
        See `neuromotion_gym.signals.datasets.load_sessions`.
    labels : sequence of str, optional
        All that occur where left out, in order of name but for a label of rest, which comes first.
    model : SurrogateModel, optional
        See `fit_surrogate`.
    """
    from neuromotion_gym.signals.datasets import iter_sessions
    from neuromotion_gym.signals.parts import parts_table

    table = parts_table(dataset)
    sessions = list(iter_sessions(dataset, part, root=root, calibration_apart=True))
    if labels is None:
        found = {trial.label for session in sessions for one in session.recordings for trial in one.trials}
        labels = sorted(found, key=lambda label: (label not in ("rest", "neutral"), label))
    return fit_surrogate(
        sessions,
        labels,
        model=model,
        part=part,
        split=table.split,
        licence=table.licence,
        cite=table.cite,
        device=DEVICES.get(dataset),
    )


def _cut(session: Session, labels: Sequence[str], spec: Any, length: int, person: int, scale: float) -> list[_Cut]:
    """Trials of a session, then of its calibration runs (those cut into trials blindly where they are unlabelled)."""
    index = {label: i for i, label in enumerate(labels)}
    cuts = []
    for calibration, recordings in ((False, session.recordings), (True, session.calibration)):
        for recording in recordings:
            if recording.spec != spec:
                raise NeuroMotionError(f"{recording.name} has {recording.spec}, others {spec}.")
            spans = [
                (trial.start, index[trial.label])
                for trial in recording.trials
                if trial.label in index and trial.stop - trial.start >= length
            ]
            if calibration and spec.modality == "eeg":
                spans = [(start, -1) for start in range(0, recording.samples.shape[1] - length + 1, length)]
            cuts += [
                _Cut(
                    recording.samples[:, start : start + length].astype(np.float64) / scale, person, label, calibration
                )
                for start, label in spans
            ]
    return cuts


def _ocular_weights(session: Session, ocular_channels: Sequence[str]) -> np.ndarray:
    """Regression weights of a person, float32 of shape (channels, ocular channels)."""
    channels = session.recordings[0].spec.channels
    if not ocular_channels:
        return np.zeros((len(channels), 0), np.float32)
    from neuromotion_gym.signals.preprocessing import fit_ocular

    # The matrix is reference - weights @ reference[ocular]; solved for the weights
    matrix = fit_ocular(session.calibration, ocular_channels)
    reference = np.eye(len(channels)) - 1 / len(channels)
    picks = [channels.index(name) for name in ocular_channels]
    return ((reference - matrix) @ np.linalg.pinv(reference[picks])).astype(np.float32)


def _fit(cuts: list[_Cut], meta: dict[str, Any], model: SurrogateModel, ocular: np.ndarray) -> SurrogateParameters:
    """All arrays, from the trials of everybody."""
    cuts = sorted(cuts, key=lambda cut: (cut.calibration, cut.person, cut.label))
    person = np.array([cut.person for cut in cuts], np.int16)
    label = np.array([cut.label for cut in cuts], np.int16)
    calibration = np.array([cut.calibration for cut in cuts])
    channels, rate, people = len(meta["channels"]), meta["rate_hz"], len(ocular)
    groups, parts = min(model.groups, channels), model.parts
    group = moments.neighbours(np.stack([cut.samples for cut in cuts[:: max(1, len(cuts) // 100)]]), groups)
    count, bands = len(cuts), len(model.edges_hz) - 1
    keys = [
        [
            (
                *((i,) if model.mixing == "trial" else (cut.person, cut.calibration, cut.label)),
                part * (not cut.calibration),
            )
            for part in range(parts)
        ]
        for i, cut in enumerate(cuts)
    ]
    order = {key: i for i, key in enumerate(sorted({key for row in keys for key in row}))}
    mixing_of = np.array([[order[key] for key in row] for row in keys], np.int16)
    mixing = np.zeros((len(order), bands, channels * (channels + 1) // 2), np.float16)
    gains = np.zeros((count, bands, model.frames, groups))
    patterns = model.patterns if meta["has_onset"] else 0
    pattern = np.zeros((people, patterns, channels), np.float16)
    knots = int(np.ceil(meta["trial_s"] * model.knots_hz)) + 1
    course = np.zeros((count, patterns, knots), np.float16)
    spectrum = np.zeros((people, 2 * round(rate / 2) + 1), np.float16)
    turn_sd = np.full((people, bands), model.turn_sd, np.float32)
    turn_shared = np.full(people, model.turn_shared, np.float32)
    for one in range(people):
        own = np.flatnonzero(person == one)
        samples = np.stack([cuts[i].samples for i in own])
        played = ~calibration[own]
        if patterns:
            response, pattern[one], course[own[played]] = moments.evoked(
                samples[played],
                label[own[played]],
                rate,
                patterns=patterns,
                rank=model.course_rank,
                knots_hz=model.knots_hz,
                slow_hz=model.slow_hz,
            )
            samples[played] -= response
        spectrum[one] = moments.spectrum(samples, rate, spectrum.shape[1])
        for band, x in enumerate(moments.split(samples, rate, model.edges_hz)):
            scatter = moments.frame_scatter(x, model.frames)
            roots = _roots(scatter, mixing_of[own], parts)
            for which, root in roots.items():
                mixing[which, band] = root[np.tril_indices(channels)]
            inverse = {which: np.linalg.inv(root) for which, root in roots.items()}
            of_frame = mixing_of[own][:, np.arange(model.frames) * parts // model.frames]
            whitener = np.array([[inverse[which] for which in row] for row in of_frame])
            gains[own, band] = moments.gains(scatter, whitener, group, groups)
    step = (np.maximum(abs(gains).max(axis=(0, 2, 3)), 1e-3) / 127).astype(np.float32)
    steps = np.clip(np.rint(gains / step[:, None, None]), -127, 127).astype(np.int8)
    return SurrogateParameters(
        meta,
        np.array(model.edges_hz, np.float32),
        person,
        label,
        calibration,
        mixing,
        mixing_of,
        group,
        steps,
        step,
        turn_sd,
        turn_shared,
        spectrum,
        pattern,
        course,
        ocular.astype(np.float32),
    )


def _roots(scatter: np.ndarray, mixing_of: np.ndarray, parts: int) -> dict[int, np.ndarray]:
    """Symmetric roots of the mixings of one person and band, from frame covariances (trials, frames, c, c)."""
    frames, channels = scatter.shape[1:3]
    whole = moments.robust(scatter.reshape(-1, channels, channels))
    part_of = np.arange(frames) * parts // frames
    found = {}
    for which in np.unique(mixing_of):
        mine = mixing_of[:, part_of] == which
        found[int(which)] = moments.root(moments.robust(scatter[mine], whole))
    return found
