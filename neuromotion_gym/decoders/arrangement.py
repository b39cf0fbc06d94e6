"""How a band of electrodes is worn: turned around the limb, or put on the other way round (mirrored).

A decoder whose specification says ``ring: true`` reads channels that lie in a ring around a limb. Its samples then mean
something else when the band is turned or mirrored, and its confidence does not show it. With n channels there are 2 n
arrangements. A labelled recording tells which one fits (`labelled_arrangement`). Without labels, the mutual information
between windows and decoded labels (Bridle, Heading and MacKay, NIPS 1991) is highest for the right one: its posteriors
are sure of themselves and differ between windows (`arrangement_check`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.information import information
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import fitted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

WINDOWS = 600
"""Largest number of windows that are decoded for one comparison; they are spread evenly over the recordings."""
LEAST_S = 100.0
"""Seconds of signal that a comparison without labels needs: a round with all movements. ``docs/decoders.md`` says what
shorter recordings do."""
LEAST_INFORMATION = 0.65
"""Information of the best arrangement, as a share of the logarithm of the number of labels. It is lower where a person
made only some of the movements; nothing can be said then."""
MARGIN = 0.05
"""What the best arrangement has to be better by, in the same share: than the given one, and than every other."""
LABELLED_GAIN = 0.02
"""Gain in balanced accuracy from which on a labelled recording decides for another arrangement."""


@dataclass(frozen=True)
class Arrangement:
    """Which channel of a recording each channel of a ring is.

    Channel j (from 0) of n is read from channel ``(turn + j) % n``, or ``(turn - j) % n`` if ``mirrored``.
    """

    turn: int = 0
    mirrored: bool = False

    def of(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Names of the channels to read, in the order in which the decoder reads them."""
        return tuple(channels[index] for index in self.order(len(channels)))

    def order(self, count: int) -> list[int]:
        """Index of the channel that each of ``count`` channels is read from."""
        step = -1 if self.mirrored else 1
        return [(self.turn + step * channel) % count for channel in range(count)]

    def words(self, count: int) -> str:
        """How the band is worn, for messages."""
        if self.mirrored:
            return "mirrored"
        places = min(self.turn % count, -self.turn % count)
        return f"turned by {places} of {count} electrodes" if places else "as the decoder expects it"


PLAIN = Arrangement()


def arrangements(count: int) -> list[Arrangement]:
    """All arrangements of ``count`` channels in a ring; the first one is the given order."""
    return [Arrangement(turn, mirrored) for mirrored in (False, True) for turn in range(count)]


@dataclass(frozen=True)
class ArrangementFit:
    """The arrangement that fits a recording best, compared with the order in which the decoder reads its channels.

    Parameters
    ----------
    best : Arrangement
    score, given_score : float
        Of the best arrangement and of the given order. With labels: balanced accuracy. Without: mutual information of
        windows and labels as a share of the logarithm of the number of labels, 0 to 1.
    sure : bool
        Whether the best one is better by the margins of this module.
    """

    best: Arrangement
    score: float
    given_score: float
    sure: bool

    @property
    def differs(self) -> bool:
        """Whether the band is surely worn otherwise than the decoder expects."""
        return self.sure and self.best != PLAIN


def can_be_arranged(decoder: Decoder) -> bool:
    """Whether arrangements can be compared: a ring, a posterior, and no last layer of the wearer's own to be fitted."""
    spec = decoder.spec
    return spec.ring and spec.classifies and spec.adaptation.kind == "none" and len(spec.channels) > 2


def arrangement_check(decoder: Decoder, recordings: Sequence[Recording]) -> ArrangementFit | None:
    """Find how a band is worn, without labels.

    Parameters
    ----------
    decoder : Decoder
    recordings : sequence of Recording
        Of one person and one session, a whole round with all movements. Labels are not read.

    Returns
    -------
    ArrangementFit, or None
        None if the decoder's channels do not lie in a ring, or the recordings are shorter than `LEAST_S`.

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder.
    """
    spec = decoder.spec
    if not can_be_arranged(decoder) or sum(one.duration_s for one in recordings) < LEAST_S:
        return None
    windows = _spread_windows(decoder, recordings)
    if not len(windows):
        return None
    candidates = arrangements(len(spec.channels))
    largest = np.log(len(spec.labels))
    scores = np.array([information(one) / largest for one in _posteriors(decoder, windows, candidates)])
    first, second = np.argsort(-scores, kind="stable")[:2]
    sure = (
        scores[first] >= LEAST_INFORMATION
        and scores[first] - scores[second] >= MARGIN
        and (first == 0 or scores[first] - scores[0] >= MARGIN)
    )
    return ArrangementFit(candidates[first], float(scores[first]), float(scores[0]), bool(sure))


