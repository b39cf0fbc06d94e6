"""Fingerprints of recordings: they show whether two sets of recordings share samples, even after processing.

The method is that of audio fingerprints (Wang, "An industrial-strength audio search algorithm", ISMIR 2003): many small
landmarks, and a vote on the time shift between the landmarks of two recordings. Here a landmark is a peak of a
channel's envelope in a frequency band; its hash encodes the times between this peak and the next ones. It therefore
does not change with scale, offset, sampling rate, order of channels, or a filter that passes one of the bands
unchanged, and any stretch of a recording has landmarks of its own. One landmark in `KEPT` is kept. Its hash decides
which, so that two recordings keep the same ones.

Not found are shared stretches shorter than about fifteen seconds, and signals filtered to less than one of `BANDS_HZ`.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuromotion_gym.signals.recording import Recording

BANDS_HZ = ((9.0, 20.0), (30.0, 75.0))
"""Frequency bands of the envelopes; a band is left out where a recording's sampling rate is too low for it."""
ENVELOPE_HZ = 6.0
"""Highest frequency of the envelopes: they then have about four peaks per second."""
RATE_HZ = 64.0
"""Sampling rate of the envelopes."""
INTERVALS = 5
"""Intervals between successive peaks in one hash."""
STEP_S = 0.03
"""Resolution of the intervals between peaks; filters move a peak by less."""
LONGEST = 32
"""Number of different lengths of an interval in steps; longer intervals count as the longest."""
KEPT = 24
"""One landmark in this many is kept."""
TOLERANCE_S = 0.05
"""Landmarks of shared samples have the same time shift, up to this tolerance."""
SLOT_S = 0.3
"""Landmarks of all channels within this time have one vote together: neighbouring electrodes record the same."""
VOTES = 7
"""Votes for one shift from which on samples count as shared; `tests/datasets/test_fingerprints.py` has error rates."""
VERSION = 1


