"""Fitting a surrogate to recordings.

The model. A trial is cut into bands by its Fourier transform, and each band into frames. In a frame of a band, a trial
is ``mixing @ gain @ varied @ noise``:

- noise, one source per channel, with the person's spectrum;
- mixing, the symmetric square root of a covariance: one for each person, label and part of the trial (EEG), or one for
  each trial (EMG). The covariance weights every frame by the inverse of its power (Tyler, Ann. Stat. 15:234-251,
  1987), so that a burst does not dominate a trial;
- gain, the amplitude of all sources or of groups of neighbouring ones. It is taken from the frames of *one* real trial
  drawn at random, so that bursts come at the same time in all bands and groups;
- varied (EEG), the square root of ``1 + sum(score * mode)``: the difference between the covariance of that frame of
  that real trial and the covariance of its label, in the few directions in which people's covariances vary beyond
  chance (`neuromotion_gym.signals.surrogate.modes`). A score is scaled to the variance beyond chance, because the noise
  adds the variance by chance again, and multiplied by the model's spread. Modes and spread are computed from people of
  the train part.

Without gain and varied the label is too easy to decode: variation between and within trials makes errors come in runs.
Two terms are added for recordings with an onset, and for a model with ``levels``: the person's mean level of each
channel, and the slow response to the cue. The response has a few spatial patterns per person, and a time course of each
pattern in each trial (of low rank over trials). Without an onset it is the trial's mean level.

Recordings with continuous targets: the course of each target in each trial, a few straight lines fitted to it. What
plays a trial plays its targets with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import assets_root
from neuromotion_gym.signals.surrogate import moments
from neuromotion_gym.signals.surrogate.courses import lines
from neuromotion_gym.signals.surrogate.models import MODELS, Device
from neuromotion_gym.signals.surrogate.modes import Modes, Variation, departures, read_modes, weighing
from neuromotion_gym.signals.surrogate.parameters import FORMAT, TARGET_STEP, SurrogateParameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from neuromotion_gym.signals.recording import Session, SignalSpec, Trial
    from neuromotion_gym.signals.surrogate.models import SurrogateModel

LARGEST = 1e4
"""Largest sample in internal units; roots of covariances are stored in 16 bits, which end at 65504."""
SCORE_RANGE_SD = 8.0
"""Largest score that one byte can hold, in standard deviations of the score."""


@dataclass(frozen=True, eq=False)
class _Cut:
    """One trial for the fit: float64 samples (channels, length) in internal units, and targets (targets, length)."""

    samples: np.ndarray
    targets: np.ndarray
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
    modes: Modes | None = None,
) -> SurrogateParameters:
    """Fit a surrogate to sessions as recorded, one person (and session) after the other.

    Parameters
    ----------
    sessions : iterable of Session
        Sessions to fit. Their calibration runs are fitted too, so that a decoder can be adapted to the surrogate's
        people.
    labels : sequence of str
        Labels to fit; trials of others are left out.
    model : SurrogateModel, optional
        Settings of the model; `MODELS` has the default of each modality.
    part, split, licence, cite : str
        Stored in the file.
    device : Device, optional
        Range of integers of the device; ocular channels, whose regression weights are fitted to the calibration run
        and stored; whether the labels of calibration runs are used.
    modes : Modes, optional
        Modes by which covariances vary, for a model with modes. By default those that the library ships for the data
        set, if they fit the model; otherwise modes computed from the sessions themselves.

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
    chosen, spec, length, onset, scale, whole = model, None, 0, False, 1.0, False
    dataset, targets = "", list[str]()
    for session in sessions:
        if not session.recordings:
            raise NeuroMotionError(f"{session.subject} has no recordings to fit.")
        if spec is None:
            spec, dataset = session.recordings[0].spec, session.dataset
            chosen = model or MODELS[spec.modality]
            scale = _unit(spec)
            played = [one for recording in session.recordings for one in recording.trials if one.label in labels]
            if not played:
                raise NeuroMotionError(f"{session.subject} has no trials of {', '.join(labels)}.")
            length, onset = _typical_length([one.stop - one.start for one in played]), played[0].has_onset
            if whole := chosen.stretch_s is not None:
                length = round(chosen.stretch_s * spec.rate_hz)
        found = _cut(session, labels, spec, length, len(people), scale, device, whole)
        lacking = [
            label for i, label in enumerate(labels) if not any(cut.label == i and not cut.calibration for cut in found)
        ]
        if lacking:
            raise NeuroMotionError(f"{session.subject}, session {session.session} has no trials of {lacking[0]!r}.")
        if (own := _target_names(session)) != (targets := targets if people else own):
            raise NeuroMotionError(
                f"{session.subject} has the targets {', '.join(own) or 'none'}, others {', '.join(targets) or 'none'}."
            )
        everything += found
        runs |= {recording.run for recording in session.recordings}
        people.append([session.subject, session.session])
        weights.append(_ocular_weights(session, device.ocular_channels))
    if spec is None or chosen is None:
        raise NeuroMotionError("There is no session to fit.")
    chosen = replace(chosen, edges_hz=_edges_within(chosen.edges_hz, spec.rate_hz))
    largest = max(float(abs(cut.samples).max()) for cut in everything)
    if largest > LARGEST:  # envelopes in volts, of electrodes that amplify
        larger = 1000.0 ** np.ceil(np.log(largest / LARGEST) / np.log(1000))
        scale *= larger
        everything = [replace(cut, samples=cut.samples / larger) for cut in everything]
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
        "noise": chosen.noise,
    }
    if targets:
        meta["targets"] = targets
    if chosen.modes and modes is None:
        modes = shipped_modes(dataset, spec.channels, chosen)
    return _fit(everything, meta, chosen, np.stack(weights), modes)


