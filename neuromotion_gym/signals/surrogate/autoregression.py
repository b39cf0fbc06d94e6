"""Vector autoregression, the simplest generator of multichannel signals: the baseline that a surrogate has to beat.

One process for each person and label, ``x(t) = sum over k of A(k) x(t - k) + e(t)``, fitted by least squares with a
ridge to all trials of the label, and one process for each calibration run. Only the noise varies between trials
(Lütkepohl, New Introduction to Multiple Time Series Analysis, Springer, 2005, chapter 3). It is never stored in a file;
the fidelity table compares it with the shipped surrogates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTLING = 400
"""Number of samples that are dropped at the start of each process."""


@dataclass(frozen=True)
class VectorAutoregression:
    """Settings of the model.

    Parameters
    ----------
    order : int
        Number of past samples from which the next one is predicted.
    ridge : float
        Value added to the diagonal of the normal equations, as a share of the mean of that diagonal.
    trials : int
        Number of trials generated for each label.
    seed : int
    """

    name: str = "vector autoregression by label"
    order: int = 8
    ridge: float = 1e-4
    trials: int = 30
    seed: int = 0

    def generate(self, session: Session, labels: Sequence[str]) -> Session:
        """A session like ``session``, with generated trials of ``labels`` and a generated calibration run.

        Raises
        ------
        NeuroMotionError
            If a label has no trials.
        """
        generator = np.random.default_rng(self.seed)
        first = session.recordings[0]
        pieces, marks = [], []
        place = 0
        for label in labels:
            found = [
                samples
                for recording in session.recordings
                for trial, samples in recording.trial_samples()
                if trial.label == label
            ]
            if not found:
                raise NeuroMotionError(f"{session.subject} has no trials of {label!r}.")
            length = sorted(samples.shape[1] for samples in found)[len(found) // 10]
            made = self._made(found, self.trials, length, generator)
            marks += [
                Trial(label, place + i * length, place + (i + 1) * length, first.trials[0].has_onset)
                for i in range(self.trials)
            ]
            pieces.append(made)
            place += made.shape[1]
        recording = replace(first, samples=np.concatenate(pieces, axis=1), trials=tuple(marks))
        calibration = tuple(
            replace(run, samples=self._made([run.samples], 1, run.samples.shape[1], generator), trials=())
            for run in session.calibration
        )
        return replace(session, recordings=(recording,), calibration=calibration)

    def _made(self, trials: list[np.ndarray], count: int, length: int, generator: np.random.Generator) -> np.ndarray:
        """Generated trials one after the other, float32 of shape (channels, count * length)."""
        coefficients, root, mean = self._fitted(trials)
        channels = len(root)
        past = np.zeros((count, self.order * channels))
        out = np.empty((count, channels, length), np.float32)
        for step in range(-SETTLING, length):
            fresh = past @ coefficients + generator.standard_normal((count, channels)) @ root.T
            past = np.concatenate([fresh, past[:, :-channels]], axis=1)
            if step >= 0:
                out[:, :, step] = fresh + mean
        return np.ascontiguousarray(out.transpose(1, 0, 2).reshape(channels, -1))

    def _fitted(self, trials: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients (order * channels, channels), lag 1 first; Cholesky factor of the noise covariance; mean."""
        mean = np.concatenate(trials, axis=1).mean(axis=1, dtype=np.float64)
        inputs, outputs = [], []
        for samples in trials:
            x = samples.T.astype(np.float64) - mean
            steps = len(x) - self.order
            inputs.append(
                np.concatenate([x[self.order - k : self.order - k + steps] for k in range(1, self.order + 1)], 1)
            )
            outputs.append(x[self.order :])
        past, target = np.concatenate(inputs), np.concatenate(outputs)
        normal = past.T @ past
        normal += self.ridge * np.trace(normal) / len(normal) * np.eye(len(normal))
        coefficients = np.linalg.solve(normal, past.T @ target)
        coefficients = stable(coefficients)
        left = target - past @ coefficients
        covariance = left.T @ left / len(left)
        root = np.linalg.cholesky(covariance + 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
        return coefficients, root, mean


def stable(coefficients: np.ndarray, largest: float = 0.995) -> np.ndarray:
    """The coefficients, damped if needed, so that no eigenvalue of the process exceeds ``largest`` in magnitude."""
    channels = coefficients.shape[1]
    order = len(coefficients) // channels
    companion = np.zeros((len(coefficients), len(coefficients)))
    companion[channels:, :-channels] = np.eye(len(coefficients) - channels)
    companion[:channels] = coefficients.T
    radius = float(abs(np.linalg.eigvals(companion)).max())
    if radius <= largest:
        return coefficients
    damping = (largest / radius) ** np.arange(1, order + 1)
    return coefficients * np.repeat(damping, channels)[:, None]
