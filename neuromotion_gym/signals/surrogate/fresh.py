"""Generates stretches of surrogate trials with newly drawn noise, many stretches at a time.

Every operation works row by row (stacked matrix products of one shape), so that a row of a batch is bit for
bit the same as the row alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.surrogate.kept import Kept
from neuromotion_gym.signals.surrogate.modes import triangles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters

PERIOD_MARGIN_S = 0.3
"""Seconds by which the period of the noise exceeds the stretch: with equal lengths both ends would be alike."""


class Synthesis:
    """Generates stretches of one length.

    In each band, white noise of every source is shaped by the person's spectrum, multiplied by the gains of the
    trial, and mixed by the trial's matrix.

    Parameters
    ----------
    parameters : SurrogateParameters
    length : int
        Length of a stretch in samples.
    ocular : {"keep", "regress"}
        Whether ocular channels are regressed out of what is generated.
    channels : sequence of str, optional
        Channels to generate, in this order; all by default.
    """

    def __init__(
        self,
        parameters: SurrogateParameters,
        length: int,
        ocular: Ocular = "keep",
        channels: Sequence[str] | None = None,
    ) -> None:
        meta = parameters.meta
        self._p = parameters
        self._length = length
        self._rate = float(meta["rate_hz"])
        self._bounds = meta["integer_range"]
        self._frame = meta["trial_s"] * self._rate / parameters.gain.shape[2]
        self._mix = _mix(parameters, ocular, channels)
        self._waves, self._weights = _waves(parameters, length)
        ends = np.cumsum([len(wave) for wave in self._waves])
        self._columns = [slice(int(end) - len(wave), int(end)) for end, wave in zip(ends, self._waves, strict=True)]
        self._coefficients = int(ends[-1])
        self._step = parameters.gain_step[:, None, None]
        self._amplitudes = Kept(self._amplitude)
        # Gains of the sources among those of the groups; the whole array, which is not copied, if each is its own group
        each = np.array_equal(parameters.group, np.arange(parameters.gain.shape[3]))
        self._group = slice(None) if each else parameters.group

    def draw(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Standard normal numbers for one stretch per generator, float32 of shape (n, sources, coefficients)."""
        noise = np.empty((len(generators), len(self._p.meta["channels"]), self._coefficients), np.float32)
        for own, generator in zip(noise, generators, strict=True):
            generator.standard_normal(dtype=np.float32, out=own)
        return noise

    def generate(self, trials: np.ndarray, offsets: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Stretches of trials.

        Parameters
        ----------
        trials : int array, shape (n,)
            Trials whose parameters are used.
        offsets : int array, shape (n,)
            First sample of each stretch, counted from the start of the trial.
        noise : float32 array, shape (n, sources, coefficients)
            Numbers from `draw`.

        Returns
        -------
        float32 array, shape (n, channels, length), in the unit of the recordings
        """
        p = self._p
        gains = [
            self._amplitudes[trial][:, :, offset : offset + self._length]
            for trial, offset in zip(trials.tolist(), offsets.tolist(), strict=True)
        ]
        noise = noise * self._weights[p.person[trials]][:, None]
        mixing = p.mixing_of[trials, 0]
        out = np.zeros((len(trials), self._mix.shape[2], self._length), np.float32)
        for band, wave in enumerate(self._waves):
            sources = noise[:, :, self._columns[band]] @ wave
            for own, gain in zip(sources, gains, strict=True):
                own *= gain[band][self._group]
            out += self._mix[mixing, band] @ sources
        if self._bounds:
            np.rint(out, out=out)
            low, high = self._bounds
            np.minimum(np.maximum(out, low, out=out), high, out=out)
        out *= np.float32(p.meta["scale"])
        return out

    def _amplitude(self, trial: int) -> np.ndarray:
        """Amplitudes of one trial, float32 of shape (bands, groups, samples of the trial plus a stretch)."""
        steps = self._p.gain[trial].astype(np.float32).swapaxes(1, 2)
        frames = steps.shape[2]
        place = np.arange(round(frames * self._frame) + self._length) / np.float32(self._frame) - np.float32(0.5)
        low, high, share = between(place, frames)
        below = steps[..., low]
        return np.exp((below + share * (steps[..., high] - below)) * self._step)


def between(place: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of fractional places among ``points`` points: the points below and above, int, and the share of the way, float32.

    Places beyond an end are held there.
    """
    last = points - 1
    place = np.clip(place, 0, last)
    low = np.minimum(place.astype(np.int64), max(last - 1, 0))
    return low, np.minimum(low + 1, last), (place - low).astype(np.float32)


def _mix(p: SurrogateParameters, ocular: Ocular, channels: Sequence[str] | None) -> np.ndarray:
    """Mixing matrices, float32 of shape (mixings, bands, channels, sources)."""
    if p.mixing_of.shape[1] > 1 or p.evoked_pattern.shape[1] or p.mode.shape[1]:
        raise NeuroMotionError("Trials with parts, modes or a response to the cue are generated from tapes.")
    project = p.projection(ocular, channels).astype(np.float32)
    return np.asarray(project[p.owner][:, None] @ triangles(p.mixing.astype(np.float32), project.shape[2]))


def _waves(p: SurrogateParameters, length: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Cosines and sines of each band (coefficients, length), and weights (people, all coefficients).

    The weights give power 1 per band: a coefficient of a cosine or sine of weight w adds w² / 2 to the mean power.
    """
    rate = float(p.meta["rate_hz"])
    period = length + round(PERIOD_MARGIN_S * rate)
    frequency = np.arange(period // 2 + 1) * rate / period
    time = np.arange(length) / rate
    grid = np.linspace(0, rate / 2, p.spectrum.shape[1])
    shape = np.stack([np.interp(frequency, grid, row) for row in p.spectrum.astype(np.float64)])
    waves, weights = [], []
    for low, high in zip(p.edges_hz[:-1], p.edges_hz[1:], strict=True):
        inside = np.flatnonzero((frequency >= low) & (frequency < high))
        if not inside.size:  # a band narrower than the frequency spacing: the frequency nearest its middle
            inside = np.array([np.argmin(abs(frequency - (low + high) / 2))])
        angle = 2 * np.pi * frequency[inside, None] * time
        waves.append(np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32))
        power = np.maximum(shape[:, inside], 1e-6 * shape[:, inside].max(axis=1, keepdims=True) + 1e-12)
        power = np.concatenate([power, power], axis=1)
        mean = np.array([np.full(inside.size, 0.5), np.full(inside.size, 0.5)]).ravel()
        mean[: inside.size][frequency[inside] == 0], mean[inside.size :][frequency[inside] == 0] = 1.0, 0.0
        weights.append(power / np.sqrt((power**2 * mean).sum(axis=1, keepdims=True)))
    return waves, np.concatenate(weights, axis=1).astype(np.float32)
