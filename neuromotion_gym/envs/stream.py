"""From wanted labels to posteriors, for a batch of limbs: source, ring buffer of samples, timing of the decoder."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

import numpy as np

from neuromotion_gym.decoders.adaptation import adaptation_in_use, adaptation_options
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.fit import check_source
from neuromotion_gym.envs.ring import SampleRing
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.process_wide import one_blas_thread
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.fitting import check_amplitude
from neuromotion_gym.signals.sources.perturbed import Perturbed
from neuromotion_gym.signals.units import factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.adaptation import Adaptation, AdaptationOptions
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording
    from neuromotion_gym.signals.sources import Source
    from neuromotion_gym.signals.sources.cued import Targeted


RESET_ROWS = 32
"""Number of rows whose first windows are read and decoded at a time in a reset, to limit memory."""

_PLAYED_BY: WeakValueDictionary[int, Stream] = WeakValueDictionary()
"""Maps the ``id`` of every source in use to the stream that plays it."""


class Stream:
    """Samples in, posteriors out.

    Before an episode begins, one window of the rest label is played, or of a random label if there is no rest label:
    the first decision then reads signal and not zeros. Between decisions the posterior is held.

    Parameters
    ----------
    source : Source
        Source of the samples; only this stream may reset and read it, until the stream is closed or deleted.
    decoder : Decoder or BoundDecoder
        Decoder that reads the windows. For the bounds ``oracle`` and ``blind`` no window is decoded.
    control_s : float
        Control period.
    rest : int or None
        Index of the rest label; None if the decoder has none.
    time_limit_s : float
        Longest duration of an episode, for which the labels of the bound ``shuffled`` are drawn in advance.
    num_rows : int
        Size of the batch.
    keep_s : float, default 0
        Seconds of signal that `recent` returns, if that is more than the window.
    observed : bool, default True
        Whether an agent or a human viewer sees samples. If not, and the decoder is a bound that reads only the label
        that plays, no samples are generated; posteriors and everything else stay the same.
    adaptation : AdaptationOptions, optional
        How the decoder is adapted to the wearer of each row; as usual for its kind if left out.

    Raises
    ------
    NeuroMotionError
        If source and decoder do not fit (channels, rate, unit or labels), or another stream plays the source.
    """

    shuffled_hold_s = 1.0
    """Bound ``shuffled``: time for which each of the labels drawn at reset is asked for."""

    def __init__(
        self,
        source: Source,
        decoder: Decoder | BoundDecoder,
        control_s: float,
        rest: int | None,
        time_limit_s: float,
        num_rows: int,
        keep_s: float = 0.0,
        observed: bool = True,
        adaptation: AdaptationOptions | None = None,
    ) -> None:
        spec = decoder.spec
        check_source(source, spec)
        self.source, self.decoder, self.spec = source, decoder, spec
        self._claim()
        self._bound = decoder.kind if isinstance(decoder, BoundDecoder) else None
        self._inner = decoder.inner if isinstance(decoder, BoundDecoder) else decoder
        self._control_s, self._rest = control_s, rest
        # Indices of the decoder's channels among those of the source; None if they are the same in the same order
        names = matched(spec.channels, source.spec.channels)
        same = source.spec.channels == spec.channels
        self._channels = None if same else np.array([source.spec.channels.index(names[name]) for name in spec.channels])
        self._gain = factor(source.spec.unit, spec.unit)
        # What a perturbation does to the amplitude is meant
        self._amplitude_checked = isinstance(source, Perturbed)
        self._in_source = np.array([source.labels.index(label) for label in spec.labels])
        self._of_source = np.full(len(source.labels), -1)
        self._of_source[self._in_source] = np.arange(len(spec.labels))
        self._per_step = spec.rate_hz * control_s
        # Samples per step if that is a whole number: all rows then write at the same position of their rings
        self._even = round(self._per_step) if abs(self._per_step - round(self._per_step)) < 1e-9 else None
        hop = spec.hop_s / control_s
        self._hop = round(hop) if abs(hop - round(hop)) < 1e-9 else None
        self._ring: SampleRing | None = None
        if observed or self._bound not in ("oracle", "blind"):
            kept = max(spec.window, round(keep_s * spec.rate_hz))
            step = int(np.ceil(self._per_step))
            self._ring = SampleRing(num_rows, len(spec.channels), spec.window, kept, step)
        # Targets are known only of samples that were read
        self._pass_over = getattr(source, "pass_over", source.read) if spec.classifies else source.read
        played: Sequence[str] = getattr(source, "targets", ())
        self._targets = np.array([played.index(name) for name in spec.targets], dtype=int)
        # Matrices are multiplied only where signals are generated and decoded
        self._blas: AbstractContextManager[None] = nullcontext() if self._ring is None else one_blas_thread
        self._epochs = np.empty(0, np.int64), np.empty(0, np.int64)
        self._tick = 0
        moments = max(1, round(spec.window / self._per_step))
        # What played in the last window: a label, or values of targets
        self._played: np.ndarray = (
            np.zeros((moments, num_rows), dtype=int)
            if spec.classifies
            else np.zeros((moments, num_rows, len(spec.targets)))
        )
        self._rows: np.ndarray = np.arange(num_rows)
        self._steps: np.ndarray = np.zeros(num_rows, dtype=int)
        holds = int(time_limit_s / self.shuffled_hold_s) + 2
        self._shuffled: np.ndarray = np.zeros((num_rows, holds), dtype=int)
        self._preroll: np.ndarray = np.zeros(num_rows, dtype=int)
        self._adapted: Adaptation | None = None
        if self._bound not in ("oracle", "blind"):
            self._adapted = adaptation_in_use(self._inner, adaptation_options(adaptation, spec), num_rows)
        self._undecided = 1 / len(spec.labels) if spec.classifies else 0.0
        self.posterior: np.ndarray = np.full((num_rows, len(spec.decoded)), self._undecided, dtype=np.float32)
        self.effort: np.ndarray | None = np.zeros(num_rows, dtype=np.float32) if spec.effort else None
        source.start(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin an episode in ``rows`` and make its first decision.

        Parameters
        ----------
        rows : int array, shape (m,)
        generators : sequence of m numpy.random.Generator
        sessions : int array, shape (m,), optional
            Indices of the source's sessions to play.

        Raises
        ------
        NeuroMotionError
            If the stream was closed.
        """
        if _PLAYED_BY.get(id(self.source)) is not self:
            raise NeuroMotionError("This environment was closed and no longer has its source; make a new one.")
        with self._blas:
            labels = len(self.spec.labels)
            for row, generator in zip(rows.tolist(), generators, strict=True):
                self._shuffled[row] = generator.integers(labels, size=self._shuffled.shape[1])
                drawn = int(generator.integers(labels))
                self._preroll[row] = drawn if self._rest is None else self._rest
            self.source.reset(rows, generators, sessions)
            if self._adapted is not None:
                for row in rows.tolist():
                    session = int(self.source.session_index[row])
                    self._adapted.begin(row, session, partial(self._calibration, session))
            preroll = self._shuffled[rows, 0] if self._bound == "shuffled" else self._preroll[rows]
            # A person at rest is where targets are 0
            self._played[:, rows] = preroll if self.spec.classifies else 0.0
            self._steps[rows] = 0
            self.posterior[rows] = self._undecided
            if self.effort is not None:
                self.effort[rows] = 0.0
            for first in range(0, len(rows), RESET_ROWS):
                block = slice(first, first + RESET_ROWS)
                self._begin(rows[block], preroll[block])

    def close(self) -> None:
        """Free the source; another stream may then play it."""
        if _PLAYED_BY.get(id(self.source)) is self:
            del _PLAYED_BY[id(self.source)]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": _PLAYED_BY.get(id(self.source)) is self}

    def __setstate__(self, state: dict[str, Any]) -> None:
        is_open = state.pop("_open")
        self.__dict__.update(state)
        if is_open:
            self._claim()

    def _claim(self) -> None:
        """Reserve the source: if two streams read from it, each would get only part of the samples."""
        if id(self.source) in _PLAYED_BY:
            gc.collect()  # deletes streams that are no longer used but still exist
        if id(self.source) in _PLAYED_BY:
            raise NeuroMotionError(
                "Another environment plays this source object; each of the two would get only part of the samples. "
                "Close the other one first, or build a source for each."
            )
        _PLAYED_BY[id(self.source)] = self

    def _begin(self, rows: np.ndarray, preroll: np.ndarray) -> None:
        """Play one window and decode it, no matter how many samples are kept for the overlay."""
        if self._ring is not None:
            self._ring.begin(rows)
        self._play(self._in_source[preroll], self.spec.window, rows)
        if not self._amplitude_checked and self._ring is not None:
            # Once, on the first windows: they hold one label, so that only a gross error can be told
            amplitude = float(np.median(self._windows(rows).std(axis=2).mean(axis=0)))
            check_amplitude(amplitude, self.spec, "The source", first_windows=True)
            self._amplitude_checked = True
        if self.spec.pacing == "sliding":
            self._decode(rows)

    def step(self, wanted: np.ndarray) -> None:
        """Play one control period and decode where a decision is due.

        Parameters
        ----------
        wanted : int array, shape (rows,)
            Index of the decoder's label that each operator wants.
        """
        with self._blas:
            if self._bound == "shuffled":
                hold = (self._steps * self._control_s / self.shuffled_hold_s + 1e-6).astype(int)
                wanted = self._shuffled[self._rows, np.minimum(hold, self._shuffled.shape[1] - 1)]
            counts = self._play_period(self._in_source.take(wanted))
            if self._bound in ("oracle", "blind"):
                self._tick = (self._tick + 1) % len(self._played)
                self._played[self._tick] = (
                    self._of_source.take(self.source.playing)
                    if self.spec.classifies
                    else cast("Targeted", self.source).target[:, self._targets]
                )
            if self.spec.pacing == "sliding":
                rows = self._due().nonzero()[0]
                if len(rows) == len(self._rows):
                    self._decode()
                elif len(rows):
                    self._decode(rows)
                return
            assert self.spec.epoch_s is not None
            late = self.source.since_onset - round(self.spec.epoch_s[0] * self.spec.rate_hz) - self.spec.window
            rows = ((late >= 0) & (late < counts)).nonzero()[0]
            self._epochs = rows, late[rows]
            if len(rows):
                self._decode(rows, late[rows])

    def _play_period(self, asked: np.ndarray) -> np.ndarray | int:
        """Play one control period of the source's labels ``asked``; return the number of samples that each row got."""
        before, self._steps = self._steps, self._steps + 1
        if self._even is not None:
            self._play(asked, self._even)
            return self._even
        counts = (self._steps * self._per_step + 1e-6).astype(int) - (before * self._per_step + 1e-6).astype(int)
        for count in np.unique(counts):
            group = np.flatnonzero(counts == count)
            self._play(asked[group], int(count), group)
        return np.asarray(counts)

    def _play(self, asked: np.ndarray, count: int, rows: np.ndarray | None = None) -> None:
        """Play ``count`` samples of the labels ``asked`` in ``rows`` or in all, into the ring if there is one."""
        if self._ring is None:
            self._pass_over(asked, count, rows)
            return
        samples = self.source.read(asked, count, rows)
        if self._channels is not None:
            samples = samples[:, self._channels]
        if self._gain != 1:
            samples = samples * np.float32(self._gain)
        if rows is None:
            self._ring.append_all(samples)
        else:
            self._ring.append(rows, samples)

    def _due(self) -> np.ndarray:
        """Rows in which a hop ended in the last step."""
        if self._hop is not None:
            return np.asarray(self._steps % self._hop == 0)
        hops = self._steps * self._control_s / self.spec.hop_s + 1e-6
        return np.asarray(np.floor(hops) > np.floor(hops - self._control_s / self.spec.hop_s))

    @property
    def adaptation(self) -> np.ndarray | None:
        """What the decoder is given with each row's windows, shape (rows, *spec.adaptation.shape); None without it."""
        return None if self._adapted is None else self._adapted.values

    def forget(self, rows: np.ndarray) -> None:
        """Clear what the adaptation of ``rows`` has kept of earlier episodes."""
        if self._adapted is not None:
            self._adapted.forget(rows)

    @property
    def makes_samples(self) -> bool:
        """Whether samples are generated, because a decoder, an agent or a human viewer reads them."""
        return self._ring is not None

    def window(self) -> np.ndarray:
        """Last window of every row, float32 array of shape (rows, channels, window).

        Raises
        ------
        NeuroMotionError
            If no samples are generated.
        """
        return self._windows()

    def epochs(self) -> tuple[np.ndarray, np.ndarray]:
        """Epochs that were decided on in the last step, for ``pacing: trial``.

        Returns
        -------
        rows : int array, shape (m,)
        windows : float32 array, shape (m, channels, window)

        Raises
        ------
        NeuroMotionError
            If no samples are generated.
        """
        rows, late = self._epochs
        return rows, self._windows(rows, late)

    def recent(self, row: int) -> np.ndarray:
        """Last samples of one row, for the overlay: the window or ``keep_s``, whichever is longer.

        Returns
        -------
        float32 array, shape (channels, samples)

        Raises
        ------
        NeuroMotionError
            If no samples are generated.
        """
        return self._samples().recent(row)

    def _samples(self) -> SampleRing:
        if self._ring is None:
            raise NeuroMotionError(
                f"No samples are generated for the bound {self._bound!r}, which reads the label that plays; "
                "observe the signal or render the overlay to have them."
            )
        return self._ring

    def _decode(self, rows: np.ndarray | None = None, late: np.ndarray | int = 0) -> None:
        """Decode the windows of ``rows`` that ended ``late`` samples ago; by default the last ones of all rows."""
        place = slice(None) if rows is None else rows
        if self._bound in ("oracle", "blind"):
            assert isinstance(self.decoder, BoundDecoder)
            effort = None
            if not self.spec.classifies:
                posterior = self.decoder.decode_targets(self._played[:, place].swapaxes(0, 1))
            elif self.spec.pacing == "sliding":
                posterior = self.decoder.decode_labels(self._played[:, place].T)
            else:
                posterior = self.decoder.decode_labels(self._of_source[self.source.playing[place]][:, None])
            if self._bound == "oracle" and self._rest is not None and self.spec.classifies:
                effort = 1 - posterior[:, self._rest]
            elif self.effort is not None:
                effort = np.full(len(posterior), 1.0 if self._bound == "oracle" else 0.5, dtype=np.float32)
        else:
            windows = self._windows(rows, late)
            adaptation = None if self._adapted is None else self._adapted.values[place]
            posterior, effort = self._inner.decode(windows, adaptation)
            if self._adapted is not None:
                self._adapted.update(self._rows if rows is None else rows, windows)
        self.posterior[place] = posterior
        if self.effort is not None and effort is not None:
            self.effort[place] = effort

    def _windows(self, rows: np.ndarray | None = None, late: np.ndarray | int = 0) -> np.ndarray:
        ring = self._samples()
        if rows is not None:
            return ring.windows(rows, late)
        return ring.windows_of_all() if self._even is not None else ring.windows(self._rows)

    def _calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration runs of a session."""
        runs = self.source.calibration(session)
        if not runs:
            subject, name = self.source.sessions[session]
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} is adapted to each person from a calibration run, "
                f"but the source has none of subject {subject}, session {name}."
            )
        return runs