def _cut(
    session: Session,
    labels: Sequence[str],
    spec: Any,
    length: int,
    person: int,
    scale: float,
    device: Device,
    whole: bool = False,
) -> list[_Cut]:
    """Trials of a session, then of its calibration runs (equal stretches, if their labels are not used).

    With ``whole`` several stretches of a trial, from its beginning to its end.
    """
    index = {label: i for i, label in enumerate(labels)}
    cuts = []
    for calibration, recordings in ((False, session.recordings), (True, session.calibration)):
        for recording in recordings:
            if recording.spec != spec:
                raise NeuroMotionError(f"{recording.name} has {recording.spec}, others {spec}.")
            spans = [
                (start, index[trial.label])
                for trial in recording.trials
                if trial.label in index
                for start in _starts(trial, length, whole)
            ]
            if calibration and not device.calibration_labelled:
                spans = [(start, -1) for start in range(0, recording.samples.shape[1] - length + 1, length)]
            values = (
                np.zeros((0, recording.samples.shape[1])) if recording.targets is None else recording.targets.values
            )
            cuts += [
                _Cut(
                    recording.samples[:, start : start + length].astype(np.float64) / scale,
                    values[:, start : start + length],
                    person,
                    label,
                    calibration,
                )
                for start, label in spans
            ]
    return cuts


def _target_names(session: Session) -> list[str]:
    """Names of the targets of a session.

    Raises
    ------
    NeuroMotionError
        If its recordings differ in them.
    """
    runs = (*session.recordings, *session.calibration)
    found = {() if one.targets is None else one.targets.names for one in runs}
    if len(found) > 1:
        raise NeuroMotionError(f"{session.subject} has recordings with the targets {', '.join(map(str, found))}.")
    return list(found.pop())


def _courses(targets: np.ndarray, knots: int) -> np.ndarray:
    """Values at the knots of straight lines fitted to targets (least squares), in steps, int8.

    Parameters
    ----------
    targets : float array, shape (trials, targets, length)
    knots : int
        Two or more.

    Returns
    -------
    int8 array, shape (trials, targets, knots)
    """
    line = lines(targets.shape[2], knots)
    values = np.linalg.lstsq(line, targets.reshape(-1, targets.shape[2]).T, rcond=None)[0].T
    return _in_steps(values.reshape(*targets.shape[:2], knots), TARGET_STEP)


def _starts(trial: Trial, length: int, whole: bool) -> list[int]:
    """First samples of the stretches of a trial that are fitted; none if it is too short."""
    room = trial.stop - trial.start - length
    if room < 0:
        return []
    if not whole:
        return [trial.start]
    count = max(2, round(room / length) + 1)
    return [trial.start + round(room * i / (count - 1)) for i in range(count)]


