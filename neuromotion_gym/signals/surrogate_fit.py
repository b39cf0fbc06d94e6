"""Fitting a surrogate to recordings.

The model. A trial is cut into bands by its Fourier transform, and each band into frames. In a band, a trial is
``mixing @ (gain * noise)``: white noise with the person's spectrum, one source a channel; amplitudes of groups of
neighbouring sources that follow the frames of *one* real trial, so that trials differ as people's do and errors come
in runs; and the symmetric square root of a covariance, one for each person and label (EEG) or for each trial (EMG).
Covariances weigh every frame by the inverse of its own power (Tyler, Ann. Stat. 15:234-251, 1987), so that a burst
does not stand for a trial; the gains put it back where it was. To recordings with an onset the slow response to the
cue is added: a few spatial patterns a person, each with a time course of low rank a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.surrogate_parameters import FORMAT, SurrogateParameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from neuromotion_gym.signals.recording import Modality, Session

Mixing = Literal["label", "trial"]


@dataclass(frozen=True)
class SurrogateModel:
    """Choices of the model.

    Parameters
    ----------
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
    knots_hz : float
        How finely the time courses are kept.
    slow_hz : float
        Below which the response to the cue is looked for.
    """

    edges_hz: tuple[float, ...]
    mixing: Mixing
    frames: int
    groups: int
    patterns: int = 4
    course_rank: int = 3
    knots_hz: float = 8.0
    slow_hz: float = 3.0


MODELS: dict[Modality, SurrogateModel] = {
    "eeg": SurrogateModel((0, 2, 4, 8, 10.5, 13, 20, 30, 45, 80), "label", frames=8, groups=8),
    "emg": SurrogateModel((0, 20, 45, 70, 100), "trial", frames=10, groups=8),
}


@dataclass(frozen=True, eq=False)
class _Cut:
    """One trial as fitted: samples (channels, length) in internal units."""

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
    integer_range: tuple[int, int] | tuple[()] = (),
    ocular_channels: Sequence[str] = (),
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
    integer_range : (int, int), optional
        Lowest and highest integer that the device gives.
    ocular_channels : sequence of str, optional
        Channels whose regression weights are fitted to the calibration run and kept.

    Raises
    ------
    NeuroMotionError
        If there is nothing to fit, sessions differ in spec, or one lacks a label.
    """
    people: list[list[Any]] = []
    everything: list[_Cut] = []
    weights: list[np.ndarray] = []
    runs: set[str] = set()
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
        weights.append(_ocular_weights(session, ocular_channels))
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
        "model": f"bands with {chosen.mixing} covariances and frame gains",
        "modality": spec.modality,
        "channels": list(spec.channels),
        "rate_hz": float(spec.rate_hz),
        "unit": spec.unit,
        "scale": scale,
        "labels": list(labels),
        "sessions": people,
        "has_onset": onset,
        "trial_s": length / spec.rate_hz,
        "integer_range": list(integer_range),
        "ocular_channels": list(ocular_channels),
        "evoked_knots_hz": chosen.knots_hz,
    }
    return _fit(everything, meta, chosen, np.stack(weights))


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
    channels, rate = len(meta["channels"]), meta["rate_hz"]
    groups = min(model.groups, channels)
    group = _groups(cuts, groups)
    count, bands = len(cuts), len(model.edges_hz) - 1
    keys = [(cut.person, cut.calibration, cut.label) if model.mixing == "label" else (i,) for i, cut in enumerate(cuts)]
    mixing_of = np.array([sorted(set(keys)).index(key) for key in keys], np.int16)
    mixing = np.zeros((mixing_of.max() + 1, bands, channels * (channels + 1) // 2), np.float16)
    gains = np.zeros((count, bands, model.frames, groups))
    patterns = model.patterns if meta["has_onset"] else 0
    pattern = np.zeros((len(ocular), patterns, channels), np.float16)
    knots = int(np.ceil(meta["trial_s"] * model.knots_hz)) + 1
    course = np.zeros((count, patterns, knots), np.float16)
    bins = 2 * round(rate / 2) + 1
    spectrum = np.zeros((len(ocular), bins), np.float16)
    lower = np.tril_indices(channels)
    for one in range(len(ocular)):
        own = np.flatnonzero(person == one)
        samples = np.stack([cuts[i].samples for i in own])
        if patterns:
            slow, pattern[one], course[own] = _evoked(samples, calibration[own], label[own], rate, model, knots)
            samples = samples - slow
        spectrum[one] = _spectrum(samples, rate, bins)
        for band, part in enumerate(_split(samples, rate, model.edges_hz)):
            frames = part.reshape(*part.shape[:2], -1)[..., : part.shape[2] // model.frames * model.frames]
            frames = frames.reshape(*part.shape[:2], model.frames, -1).transpose(0, 2, 1, 3)
            scatter = frames @ frames.transpose(0, 1, 3, 2) / frames.shape[3]
            whole = _robust(scatter.reshape(-1, channels, channels))
            for which in np.unique(mixing_of[own]):
                mine = mixing_of[own] == which
                root = _root(_robust(scatter[mine].reshape(-1, channels, channels), whole))
                mixing[which, band] = root[lower]
                gains[own[mine], band] = _gains(scatter[mine], root, group, groups)
    limit = np.maximum(abs(gains).max(axis=(0, 2, 3)), 1e-3)
    step = (limit / 127).astype(np.float32)
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
        spectrum,
        pattern,
        course,
        ocular.astype(np.float32),
    )


def _split(samples: np.ndarray, rate: float, edges_hz: Sequence[float]) -> Iterable[np.ndarray]:
    """The trials (n, channels, length), one band after the other."""
    length = samples.shape[-1]
    frequency = np.fft.rfftfreq(length, 1 / rate)
    transform = np.fft.rfft(samples, axis=-1)
    for low, high in pairwise(edges_hz):
        inside = (frequency >= low) & (frequency < (high if high < rate / 2 else np.inf))
        yield np.fft.irfft(np.where(inside, transform, 0), length)


def _robust(scatter: np.ndarray, towards: np.ndarray | None = None) -> np.ndarray:
    """Covariance of frames (n, channels, channels), each weighed by its inverse power; a little shrunk."""
    channels = scatter.shape[-1]
    mean = scatter.mean(axis=0)
    ridge = 1e-3 * np.trace(mean) / channels * np.eye(channels) if towards is None else 0.05 * towards
    for _ in range(4):
        inverse = np.linalg.inv(mean + ridge)
        power = np.einsum("ij,nji->n", inverse, scatter) / channels
        power = np.maximum(power, 1e-3 * np.median(power) + 1e-30)
        mean = (scatter / power[:, None, None]).mean(axis=0) * np.exp(np.log(power).mean())
    return mean + ridge


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric square root."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 1e-9 * values[-1] + 1e-20))) @ vectors.T)


def _gains(scatter: np.ndarray, root: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Log amplitudes (n, frames, groups) of groups of sources behind frame covariances (n, frames, c, c)."""
    inverse = np.linalg.inv(root)
    power = np.einsum("ij,nfjk,ik->nfi", inverse, scatter, inverse, optimize=True)
    mean = np.stack([power[..., group == one].mean(axis=-1) for one in range(groups)], axis=-1)
    return 0.5 * np.log(np.maximum(mean, 1e-6))


def _groups(cuts: list[_Cut], groups: int) -> np.ndarray:
    """Neighbouring channels: those that correlate most after the average reference, in equal numbers at most."""
    channels = cuts[0].samples.shape[0]
    if groups >= channels:
        return np.arange(channels, dtype=np.int16)
    total = np.zeros((channels, channels))
    for cut in cuts[:: max(1, len(cuts) // 100)]:
        centred = np.diff(cut.samples - cut.samples.mean(axis=0), axis=1)
        total += np.corrcoef(centred)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distance = 1 - total / total[0, 0]
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "ward")
    return (fcluster(tree, groups, "maxclust") - 1).astype(np.int16)


def _spectrum(samples: np.ndarray, rate: float, bins: int) -> np.ndarray:
    """Amplitude spectrum, typical over channels and trials, on a grid of ``bins`` points."""
    centred = samples - samples.mean(axis=-1, keepdims=True)
    power = abs(np.fft.rfft(centred * np.hanning(centred.shape[-1]), axis=-1)) ** 2
    power /= power.sum(axis=-1, keepdims=True)
    amplitude = np.sqrt(np.median(power.mean(axis=1), axis=0))
    grid = np.linspace(0, rate / 2, bins)
    typical = np.interp(grid, np.fft.rfftfreq(samples.shape[-1], 1 / rate), amplitude)
    return typical / typical.max()


def _evoked(
    samples: np.ndarray, calibration: np.ndarray, label: np.ndarray, rate: float, model: SurrogateModel, knots: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slow response to the cue: what it is in each trial (n, channels, length), its patterns, its time courses."""
    slow = next(iter(_split(samples, rate, (0, model.slow_hz))))
    slow = slow - slow.mean(axis=-1, keepdims=True)
    means = np.concatenate(
        [slow[~calibration & (label == one)].mean(axis=0) for one in np.unique(label[~calibration])], 1
    )
    vectors = np.linalg.svd(means, full_matrices=False)[0][:, : model.patterns]
    own = np.einsum("cr,ncl->nrl", vectors, slow)
    own[calibration] = 0
    time = np.arange(knots) / model.knots_hz * rate
    place = np.minimum(np.rint(time).astype(int), samples.shape[-1] - 1)
    course = own[:, :, place]
    mean = course[~calibration].mean(axis=0)
    for one in range(course.shape[1]):
        centred = course[~calibration, one] - mean[one]
        left, size, right = np.linalg.svd(centred, full_matrices=False)
        rank = model.course_rank
        course[~calibration, one] = mean[one] + (left[:, :rank] * size[:rank]) @ right[:rank]
    grid = np.arange(samples.shape[-1])
    back = np.stack([[np.interp(grid, time, row) for row in trial] for trial in course])
    return vectors @ back, vectors.T.astype(np.float16), course.astype(np.float16)
