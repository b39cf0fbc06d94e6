"""Recordings from named values (variables of a MAT file, arrays of an archive), as the keys of a `Reading` say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.axes import three_axes, two_axes
from neuromotion_gym.signals.readers.key_values import named_values, number, numbers, texts
from neuromotion_gym.signals.readers.made import Found, recording_from
from neuromotion_gym.signals.readers.rows import Rows, names_of, recordings_of_rows
from neuromotion_gym.signals.stretches import Faults, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Keys, Reading
    from neuromotion_gym.signals.recording import Recording


def recordings_of_keys(
    content: Mapping[str, Any],
    keys: Keys,
    reading: Reading,
    origin: Origin,
    *,
    first_index: int,
) -> Iterator[Recording]:
    """Recordings of the values under ``keys``; several if they lie in cells or in an array of structures.

    Parameters
    ----------
    content : mapping
        Numbers, texts, lists and mappings, see `neuromotion_gym.signals.readers.mat_content`.
    keys : Keys
    reading : Reading
    origin : Origin
    first_index : {0, 1}
        Number of the first sample in ``starts`` and ``stops``, if ``keys`` does not say it.

    Raises
    ------
    NeuroMotionError
        If a key is missing, or shapes do not fit each other or can be read in two ways.
    """
    first = first_index if keys.first_index is None else keys.first_index
    found = list(named_values(content, keys))
    for named in found:
        number = ".".join(str(at + 1) for at in named.place)
        here = origin._replace(run=f"{origin.run} ({number})") if len(found) > 1 else origin
        yield from _recordings(named.values, keys, reading, here, first)


def _recordings(
    values: Mapping[str, Any],
    keys: Keys,
    reading: Reading,
    origin: Origin,
    first: int,
) -> Iterator[Recording]:
    """Recordings of the values of one place."""
    given = values["samples"]
    labels = None if "label" not in values else names_of(texts(values["label"], "label"))
    names = texts(values["channels"], "channels").tolist() if "channels" in values else reading.named_channels
    rate = float(number(values["rate"], "rate")) if "rate" in values else None
    faults = Faults()
    if isinstance(given, list):  # cells with a trial each
        blocks = [two_axes(numbers(one, "samples"), keys.axes, names, None) for one in given]
        yield _of_trials(blocks, labels, names, rate, reading, origin, faults)
        return
    array = numbers(given, "samples")
    if array.ndim == 3:
        yield _of_trials(
            list(three_axes(array, keys.axes, names, labels)), labels, names, rate, reading, origin, faults
        )
        return
    rows = None if keys.starts is not None or labels is None else len(labels)
    samples = two_axes(array, keys.axes, names, rows)
    called = _called(samples, names)
    if keys.starts is not None:
        stretches = _starts(values, labels, rate, reading, first)
        yield recording_from(Found(samples, called, rate, None, stretches), reading, origin, faults)
        return
    length = samples.shape[1]
    if labels is not None and len(labels) != length:
        raise NeuroMotionError(
            f"label has {len(labels)} values, but samples has {length} samples; it needs one for each, or starts= says "
            "where the trials of these labels begin"
        )
    if labels is None and origin.label is None and reading.labels != {}:
        faults.note("no key gives labels, so there are no trials")
    whose = {use: names_of(texts(values[use], use)) for use in ("subject", "session", "run") if use in values}
    wrong = [use for use, each in whose.items() if len(each) not in (1, length)]
    if wrong:
        raise NeuroMotionError(f"{wrong[0]} has {len(whose[wrong[0]])} values; it needs one, or one for each sample")
    rows_of = {use: np.broadcast_to(each, length) for use, each in whose.items()}
    yield from recordings_of_rows(Rows(samples, called, rate, labels=labels, whose=rows_of), reading, origin, faults)


def _of_trials(
    blocks: Sequence[np.ndarray],
    labels: np.ndarray | None,
    names: Sequence[str] | None,
    rate: float | None,
    reading: Reading,
    origin: Origin,
    faults: Faults,
) -> Recording:
    """One recording of blocks of shape (channels, samples), a trial each; between two blocks there is a gap."""
    if labels is None or len(labels) != len(blocks):
        found = "there are no labels" if labels is None else f"there are {len(labels)} labels"
        raise NeuroMotionError(
            f"samples holds {len(blocks)} trials, but {found}; label= names a value with one for each"
        )
    if len({len(block) for block in blocks}) != 1:
        raise NeuroMotionError(f"trials have different numbers of channels: {sorted({len(block) for block in blocks})}")
    edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
    stretches = [
        Stretch(str(label), int(start), int(stop))
        for label, start, stop in zip(labels, edges[:-1], edges[1:], strict=True)
        if label != ""
    ]
    samples = np.concatenate(blocks, axis=1)
    spans = tuple((int(at), int(at)) for at in edges[1:-1])
    return recording_from(
        Found(samples, _called(samples, names), rate, None, stretches, spans), reading, origin, faults
    )


def _starts(
    values: Mapping[str, Any], labels: np.ndarray | None, rate: float | None, reading: Reading, first: int
) -> list[Stretch]:
    """Trials from lists of their starts, labels and, if given, stops."""
    starts = numbers(values["starts"], "starts").ravel()
    if labels is None or len(labels) != len(starts):
        raise NeuroMotionError(f"there are {len(starts)} starts, but {0 if labels is None else len(labels)} labels")
    if "stops" in values:
        stops = numbers(values["stops"], "stops").ravel()
        if len(stops) != len(starts):
            raise NeuroMotionError(f"there are {len(starts)} starts, but {len(stops)} stops")
    else:
        rate = reading.rate_hz or rate
        if reading.marked_s is None or rate is None:
            raise NeuroMotionError("starts without stops need trial_s=, the length of the trials, and a rate")
        stops = starts + round(reading.marked_s * rate)
    if not (np.isfinite(starts).all() and np.isfinite(stops).all()):
        raise NeuroMotionError("starts and stops have to be finite")
    for what, given in (("starts", starts), ("stops", stops)):
        if len(broken := given[given != np.round(given)]):
            raise NeuroMotionError(
                f"{what} has {float(broken[0]):g}; starts and stops count samples, so they have to be whole numbers "
                "(seconds times the rate)"
            )
    return [
        Stretch(str(label), round(float(start)) - first, round(float(stop)) - first)
        for label, start, stop in zip(labels, starts, stops, strict=True)
        if label != ""
    ]


def _called(samples: np.ndarray, names: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the channels: those given, or numbers."""
    if names is None:
        return tuple(f"channel_{number}" for number in range(1, len(samples) + 1))
    if len(names) != len(samples):
        raise NeuroMotionError(
            f"samples has {len(samples)} channels, but there are {len(names)} names: {', '.join(names)}"
        )
    return tuple(map(str, names))
