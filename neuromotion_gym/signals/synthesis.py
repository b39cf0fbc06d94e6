"""From parameters to samples: stretches of surrogate trials, many rows at a time.

Every operation works row by row (stacked matrix products of one shape), so that a row of a batch has the same
bits as the same row alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.datasets import Ocular
    from neuromotion_gym.signals.surrogate_parameters import SurrogateParameters

TURNS = 64
"""How many turns of the sources there are to draw from; they are the same for everybody."""
PART_FADE_S = 0.1
"""How long one part of a trial fades into the next."""
PERIOD_MARGIN_S = 0.3
"""How much longer the period of the noise is than the stretch, so that its ends are not alike."""


class Synthesis:
    """Generates stretches of one length.

    Per band, white sources are shaped by the person's spectrum, follow the gains of the trial, and are mixed by
    its matrix; the response to the cue is added.

    Parameters
    ----------
    parameters : SurrogateParameters
    length : int
        Samples of a stretch.
    ocular : {"keep", "regress"}
        Whether ocular channels are regressed out of what is generated.
    channels : sequence of str, optional
        Channels to generate, in this order; all where left out.
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
        self._knot = self._rate / meta["evoked_knots_hz"]
        self._mix, self._pattern = _spatial(parameters, ocular, channels)
        self._waves, self._weights = _waves(parameters, length)
        self._coefficients = sum(len(wave) for wave in self._waves)
        self._band_of = np.repeat(np.arange(len(self._waves)), [len(wave) for wave in self._waves])
        self._turned = bool(parameters.turn_sd.any())
        if self._turned:
            count = len(meta["channels"])
            self._waves = [
                _between_ends(wave, float(sd)) for wave, sd in zip(self._waves, parameters.turn_sd.mean(0), strict=True)
            ]
            self._turns = np.stack([_turn(count, np.random.default_rng([count, i])) for i in range(TURNS)])
        self._step = parameters.gain_step[:, None, None]

    @property
    def noise_shape(self) -> tuple[int, int]:
        """Shape of the standard normal numbers behind one stretch: sources, and coefficients with their turning."""
        return len(self._p.meta["channels"]), self._coefficients + (2 * len(self._waves) + 2 if self._turned else 0)

    def generate(self, trials: np.ndarray, offsets: np.ndarray, turns: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Stretches of trials.

        Parameters
        ----------
        trials : int array, shape (n,)
            Whose parameters they take.
        offsets : int array, shape (n,)
            First sample of each stretch, counted from the trial's begin.
        turns : float array, shape (n,)
            Numbers in [0, 1) that choose how the sources are turned.
        noise : float32 array, shape (n, *noise_shape)
            Standard normal numbers.

        Returns
        -------
        float32 array, shape (n, length, channels), in the unit of the recordings
        """
        p = self._p
        time = offsets[:, None] + np.arange(self._length, dtype=np.float32)
        gains, parts = self._gains(trials, time), self._parts(offsets)
        person = p.person[trials]
        coefficients = self._turned_noise(person, turns, noise)
        out = np.zeros((len(trials), self._mix.shape[2], self._length), np.float32)
        for band, wave in enumerate(self._waves):
            columns = self._band_of == band
            weighed = self._weights[person][:, None, columns]
            sources = np.concatenate([one[:, :, columns] * weighed for one in coefficients], axis=2) @ wave
            sources *= gains[:, band][:, p.group]
            for part, span, weight in parts:
                mixing = self._mix[p.mixing_of[trials, part], band]
                out[:, :, span] += mixing @ (sources[:, :, span] * weight)
        if self._pattern.shape[1]:
            course = p.evoked_course[trials].astype(np.float32)
            out += self._pattern[person].transpose(0, 2, 1) @ _interpolated(course, time / np.float32(self._knot))
        if self._bounds:
            np.rint(out, out=out)
            np.clip(out, *self._bounds, out=out)
        out *= np.float32(p.meta["scale"])
        return np.ascontiguousarray(out.transpose(0, 2, 1))

    def _turned_noise(self, person: np.ndarray, turns: np.ndarray, noise: np.ndarray) -> list[np.ndarray]:
        """Coefficients (n, sources, coefficients): turned as at the begin of the stretch, and as at its end."""
        if not self._turned:
            return [noise]
        p = self._p
        shared, sd = p.turn_shared[person, None, None], p.turn_sd[person, None]
        matrix = self._turns[(turns * TURNS).astype(np.int64)]
        count = len(self._waves) + 1
        found = []
        for end in range(2):
            numbers = noise[:, :, self._coefficients + end * count : self._coefficients + (end + 1) * count]
            level = (np.sqrt(shared) * numbers[:, :, :1] + np.sqrt(1 - shared) * numbers[:, :, 1:]) * sd
            amplitude = np.exp(level / 2 - sd**2 / 4)
            found.append(matrix @ (noise[:, :, : self._coefficients] * amplitude[:, :, self._band_of]))
        return found

    def _parts(self, offsets: np.ndarray) -> list[tuple[int, slice, np.ndarray]]:
        """Part, the samples in which it is heard, and its weight there, float32; weights squared add up to 1."""
        count = self._p.mixing_of.shape[1]
        if count == 1:
            return [(0, slice(0, self._length), np.ones(self._length, np.float32))]
        if (offsets != offsets[0]).any():
            raise NeuroMotionError("Stretches of trials in several parts have to begin at the same sample.")
        place = (int(offsets[0]) + np.arange(self._length) + 0.5) / self._rate
        edge_s, half = self._p.meta["trial_s"] / count, PART_FADE_S / 2
        found = []
        for part in range(count):
            rise = np.clip((place - part * edge_s + half) / PART_FADE_S, 0, 1) if part else np.ones(self._length)
            fall = np.clip(((part + 1) * edge_s + half - place) / PART_FADE_S, 0, 1) if part < count - 1 else 1.0
            heard = np.flatnonzero(rise * fall > 0)
            if heard.size:
                span = slice(int(heard[0]), int(heard[-1]) + 1)
                weight = np.sin(rise * np.pi / 2) * np.sin(np.asarray(fall) * np.pi / 2)
                found.append((part, span, weight[span].astype(np.float32)))
        return found

    def _gains(self, trials: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Amplitudes, float32 of shape (n, bands, groups, length)."""
        steps = self._p.gain[trials].astype(np.float32).transpose(0, 1, 3, 2)
        n, bands, groups, frames = steps.shape
        flat = _interpolated(steps.reshape(n, bands * groups, frames), time / np.float32(self._frame) - np.float32(0.5))
        return np.exp(flat.reshape(n, bands, groups, -1) * self._step)


def _interpolated(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Values (n, k, points) at fractional points (n, length), float32 of shape (n, k, length); ends held."""
    last = values.shape[2] - 1
    place = np.clip(place, 0, last)
    low = np.minimum(place.astype(np.int64), max(last - 1, 0))
    share = (place - low).astype(np.float32)[:, None]
    below = np.take_along_axis(values, low[:, None], axis=2)
    above = np.take_along_axis(values, np.minimum(low + 1, last)[:, None], axis=2)
    return below + share * (above - below)


def _between_ends(wave: np.ndarray, turn_sd: float) -> np.ndarray:
    """Waves (coefficients, length) weighed for amplitudes that go from those of the begin to those of the end.

    Amplitudes are log-normal with mean square 1, so the product of two has the mean ``exp(-turn_sd² / 4)``; power is 1
    all along.
    """
    place = np.linspace(0, 1, wave.shape[1])
    power = place**2 + (1 - place) ** 2 + 2 * place * (1 - place) * np.exp(-(turn_sd**2) / 4)
    return np.concatenate([wave * (1 - place), wave * place]).astype(np.float32) / np.sqrt(power).astype(np.float32)


def _turn(count: int, generator: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix drawn at random, float32 of shape (count, count)."""
    matrix, triangle = np.linalg.qr(generator.standard_normal((count, count)))
    return (matrix * np.sign(np.diag(triangle))).astype(np.float32)


def _spatial(p: SurrogateParameters, ocular: Ocular, channels: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Mixing matrices (mixings, bands, channels, sources) and patterns (people, r, channels), float32."""
    names = p.meta["channels"]
    mixings, bands, _ = p.mixing.shape
    count = len(names)
    mix = np.zeros((mixings, bands, count, count), np.float32)
    rows, columns = np.tril_indices(count)
    mix[..., rows, columns] = mix[..., columns, rows] = p.mixing
    pattern = p.evoked_pattern.astype(np.float32)
    if ocular == "regress":
        owner = np.zeros(mixings, np.int64)
        owner[p.mixing_of] = p.person[:, None]
        matrices = np.stack([p.ocular_matrix(person) for person in range(len(p.meta["sessions"]))]).astype(np.float32)
        mix = matrices[owner][:, None] @ mix
        pattern = pattern @ matrices.transpose(0, 2, 1)
    if channels is not None:
        missing = [name for name in channels if name not in names]
        if missing:
            raise NeuroMotionError(f"The surrogate lacks channels {', '.join(missing)}; it has {', '.join(names)}.")
        picks = [names.index(name) for name in channels]
        mix, pattern = mix[:, :, picks], pattern[:, :, picks]
    return mix, pattern


def _waves(p: SurrogateParameters, length: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Cosines and sines of each band (coefficients, length), and weights (people, all coefficients) of power 1 a band.

    A coefficient of a cosine or sine of weight w adds w² / 2 to the mean power.
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
        if not inside.size:  # a band narrower than the spacing: its middle
            inside = np.array([np.argmin(abs(frequency - (low + high) / 2))])
        angle = 2 * np.pi * frequency[inside, None] * time
        waves.append(np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32))
        power = np.maximum(shape[:, inside], 1e-6 * shape[:, inside].max(axis=1, keepdims=True) + 1e-12)
        power = np.concatenate([power, power], axis=1)
        mean = np.array([np.full(inside.size, 0.5), np.full(inside.size, 0.5)]).ravel()
        mean[: inside.size][frequency[inside] == 0], mean[inside.size :][frequency[inside] == 0] = 1.0, 0.0
        weights.append(power / np.sqrt((power**2 * mean).sum(axis=1, keepdims=True)))
    return waves, np.concatenate(weights, axis=1).astype(np.float32)
