"""Generates stretches of surrogate trials from tapes: long noise, made once; each piece uses other stretches of it.

Each person has one tape per band: Gaussian noise with the person's spectrum. A piece takes one stretch of the tape for
every source, at random places so far apart that no two sources of a piece share a sample. It mixes the sources by the
covariance of the trial, frame by frame. Nothing is filtered or transformed while a loop runs, and only as many sources
are mixed as channels are wanted: the distribution of Gaussian noise depends on its covariance, not on the number of
sources.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.signals.surrogate.fresh import between
from neuromotion_gym.signals.surrogate.kept import Kept
from neuromotion_gym.signals.surrogate.modes import gaussian_like, triangles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters

FRAME_FADE_S = 0.2
"""Length in seconds of the cross-fade between two frames of a trial."""
SHORTEST_TAPE = 2**15
"""Smallest number of samples of a tape."""
ROOM = 1.4
"""Smallest section of the tape from which one source of a piece takes its stretch, in lengths of the stretch."""
TAPE_SEED = 7
LEAST_SHARE = 0.1
"""Smallest share of the mean power that a frame keeps in any direction, whatever its scores."""


class _Course(NamedTuple):
    """What depends only on the time within a trial, up to sample ``end``.

    Parameters
    ----------
    end : int
    frames : list of (int, float32 array)
        For each frame the first sample in which it contributes, and its weight from there on.
    ends : list of int
        The sample after the last in which each frame contributes; they rise.
    responses : Kept
        Level of the channels and response to the cue in each trial, shape (channels, end).
    """

    end: int
    frames: list[tuple[int, np.ndarray]]
    ends: list[int]
    responses: Kept


class TapeSynthesis:
    """Generates stretches of one length.

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
        self._p, self._length, self._rate = parameters, length, float(meta["rate_hz"])
        self._project = parameters.projection(ocular, channels)
        self._sources = self._project.shape[1]
        self._frames = parameters.gain.shape[2]
        self._frame = meta["trial_s"] * self._rate / self._frames
        self._knot = self._rate / meta["evoked_knots_hz"]
        self._patterns = np.ascontiguousarray(
            (self._project @ parameters.evoked_pattern.astype(np.float64).transpose(0, 2, 1)).astype(np.float32)
        )
        offset = self._project @ parameters.offset.astype(np.float64)[:, :, None]
        self._offset = offset.astype(np.float32)
        apart = int(length * ROOM) * self._sources
        self._samples = max(SHORTEST_TAPE, 1 << (apart - 1).bit_length())
        self._stride = self._samples // self._sources
        self._tapes: dict[int, np.ndarray] = {}
        self._owner = parameters.owner
        self._roots = Kept(self._root)
        self._modes = parameters.mode.astype(np.float64)
        self._mixings = Kept(self._mixing)
        self._course = self._course_of(0)

    def draw(self, generators: Sequence[np.random.Generator]) -> np.ndarray:
        """Uniform random numbers for one stretch per generator, shape (n, 1 + 2 sources)."""
        numbers = np.empty((len(generators), 1 + 2 * self._sources))
        for own, generator in zip(numbers, generators, strict=True):
            generator.random(out=own)
        return numbers

    def generate(self, trials: np.ndarray, offsets: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Stretches of trials.

        Parameters
        ----------
        trials : int array, shape (n,)
            Trials whose parameters are used.
        offsets : int array, shape (n,)
            First sample of each stretch, counted from the start of the trial.
        numbers : float array, shape (n, 1 + 2 sources)
            Numbers from `draw`.

        Returns
        -------
        float32 array, shape (n, channels, length), in the unit of the recordings
        """
        out = np.empty((len(trials), self._sources, self._length), np.float32)
        for samples, own, trial, offset in zip(out, numbers, trials.tolist(), offsets.tolist(), strict=True):
            person = int(self._p.person[trial])
            noise = self._noise(person, own)
            mixing = self._mixings[trial]
            samples[:] = self._responded(trial, person, offset)
            for frame, span, weight in self._frames_of(offset):
                mixed = mixing[frame] @ noise[:, span]
                mixed *= weight
                samples[:, span] += mixed
        out *= np.float32(self._p.meta["scale"])
        return out

    def _noise(self, person: int, numbers: np.ndarray) -> np.ndarray:
        """Stretches of the person's tapes, float32 of shape (bands * sources, length)."""
        count = self._sources
        order = np.argsort(numbers[1 : 1 + count])
        within = (numbers[1 + count :] * (self._stride - self._length)).astype(np.int64)
        first = int(numbers[0] * self._samples)
        begins = (first + order * self._stride + within) % self._samples
        tape = self._tape(person)
        noise = stretches(tape, self._length)[np.arange(len(tape))[:, None], begins]
        return np.asarray(noise.reshape(-1, self._length))

    def _tape(self, person: int) -> np.ndarray:
        """The person's noise, float32 of shape (bands, samples + length), with its beginning repeated at its end."""
        if person not in self._tapes:
            p = self._p
            generator = np.random.default_rng([TAPE_SEED, person])
            edges = p.edges_hz.astype(float)
            noise = np.zeros((len(edges) - 1, self._samples))
            grid = np.linspace(0, self._rate / 2, p.spectrum.shape[1])
            frequency = np.fft.rfftfreq(self._samples, 1 / self._rate)
            for band, (low, high) in enumerate(pairwise(edges)):
                inside = (frequency >= low) & (frequency < (high if high < self._rate / 2 else np.inf))
                amplitude = np.interp(frequency, grid, p.spectrum[person].astype(float)) * inside
                noise[band] = gaussian_like((self._samples,), amplitude, self._rate, generator)
            noise /= np.sqrt((noise**2).mean(axis=1, keepdims=True)) + 1e-30
            self._tapes[person] = np.concatenate([noise, noise[:, : self._length]], axis=1).astype(np.float32)
        return self._tapes[person]

    def _mixing(self, trial: int) -> np.ndarray:
        """Mixing matrices of a trial, float32 of shape (frames, channels, bands * sources).

        Roots of the covariances of its frames, from label, gains and scores; see
        `neuromotion_gym.signals.surrogate.fit`.
        """
        p = self._p
        person, parts = int(p.person[trial]), p.mixing_of.shape[1]
        roots = np.stack([self._roots[mixing] for mixing in p.mixing_of[trial].tolist()])
        of_frame = np.arange(self._frames) * parts // self._frames
        gain = np.exp(p.gain[trial].astype(np.float64) * p.gain_step[:, None, None])[..., p.group]
        mixed = roots[of_frame].swapaxes(0, 1) * gain[:, :, None, :]
        covariance = mixed @ mixed.swapaxes(2, 3)
        power = np.trace(covariance, axis1=2, axis2=3)[:, :, None, None] / self._sources
        root = np.linalg.cholesky(covariance + (1e-7 * power + 1e-12) * np.eye(self._sources))
        if len(p.score) and p.score[trial].any():
            score = p.score[trial] * p.score_step[:, None].astype(np.float64)
            white = np.linalg.solve(root, mixed)
            departure = white @ triangles(score @ self._modes, mixed.shape[3]) @ white.swapaxes(2, 3)
            # The modes hold only a part of a covariance, so this sum can have eigenvalues below zero
            share, direction = np.linalg.eigh(np.eye(self._sources) + departure)
            root = root @ (direction * np.sqrt(np.maximum(share, LEAST_SHARE))[..., None, :])
        root[:, :, ~self._project[person].any(axis=1)] = 0.0
        return np.ascontiguousarray(
            root.transpose(1, 2, 0, 3).reshape(self._frames, self._sources, -1).astype(np.float32)
        )

    def _root(self, mixing: int) -> np.ndarray:
        """Root of one covariance, projected to the wanted channels, shape (bands, wanted channels, all channels)."""
        project = self._project[self._owner[mixing]]
        return np.asarray(project @ triangles(self._p.mixing[mixing].astype(np.float32), project.shape[1]))

    def _frames_of(self, offset: int) -> Iterator[tuple[int, slice, np.ndarray]]:
        """Frames that a stretch covers: frame, the samples in which it contributes, its weight there."""
        end = offset + self._length
        course = self._course_to(end)
        for frame in range(bisect_right(course.ends, offset), self._frames):
            begin, weight = course.frames[frame]
            first, stop = max(begin, offset), min(begin + len(weight), end)
            if first >= stop:
                return
            yield frame, slice(first - offset, stop - offset), weight[first - begin : stop - begin]

    def _responded(self, trial: int, person: int, offset: int) -> np.ndarray:
        """Level of the channels and response to the cue in a stretch, shape (channels, length or 1)."""
        if not self._p.evoked_course[trial].size:
            return self._offset[person]
        end = offset + self._length
        return self._course_to(end).responses[trial][:, offset:end]

    def _response(self, knots: tuple[np.ndarray, np.ndarray, np.ndarray], trial: int) -> np.ndarray:
        """Level and response of one trial at samples between knots, see `between`; shape (channels, samples)."""
        person, course = int(self._p.person[trial]), self._p.evoked_course[trial].astype(np.float32)
        low, high, share = knots
        below = course.take(low, axis=1)
        shape = below + share * (course.take(high, axis=1) - below)
        return np.asarray(self._offset[person] + self._patterns[person] @ shape)

    def _course_to(self, end: int) -> _Course:
        """How trials go on, at least to sample ``end``. It is the same for all trials."""
        if end > self._course.end:
            self._course = self._course_of(max(end, round(self._p.meta["trial_s"] * self._rate)))
        return self._course

    def _course_of(self, end: int) -> _Course:
        frames = self._weights(end)
        knots = between(np.arange(end) / self._knot, self._p.evoked_course.shape[2])
        ends = [begin + len(weight) for begin, weight in frames]
        return _Course(end, frames, ends, Kept(partial(self._response, knots)))

    def _weights(self, end: int) -> list[tuple[int, np.ndarray]]:
        """For each frame the first sample in which it contributes, and its weight from there on."""
        place = (np.arange(end) + 0.5) / self._frame
        half = FRAME_FADE_S * self._rate / self._frame / 2
        last, weights = self._frames - 1, []
        for frame in range(self._frames):
            rise = np.clip((place - frame + half) / (2 * half), 0, 1) if frame else np.ones(end)
            fall = np.ones(end) if frame == last else np.clip((frame + 1 + half - place) / (2 * half), 0, 1)
            weight = np.minimum(rise, fall)
            used = np.flatnonzero(weight > 0)
            first, stop = (int(used[0]), int(used[-1]) + 1) if used.size else (end, end)
            weights.append((first, weight[first:stop].astype(np.float32)))
        return weights


def stretches(samples: np.ndarray, length: int) -> np.ndarray:
    """All stretches of ``length`` along the last axis of a contiguous array (..., n): (..., n - length + 1, length).

    A view like that of `numpy.lib.stride_tricks.sliding_window_view`, which takes twenty times as long to make.
    """
    shape = (*samples.shape[:-1], samples.shape[-1] - length + 1, length)
    return np.ndarray(shape, samples.dtype, samples, 0, (*samples.strides, samples.strides[-1]))
