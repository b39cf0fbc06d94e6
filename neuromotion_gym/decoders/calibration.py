"""Fitting a decoder's last layer to its wearer, in seconds, from a labelled calibration run.

A decoder whose ``adaptation.kind`` is "head" has a last layer ``logits = features @ (W + A).T`` with its own weights W
and, as second input, what is added to them for one person, A; zeros give the decoder as it was trained. A is the
maximum a posteriori of a multinomial logistic regression with a Gaussian prior around zero: much data of the wearer
moves it far, little data leaves the pooled decoder as it is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.recipe import RECIPE
from neuromotion_gym.decoders.training_data import check_recording
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.decoder import DecoderSpec
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording

HeadInput = tuple[np.ndarray, np.ndarray]
"""Features, shape (n, features), and the unadapted decoder's log-posterior, shape (n, labels)."""


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
    head_input: Callable[[np.ndarray], HeadInput], calibration: Sequence[Recording], spec: DecoderSpec
) -> np.ndarray:
    """What is added to the last layer's weights for one person.

    Parameters
    ----------
    head_input : function
        Windows to features and unadapted log-posterior (`OnnxDecoder.head_input`).
    calibration : sequence of Recording
        Labelled.
    spec : DecoderSpec
        ``adaptation.shrinkage`` is the strength of the prior: the precision of each weight in units of windows.

    Returns
    -------
    float32 array, shape (labels, features + 1); the bias in the last column
    """
    windows, labels = calibration_windows(calibration, spec)
    features, start = head_input(windows)
    expected = spec.adaptation.shape
    if expected != (len(spec.labels), features.shape[1] + 1):
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives {features.shape[1]} features; its adaptation.shape {expected} has to be "
            f"{(len(spec.labels), features.shape[1] + 1)}."
        )
    return fit_added_weights(features, start, labels, spec.adaptation.shrinkage)


def fit_added_weights(features: np.ndarray, start: np.ndarray, labels: np.ndarray, precision: float) -> np.ndarray:
    """Maximum a posteriori of weights added to given logits.

    Minimises the mean cross-entropy of ``start + [features, 1] @ A.T``, every label weighing the same, plus
    ``precision / 2 * sum(A ** 2)``; convex, so the start does not matter.

    Parameters
    ----------
    features : float array, shape (n, features)
    start : float array, shape (n, labels)
        Logits, or log-posterior, before.
    labels : int array, shape (n,)
    precision : float
        Above zero keeps the weights finite where the labels can be told apart without error.

    Returns
    -------
    float32 array, shape (labels, features + 1)
    """
    from scipy.optimize import minimize

    n, count = start.shape
    inputs = np.concatenate([features, np.ones((n, 1))], axis=1).astype(np.float64)
    truth = np.eye(count)[labels]
    weights = (1 / np.maximum(np.bincount(labels, minlength=count), 1) / len(np.unique(labels)))[labels][:, None]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        added = flat.reshape(count, -1)
        logits = start + inputs @ added.T
        logits -= logits.max(axis=1, keepdims=True)
        log_posterior = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        loss = -(weights * truth * log_posterior).sum() + precision / 2 * (added**2).sum()
        gradient = (weights * (np.exp(log_posterior) - truth)).T @ inputs + precision * added
        return float(loss), gradient.ravel()

    found: Any = minimize(
        objective, np.zeros(count * inputs.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    )
    added = found.x.reshape(count, -1).astype(np.float32)
    if not np.isfinite(added).all():
        raise NeuroMotionError("Calibration ended in NaN; the recording's features are not finite.")
    return np.asarray(added)


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
