"""Fitting a decoder's last layer to its wearer, in seconds, from a labelled calibration run.

A decoder whose ``adaptation.kind`` is "head" gives features, and takes its last layer, ``[features, 1] @ A.T``, as
second input. A is a linear discriminant analysis of the wearer's features (Fisher 1936), its covariance shrunk
towards the identity, which is what people have in common where the graph whitens features; then a factor, the same
for all logits, makes the posterior as sure as it is right on blocks of the run that were left out.
"""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.recipe import RECIPE
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import check_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.decoder import DecoderSpec
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording

BLOCKS = 4
"""Parts of each label's windows, in order of time, that are left out in turn to find the factor."""


def calibration_windows(calibration: Sequence[Recording], spec: DecoderSpec) -> tuple[np.ndarray, np.ndarray]:
    """Windows one hop apart inside the labelled trials of a calibration run.

    Returns
    -------
    windows : float32 array, shape (n, channels, samples)
    labels : int array, shape (n,)

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder, or a label of the decoder has no window.
    """
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    windows: list[np.ndarray] = []
    labels: list[int] = []
    for recording in calibration:
        check_recording(recording, spec)
        picked = recording.pick(spec.channels)
        for trial, samples in picked.trial_samples():
            if trial.label in spec.labels and samples.shape[1] >= spec.window:
                cut = np.lib.stride_tricks.sliding_window_view(samples, spec.window, axis=1)[:, ::hop]
                windows.append(cut.transpose(1, 0, 2))
                labels += [spec.labels.index(trial.label)] * cut.shape[1]
    missing = [label for index, label in enumerate(spec.labels) if index not in labels]
    if missing:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} takes a recording with every label, at least {spec.window_s:g} s each; "
            f"there is none of {', '.join(missing)}."
        )
    return np.concatenate(windows), np.array(labels, np.int64)


def fit_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> np.ndarray:
    """Last layer for one person.

    Parameters
    ----------
    features_of : function
        Windows, shape (n, channels, samples), to features, shape (n, features).
    calibration : sequence of Recording
        Labelled.
    spec : DecoderSpec
        ``adaptation.shrinkage`` is the share of the identity in the covariance.

    Returns
    -------
    float32 array, shape (labels, features + 1); the bias in the last column

    Raises
    ------
    NeuroMotionError
        If a label has too few windows, or the decoder's features are not as many as its specification says.
    """
    windows, labels = calibration_windows(calibration, spec)
    features = features_of(windows).astype(np.float64)
    expected = (len(spec.labels), features.shape[1] + 1)
    if spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives {features.shape[1]} features; its adaptation.shape has to be {expected}, "
            f"not {spec.adaptation.shape}."
        )
    blocks = _blocks(labels)
    short = [label for index, label in enumerate(spec.labels) if (labels == index).sum() < 2 * BLOCKS]
    if short:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} takes at least {2 * BLOCKS} windows of every label, "
            f"{spec.window_s + (2 * BLOCKS - 1) * spec.hop_s:g} s in one piece; {', '.join(short)} has fewer."
        )
    left_out = np.empty((len(labels), len(spec.labels)))
    for block in range(BLOCKS):
        out = blocks == block
        head = discriminant(features[~out], labels[~out], spec.adaptation.shrinkage)
        left_out[out] = features[out] @ head[:, :-1].T + head[:, -1]
    head = discriminant(features, labels, spec.adaptation.shrinkage)
    return np.asarray(head * best_factor(left_out, labels), dtype=np.float32)


def discriminant(features: np.ndarray, labels: np.ndarray, shrinkage: float) -> np.ndarray:
    """Linear discriminant analysis with equal priors.

    Parameters
    ----------
    features : float array, shape (n, features)
    labels : int array, shape (n,)
        0 to the number of labels less one, each at least once.
    shrinkage : float
        Share of the identity in the covariance within labels.

    Returns
    -------
    float array, shape (labels, features + 1): weights, and the bias in the last column
    """
    count = labels.max() + 1
    means = np.stack([features[labels == label].mean(axis=0) for label in range(count)])
    rest = features - means[labels]
    covariance = (1 - shrinkage) * (rest.T @ rest) / len(rest) + shrinkage * np.eye(features.shape[1])
    try:
        weights = np.linalg.solve(covariance, means.T).T
    except np.linalg.LinAlgError:
        raise NeuroMotionError(
            "The calibration run's features do not vary; adaptation.shrinkage has to be above 0."
        ) from None
    return np.concatenate([weights, -0.5 * (weights * means).sum(axis=1, keepdims=True)], axis=1)


def best_factor(logits: np.ndarray, labels: np.ndarray) -> float:
    """Factor of logits, 0.02 to 2, that gives the least cross-entropy (temperature scaling, Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    logits = logits - logits.max(axis=1, keepdims=True)

    def cross_entropy(log_factor: float) -> float:
        scaled = np.exp(log_factor) * logits
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(math.log(0.02), math.log(2.0)), method="bounded").x))


def _blocks(labels: np.ndarray) -> np.ndarray:
    """Number of the block of each window: every label's windows in `BLOCKS` parts in order of time."""
    blocks = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        blocks[mine] = np.arange(len(mine)) * BLOCKS // len(mine)
    return blocks


def calibrate(decoder: OnnxDecoder | str | Path, recording: Recording | Sequence[Recording], out: str | Path) -> Path:
    """Fit a decoder's last layer to one wearer and write a decoder folder that needs no further calibration.

    Parameters
    ----------
    decoder : OnnxDecoder, or name or folder of one
        Its ``adaptation.kind`` has to be "head".
    recording : Recording, or several
        Labelled, every label of the decoder in it.
    out : path
        Folder to write: ``recipe.yaml``, ``model.onnx`` and ``adaptation.npy``.

    Raises
    ------
    NeuroMotionError
        If the decoder cannot be calibrated, or the recording does not fit.
    """
    from neuromotion_gym.decoders.onnx_decoder import FIXED_ADAPTATION, OnnxDecoder
    from neuromotion_gym.decoders.zoo import load_decoder
    from neuromotion_gym.signals.recording import Recording

    if not isinstance(decoder, OnnxDecoder):
        decoder = load_decoder(decoder)
    if decoder.spec.adaptation.kind != "head":
        raise NeuroMotionError(
            f"Decoder {decoder.spec.name!r} has no last layer to calibrate (its adaptation.kind is "
            f"{decoder.spec.adaptation.kind!r}, not 'head')."
        )
    recordings = [recording] if isinstance(recording, Recording) else list(recording)
    added = decoder.adapt(recordings)
    assert added is not None
    folder = Path(out)
    source = decoder.path.parent
    if folder.resolve() == source.resolve():
        raise NeuroMotionError(f"{folder} is the decoder's own folder; choose another to write to.")
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".writing-{os.getpid()}"
    temporary.mkdir(exist_ok=True)
    try:
        shutil.copyfile(decoder.path, temporary / "model.onnx")
        shutil.copyfile(source / RECIPE, temporary / RECIPE)
        np.save(temporary / FIXED_ADAPTATION, added, allow_pickle=False)
        for path in sorted(temporary.iterdir()):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