def labelled_arrangement(decoder: Decoder, windows: np.ndarray, labels: np.ndarray) -> ArrangementFit:
    """Find how a band is worn from labelled windows: the arrangement under which their labels are most probable.

    Parameters
    ----------
    decoder : Decoder
        One for which `can_be_arranged` is true.
    windows : float32 array, shape (n, channels, samples)
    labels : int array, shape (n,)
        Index into ``spec.labels``.
    """
    candidates = arrangements(len(decoder.spec.channels))
    kept = _spread(labels, WINDOWS)
    windows, labels = windows[kept], labels[kept]
    accuracies, evidence = [], []
    for posterior in _posteriors(decoder, windows, candidates):
        right = posterior.argmax(axis=1) == labels
        # The floor keeps single windows that are surely wrong from deciding alone
        logarithm = np.log(posterior[np.arange(len(labels)), labels] + 1e-3)
        rows = [labels == label for label in np.unique(labels)]
        accuracies.append(float(np.mean([right[row].mean() for row in rows])))
        evidence.append(float(np.mean([logarithm[row].mean() for row in rows])))
    first = int(np.argmax(evidence))
    sure = first == 0 or accuracies[first] - accuracies[0] > LABELLED_GAIN
    return ArrangementFit(candidates[first], accuracies[first], accuracies[0], sure)


def facts_of_arrangement(decoder: Decoder | BoundDecoder, sessions: Iterable[Session]) -> dict[str, Any]:
    """What ``info["about"]`` says about how a band is worn in recordings of one's own; warns if it is worn otherwise.

    Labels are not read. Each session's calibration run is looked at or, if there is none, its recordings. Nothing is
    said where it is not sure.

    Parameters
    ----------
    decoder : Decoder or BoundDecoder
        Nothing is said about bounds, nor if the channels do not lie in a ring.
    sessions : iterable of Session

    Returns
    -------
    dict
        ``band_worn_otherwise``: for each such person and session, how the band is worn; empty if there is none.
    """
    if isinstance(decoder, BoundDecoder) or not can_be_arranged(decoder):
        return {}
    found = {}
    for session in sessions:
        fit = arrangement_check(decoder, session.calibration or session.recordings)
        if fit is not None and fit.differs:
            found[f"{session.subject}, session {session.session}"] = _worn(decoder, fit)
    if not found:
        return {}
    where = "; ".join(f"{name}: {worn}" for name, worn in found.items())
    warn(
        f"The band may be worn otherwise than decoder {decoder.spec.name!r} expects. {where}. Check it with a labelled "
        "recording (neuromotion calibrate), or give the order as channels, a map from the decoder's channels to yours."
    )
    return {"band_worn_otherwise": found}


def mapped_channels(channels: Sequence[str] | Mapping[str, str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Channels of a recording in the order in which a decoder reads them.

    Parameters
    ----------
    channels : sequence of str, or mapping of str to str
        The decoder's channels; a mapping if some of them already have other names in a recording.
    given : mapping of str to str
        Channel of the decoder to channel of the recording; those left out stay as they are.

    Raises
    ------
    NeuroMotionError
        If the decoder has no such channel, or two channels would be read from the same one.
    """
    known = dict(channels) if hasattr(channels, "keys") else {name: name for name in channels}  # type: ignore[arg-type]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise NeuroMotionError(
            f"channels maps {', '.join(map(str, unknown))}, which the decoder does not read; it reads "
            f"{', '.join(known)}."
        )
    read = tuple({**known, **given}.values())
    twice = sorted({name for name in read if read.count(name) > 1}, key=str)
    if twice:
        raise NeuroMotionError(
            f"channels has {', '.join(map(str, twice))} for two channels of the decoder; each reads one of its own."
        )
    return read


def _worn(decoder: Decoder, fit: ArrangementFit) -> str:
    channels = decoder.spec.channels
    return (
        f"{fit.best.words(len(channels))}, read in the order {', '.join(fit.best.of(channels))} "
        f"(score {fit.score:.2f} instead of {fit.given_score:.2f})"
    )


def _posteriors(decoder: Decoder, windows: np.ndarray, candidates: Iterable[Arrangement]) -> Iterable[np.ndarray]:
    for candidate in candidates:
        yield decoder.predict_proba(np.ascontiguousarray(windows[:, candidate.order(windows.shape[1])]))


def _spread_windows(decoder: Decoder, recordings: Sequence[Recording]) -> np.ndarray:
    """At most `WINDOWS` windows without overlap, spread evenly over all recordings."""
    spec = decoder.spec
    cut = []
    for recording in recordings:
        picked = fitted(recording, spec)
        count = picked.samples.shape[1] // spec.window
        whole = picked.samples[:, : count * spec.window].reshape(len(spec.channels), count, spec.window)
        starts = np.arange(count) * spec.window
        good = np.ones(count, bool)
        for start, stop in picked.bad_spans:  # a gap has no samples of its own
            good &= (start >= starts + spec.window) | (max(stop, start + 1) <= starts)
        cut.append(whole.transpose(1, 0, 2)[good])
    windows = np.concatenate(cut)
    return windows[_evenly(len(windows), WINDOWS)]


def _spread(labels: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most ``most`` windows, spread evenly over those of each label."""
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.concatenate([row[_evenly(len(row), max(1, most // len(rows)))] for row in rows])


def _evenly(count: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` things, spread evenly."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).astype(int))