def _ocular_weights(session: Session, ocular_channels: Sequence[str]) -> np.ndarray:
    """Regression weights of a person, float32 of shape (channels, ocular channels)."""
    channels = session.recordings[0].spec.channels
    if not ocular_channels:
        return np.zeros((len(channels), 0), np.float32)
    from neuromotion_gym.signals.preprocessing import fit_ocular

    # The matrix is reference - weights @ reference[ocular]; this is solved for the weights
    matrix = fit_ocular(session.calibration, ocular_channels)
    reference = np.eye(len(channels)) - 1 / len(channels)
    picks = [channels.index(name) for name in ocular_channels]
    return ((reference - matrix) @ np.linalg.pinv(reference[picks])).astype(np.float32)


def _fit(
    cuts: list[_Cut], meta: dict[str, Any], model: SurrogateModel, ocular: np.ndarray, modes: Modes | None
) -> SurrogateParameters:
    """All parameters, from the trials of all people."""
    cuts = sorted(cuts, key=lambda cut: (cut.calibration, cut.person, cut.label))
    person = np.array([cut.person for cut in cuts], np.int16)
    label = np.array([cut.label for cut in cuts], np.int16)
    calibration = np.array([cut.calibration for cut in cuts])
    channels, rate, people = len(meta["channels"]), meta["rate_hz"], len(ocular)
    groups = min(model.groups, channels)
    group = moments.neighbours(np.stack([cut.samples for cut in cuts[:: max(1, len(cuts) // 100)]]), groups)
    count, bands = len(cuts), len(model.edges_hz) - 1
    mixing_of = _mixing_of(cuts, model)
    mixing = np.zeros((mixing_of.max() + 1, bands, channels * (channels + 1) // 2), np.float16)
    gains = np.zeros((count, bands, model.frames, groups))
    patterns = min(model.patterns, channels) if meta["has_onset"] or model.levels else 0
    pattern = np.zeros((people, patterns, channels), np.float16)
    knots = int(np.ceil(meta["trial_s"] * model.knots_hz)) + 1
    course = np.zeros((count, patterns, knots), np.float16)
    spectrum = np.zeros((people, moments.spectrum_bins(rate)), np.float16)
    offset = np.zeros((people, channels), np.float32)
    left: list[np.ndarray] = []
    for one in range(people):
        own = np.flatnonzero(person == one)
        samples = np.stack([cuts[i].samples for i in own])
        # Levels are what a labelled calibration run tells of envelopes; a response to the cue need not be in it
        fitted = ~calibration[own] | model.levels
        if patterns:
            response, pattern[one], course[own[fitted]] = moments.evoked(
                samples[fitted],
                label[own[fitted]],
                rate,
                patterns=patterns,
                rank=model.course_rank,
                knots_hz=model.knots_hz,
                slow_hz=model.slow_hz,
            )
            samples[fitted] -= response
            # The mean level has the same sign in all trials; noise of the same power would have either sign
            level = samples[fitted].mean(axis=(0, 2))
            offset[one] = level
            samples[fitted] -= level[:, None]
        spectrum[one] = moments.spectrum(samples, rate, spectrum.shape[1])
        left.append(samples)
    if model.modes and modes is None:
        modes = _own_modes(left, [mixing_of[person == one] for one in range(people)], meta, model)
    found = min(model.modes, modes.matrix.shape[1]) if modes else 0
    score = np.zeros((count if found else 0, bands, model.frames, found))
    for one, samples in enumerate(left):
        own = np.flatnonzero(person == one)
        played = ~calibration[own]
        for band, x in enumerate(moments.split(samples, rate, model.edges_hz)):
            roots, gains[own, band], white = moments.whitened(
                moments.frame_scatter(x, model.frames), mixing_of[own], group, groups
            )
            for which, root in roots.items():
                mixing[which, band] = root[np.tril_indices(channels)]
            if found and modes:
                departure = departures(white[played], weighing(roots), mixing_of[own[played]])
                score[own[played], band] = model.spread * modes.scores(band, departure)[..., :found]
    step = np.maximum(abs(gains).max(axis=(0, 2, 3)), 1e-3) / 127
    score_step = np.maximum(score.std(axis=(0, 2)) * SCORE_RANGE_SD, 1e-3) / 127 if found else np.zeros((bands, 0))
    return SurrogateParameters(
        meta,
        np.array(model.edges_hz, np.float32),
        person,
        label,
        calibration,
        mixing,
        mixing_of,
        group,
        _in_steps(gains, step[:, None, None]),
        step.astype(np.float32),
        spectrum,
        pattern,
        course,
        ocular.astype(np.float32),
        (modes.matrix[:, :found] if modes else np.zeros((bands, 0, mixing.shape[2]))).astype(np.float16),
        _in_steps(score, score_step[:, None]),
        score_step.astype(np.float32),
        offset,
        _courses(np.stack([cut.targets for cut in cuts]), model.target_knots)
        if "targets" in meta
        else np.zeros((count, 0, 0), np.int8),
    )


def _in_steps(values: np.ndarray, step: np.ndarray | float) -> np.ndarray:
    """Values as whole numbers of steps, one byte each."""
    return np.clip(np.rint(values / step), -127, 127).astype(np.int8)


def _mixing_of(cuts: list[_Cut], model: SurrogateModel) -> np.ndarray:
    """Mixing of each part of each trial, int16 of shape (trials, parts)."""
    keys = [
        [
            (
                *((i,) if model.mixing == "trial" else (cut.person, cut.calibration, cut.label)),
                part * (not cut.calibration),
            )
            for part in range(model.parts)
        ]
        for i, cut in enumerate(cuts)
    ]
    order = {key: i for i, key in enumerate(sorted({key for row in keys for key in row}))}
    return np.array([[order[key] for key in row] for row in keys], np.int16)


def _own_modes(
    samples: list[np.ndarray], mixing_of: list[np.ndarray], meta: dict[str, Any], model: SurrogateModel
) -> Modes:
    """Modes computed from the fitted trials; for each person an array of shape (n, channels, length)."""
    variation = Variation(meta["channels"], model.edges_hz, model.frames)
    for own, mixings in zip(samples, mixing_of, strict=True):
        variation.add(own, mixings, meta["rate_hz"])
    return variation.modes(model.modes)


def find_modes(sessions: Iterable[Session], labels: Sequence[str] | None = None) -> Modes:
    """Modes by which covariances vary in the people of ``sessions``, for the default model of their modality.

    Parameters
    ----------
    sessions : iterable of Session
        Taken one at a time.
    labels : sequence of str, optional
        Labels of the trials that are used; all by default.

    Raises
    ------
    NeuroMotionError
        If there is no session.
    """
    variation: Variation | None = None
    for session in sessions:
        spec = session.recordings[0].spec
        model = MODELS[spec.modality]
        trials = [one for recording in session.recordings for one in recording.trials]
        found = sorted({one.label for one in trials}) if labels is None else labels
        length = _typical_length([one.stop - one.start for one in trials])
        cuts = [cut for cut in _cut(session, found, spec, length, 0, _unit(spec), Device()) if not cut.calibration]
        samples, label = np.stack([cut.samples for cut in cuts]), np.array([cut.label for cut in cuts])
        samples -= moments.evoked(
            samples,
            label,
            spec.rate_hz,
            patterns=model.patterns,
            rank=model.course_rank,
            knots_hz=model.knots_hz,
            slow_hz=model.slow_hz,
        )[0]
        variation = variation or Variation(spec.channels, model.edges_hz, model.frames)
        variation.add(samples, _mixing_of(cuts, model), spec.rate_hz)
    if variation is None:
        raise NeuroMotionError("There is no session to find modes in.")
    return variation.modes(MODELS[spec.modality].modes)


def _typical_length(lengths: Sequence[int]) -> int:
    """Length that nine of ten trials have at least."""
    return sorted(lengths)[len(lengths) // 10]


def _edges_within(edges_hz: tuple[float, ...], rate_hz: float) -> tuple[float, ...]:
    """Edges without the bands that lie wholly above half the rate, where there is nothing to fit."""
    bands = sum(low < rate_hz / 2 for low in edges_hz[:-1])
    return edges_hz[: bands + 1]


def _unit(spec: SignalSpec) -> float:
    """One internal unit of signals that are not amplified, expressed in the unit of the recordings."""
    return 1e-6 if spec.unit == "V" else 1.0


def shipped_modes(dataset: str, channels: Sequence[str], model: SurrogateModel) -> Modes | None:
    """Modes that the library ships for a data set; None if their channels, bands or frames are not those wanted."""
    path = assets_root() / "surrogates" / "modes" / f"{dataset}.npz"
    if not path.is_file():
        return None
    modes = read_modes(path)
    same = (modes.channels, modes.edges_hz, modes.frames) == (tuple(channels), model.edges_hz, model.frames)
    return modes if same else None