class Landmarks(NamedTuple):
    """Landmarks of one recording.

    Parameters
    ----------
    hashes : uint32 array, shape (n,)
    times_s : float32 array, shape (n,)
        Seconds from the recording's beginning.
    """

    hashes: np.ndarray
    times_s: np.ndarray


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Landmarks of several recordings, by the names of the recordings."""

    landmarks: dict[str, Landmarks]

    def shared_with(self, other: Fingerprints) -> list[tuple[str, str]]:
        """Pairs of recordings that share samples: names of one of these and one of ``other``; sorted."""
        if not self.landmarks or not other.landmarks:
            return []
        names = sorted(other.landmarks)
        lengths = [len(other.landmarks[name].hashes) for name in names]
        hashes = np.concatenate([other.landmarks[name].hashes for name in names])
        order = np.argsort(hashes, kind="stable")
        index = _Index(
            hashes[order],
            np.concatenate([other.landmarks[name].times_s for name in names])[order],
            np.repeat(np.arange(len(names)), lengths)[order],
        )
        found = []
        for name in sorted(self.landmarks):
            votes = _votes(self.landmarks[name], index, len(names))
            found += [(name, names[number]) for number in np.flatnonzero(votes >= VOTES)]
        return found

    def to_json(self) -> dict[str, Any]:
        """Values for a JSON file: about 16 kB per recording of two minutes with 64 channels, 3 kB with 8 channels."""
        return {
            "version": VERSION,
            "landmarks": {name: [_packed(part) for part in each] for name, each in self.landmarks.items()},
        }

    @classmethod
    def from_json(cls, content: object) -> Fingerprints:
        """Inverse of `to_json`.

        Raises
        ------
        NeuroMotionError
            If ``content`` holds no fingerprints, or fingerprints of another version.
        """
        if not isinstance(content, dict) or not isinstance(content.get("landmarks"), dict):
            raise NeuroMotionError("These are no fingerprints: 'version' and 'landmarks' are expected.")
        if content.get("version") != VERSION:
            raise NeuroMotionError(
                f"Fingerprints of version {content.get('version')!r} cannot be compared with those of version "
                f"{VERSION}: make them again."
            )
        try:
            return cls(
                {
                    str(name): Landmarks(_unpacked(hashes, "<u4"), _unpacked(times, "<f4"))
                    for name, (hashes, times) in content["landmarks"].items()
                }
            )
        except (TypeError, ValueError, zlib.error) as error:
            raise NeuroMotionError(f"The fingerprints are damaged: {error}.") from error


def fingerprints_of(recordings: Iterable[Recording]) -> Fingerprints:
    """Fingerprints of recordings; they are taken from ``recordings`` one at a time.

    Parameters
    ----------
    recordings : iterable of Recording
        Recordings as they were read, with different names.

    Raises
    ------
    NeuroMotionError
        If two recordings have the same name.
    """
    found: dict[str, Landmarks] = {}
    for recording in recordings:
        if recording.name in found:
            raise NeuroMotionError(f"Two recordings are called {recording.name!r}; their names have to differ.")
        found[recording.name] = landmarks(recording.samples, recording.spec.rate_hz)
    return Fingerprints(found)


def landmarks(samples: np.ndarray, rate_hz: float) -> Landmarks:
    """Landmarks of samples.

    Parameters
    ----------
    samples : float array, shape (channels, samples)
    rate_hz : float
    """
    hashes, times = [np.zeros(0, np.uint32)], [np.zeros(0, np.float32)]
    for number, (low, high) in enumerate(BANDS_HZ):
        high = min(high, 0.45 * rate_hz)
        if high < 1.5 * low:
            continue
        for envelope in _envelopes(samples, rate_hz, low, high):
            peaks = _peaks(envelope) / RATE_HZ
            if len(peaks) <= INTERVALS:
                continue
            steps = np.minimum(np.diff(peaks) / STEP_S, LONGEST - 1).astype(np.int64)
            rows = np.lib.stride_tricks.sliding_window_view(steps, INTERVALS)
            code = rows @ LONGEST ** np.arange(INTERVALS) * len(BANDS_HZ) + number
            scrambled = code * 2_654_435_761 % 2**32  # Knuth's multiplicative hash: those kept are a random choice
            kept = (scrambled >> 16) % KEPT == 0
            kept &= np.ptp(rows, axis=1) > 1  # any periodic signal has equal intervals
            hashes.append(scrambled[kept].astype(np.uint32))
            times.append(peaks[: len(rows)][kept].astype(np.float32))
    return Landmarks(np.concatenate(hashes), np.concatenate(times))


class _Index(NamedTuple):
    """Landmarks of many recordings, sorted by hash; ``owner`` is the number of the recording of each landmark."""

    hashes: np.ndarray
    times_s: np.ndarray
    owner: np.ndarray


def _votes(mine: Landmarks, index: _Index, recordings: int) -> np.ndarray:
    """Votes of each recording of ``index`` for its best time shift, int array of shape (recordings,)."""
    first = np.searchsorted(index.hashes, mine.hashes, "left")
    count = np.searchsorted(index.hashes, mine.hashes, "right") - first
    own = np.repeat(np.arange(len(mine.hashes)), count)
    theirs = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    votes = np.zeros(recordings, dtype=np.int64)
    if not own.size:
        return votes
    shift = np.round((mine.times_s[own] - index.times_s[theirs]) / TOLERANCE_S).astype(np.int64)
    slot = (mine.times_s[own] / SLOT_S).astype(np.int64)
    # Equal shifts may fall on both sides of the border of two bins: each vote counts for its bin and the one before
    ballots = np.stack([np.tile(index.owner[theirs], 2), np.concatenate([shift, shift - 1]), np.tile(slot, 2)])
    ballots = np.unique(ballots, axis=1)
    pairs, counts = np.unique(ballots[:2], axis=1, return_counts=True)
    np.maximum.at(votes, pairs[0], counts)
    return votes


def _envelopes(samples: np.ndarray, rate_hz: float, low: float, high: float) -> np.ndarray:
    """Envelopes of all channels in a band, at `RATE_HZ`, shape (channels, n)."""
    from scipy import fft

    length = samples.shape[1]
    size = fft.next_fast_len(length, real=True)
    spectrum = fft.rfft(samples.astype(np.float64), size, axis=1)
    frequency = np.arange(spectrum.shape[1]) * rate_hz / size
    inside = (frequency >= low) & (frequency <= high)
    taper = np.sin(np.pi * (frequency[inside] - low) / (high - low)) ** 0.5
    band = spectrum[:, inside] * taper
    # The analytic signal, shifted down to frequency 0: it needs only a few samples per second
    analytic = np.abs(fft.ifft(band, fft.next_fast_len(2 * band.shape[1]), axis=1))
    smooth = fft.rfft(analytic, axis=1)
    bins = round(ENVELOPE_HZ * size / rate_hz) + 1
    smooth = smooth[:, :bins] * np.cos(np.pi / 2 * np.arange(min(bins, smooth.shape[1])) / bins) ** 2
    out = round(size / rate_hz * RATE_HZ)
    envelope: np.ndarray = fft.irfft(smooth, out, axis=1)
    return envelope[:, : int(length / rate_hz * RATE_HZ)]


def _peaks(values: np.ndarray) -> np.ndarray:
    """Positions of the local maxima of ``values`` in samples, interpolated between samples with a parabola."""
    from scipy.signal import find_peaks

    at = find_peaks(values)[0]
    before, top, after = values[at - 1], values[at], values[at + 1]
    return np.asarray(at + 0.5 * (before - after) / (before - 2 * top + after))


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(values.astype(values.dtype.newbyteorder("<")).tobytes(), 9)).decode("ascii")


def _unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text, validate=True)), kind)
