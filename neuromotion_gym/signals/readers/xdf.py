"""XDF files of Lab Streaming Layer, through pyxdf: a stream of samples, and markers that begin the trials."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.readers.made import Found, recording_from
from neuromotion_gym.signals.readers.sizes import check_size
from neuromotion_gym.signals.stretches import Faults, Stretch
from neuromotion_gym.signals.units import unit_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

BREAK_S = 0.25
"""Time stamps further apart than this many seconds (and than two samples) are a gap; smaller differences are jitter."""
RATE_TOLERANCE = 0.01
"""Largest relative difference between the rate that a stream states and the one of its time stamps."""
MARKERS = "markers"
"""Type, in lower case, of streams of markers."""


def read_xdf(path: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    """The recording of an XDF file; clocks of streams are synchronised by pyxdf.

    Parameters
    ----------
    path : path
    reading : Reading
        ``stream`` and ``marker_stream`` name streams by name or type; without them the stream of samples is the one
        whose type is the modality, and markers are all streams of type ``Markers``.
    origin : Origin
    channels : sequence of str, optional
        Channels to take; all of the stream if left out.

    Raises
    ------
    NeuroMotionError
        If pyxdf is not installed, a stream is missing or not clear, its rate is irregular, or a marker has no length.
    """
    try:
        import pyxdf
    except ImportError:
        raise NeuroMotionError("reading XDF files needs pyxdf: pip install 'neuromotion-gym[io]'") from None
    check_size(path, path.stat().st_size, reading.limit_bytes)
    faults = Faults()
    with _said_by_pyxdf(faults):
        streams, _ = pyxdf.load_xdf(path, jitter_break_threshold_seconds=BREAK_S, jitter_break_threshold_samples=2)
    stream = _samples_of(streams, reading)
    if reading.modality is None:
        kind = _kind(stream).lower()
        reading = reading.model_copy(update={"modality": kind if kind in get_args(Modality) else None})
    samples, stamps = np.asarray(stream["time_series"]), np.asarray(stream["time_stamps"])
    if samples.ndim != 2 or len(samples) < 2:
        raise NeuroMotionError(f"stream {_name(stream)!r} holds {len(samples)} samples; two at least are needed")
    rate = _rate(stream)
    names, units = _channels(stream, samples.shape[1], reading.named_channels)
    found = matched(channels, names) if channels is not None else {}
    taken = (
        [names.index(name) for name in found.values()]
        if found and len(found) == len(channels or ())
        else [*range(len(names))]
    )
    gaps = tuple((int(start), int(start)) for start, _ in stream["info"]["segments"][1:])
    marks = _outside_gaps(_marks(streams, stream, reading, faults), stamps, rate, {start for start, _ in gaps}, faults)
    stretches = _stretches(marks, stamps, rate, reading)
    unit = {units[index] for index in taken}
    content = Found(
        samples.T[taken],
        tuple(names[index] for index in taken),
        rate,
        unit.pop() or None if len(unit) == 1 else None,
        stretches,
        gaps,
    )
    yield recording_from(content, reading, origin, faults)


@contextmanager
def _said_by_pyxdf(faults: Faults) -> Iterator[None]:
    """Note what pyxdf logs (parts that it could not read) as faults."""

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            faults.note("pyxdf says", " ".join(record.getMessage().split()))

    logger, handler = logging.getLogger("pyxdf"), Noting(logging.WARNING)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _first(info: Any, *path: str) -> Any:
    """The value at a path of the header, where pyxdf holds every value in a list; None if there is none."""
    for name in path:
        inner = info.get(name) if isinstance(info, dict) else None
        info = inner[0] if isinstance(inner, list) and inner else None
    return info


def _name(stream: Any) -> str:
    return str(_first(stream["info"], "name") or "")


def _kind(stream: Any) -> str:
    return str(_first(stream["info"], "type") or "")


def _listed(streams: Sequence[Any]) -> str:
    """Streams for messages: name, type, number of channels, rate."""
    return ", ".join(
        f"{_name(one)!r} (type {_kind(one)!r}, {_first(one['info'], 'channel_count')} channels, "
        f"{_first(one['info'], 'nominal_srate')} Hz)"
        for one in streams
    )


def _called(streams: Sequence[Any], wanted: str) -> list[Any]:
    """Streams of a name or, if there is none, of a type in any case."""
    by_name = [one for one in streams if _name(one) == wanted]
    return by_name or [one for one in streams if _kind(one).lower() == wanted.lower()]


def _samples_of(streams: Sequence[Any], reading: Reading) -> Any:
    """The stream of samples: the one asked for, or the one whose type is the modality."""
    numeric = [one for one in streams if isinstance(one["time_series"], np.ndarray) and _kind(one).lower() != MARKERS]
    wanted = reading.stream or reading.modality
    if wanted is not None:
        found = _called(numeric, wanted)
    else:
        found = [one for one in numeric if _kind(one).lower() in get_args(Modality)]
    if len(found) != 1:
        asked = "" if wanted is None else f" called {wanted!r} or of this type"
        raise NeuroMotionError(
            f"there are {len(found)} streams of samples{asked}; say which with stream=. Streams: {_listed(streams)}"
        )
    return found[0]


def _rate(stream: Any) -> float:
    """The rate that the stream states, if its time stamps agree."""
    stated, measured = float(_first(stream["info"], "nominal_srate") or 0), float(stream["info"]["effective_srate"])
    if stated <= 0:
        raise NeuroMotionError(f"stream {_name(stream)!r} has an irregular rate; it has to be regular")
    if abs(measured - stated) > RATE_TOLERANCE * stated:
        raise NeuroMotionError(
            f"stream {_name(stream)!r} states {stated:g} Hz, but its time stamps give {measured:g} Hz: samples were "
            "lost, or the rate is wrong"
        )
    return stated


def _channels(stream: Any, count: int, given: tuple[str, ...] | None) -> tuple[list[str], list[str]]:
    """Names and units of the channels as the stream's header has them; names that it lacks are those given."""
    described = (_first(stream["info"], "desc", "channels") or {}).get("channel") or []
    names = [_first(one, "label") for one in described]
    units = [unit_name(str(_first(one, "unit") or "")) for one in described]
    if len(names) != count or not all(names) or len(set(names)) < count:
        if given is not None and len(given) != count:
            raise NeuroMotionError(
                f"stream {_name(stream)!r} does not name its {count} channels; channels= has {len(given)} names"
            )
        names = list(given) if given is not None else [f"channel_{number}" for number in range(1, count + 1)]
    return list(map(str, names)), units if len(units) == count else [""] * count


def _marks(streams: Sequence[Any], samples: Any, reading: Reading, faults: Faults) -> list[tuple[float, str]]:
    """Time and name of every marker that the label map does not leave out."""
    others = [one for one in streams if one is not samples]
    if reading.labels == {}:
        return []
    if reading.marker_stream is not None:
        found = _called(others, reading.marker_stream)
        if not found:
            raise NeuroMotionError(
                f"there is no stream of markers called {reading.marker_stream!r} or of this type. Streams: "
                f"{_listed(streams)}"
            )
    else:
        found = [one for one in others if _kind(one).lower() == MARKERS]
    marks = [
        (float(time), _text(value[0]))
        for one in found
        for time, value in zip(one["time_stamps"], one["time_series"], strict=True)
    ]
    if not marks:
        faults.note(f"there are no markers, so there are no trials; streams are {_listed(streams)}")
    return sorted(mark for mark in marks if reading.labels is None or reading.labels.get(mark[1], "") is not None)


def _outside_gaps(
    marks: Sequence[tuple[float, str]], stamps: np.ndarray, rate: float, gaps: set[int], faults: Faults
) -> list[tuple[float, str]]:
    """The markers but those in a gap, more than a sample away from both its ends; ``gaps`` has the samples after."""
    kept = []
    for time, name in marks:
        after = int(np.searchsorted(stamps, time))
        if after in gaps and min(stamps[after] - time, time - stamps[after - 1]) > 1 / rate:
            faults.note("markers in gaps are left out", f"{name} at {time - float(stamps[0]):.6g} s")
        else:
            kept.append((time, name))
    return kept


def _text(value: Any) -> str:
    """A marker as text; a whole number without a decimal point."""
    if isinstance(value, str):
        return value.strip()
    return str(int(value)) if float(value).is_integer() else str(float(value))


def _stretches(marks: Sequence[tuple[float, str]], stamps: np.ndarray, rate: float, reading: Reading) -> list[Stretch]:
    """A trial for each marker: from the sample nearest in time, for the length that is said."""
    if marks and reading.marked_s is None:
        raise NeuroMotionError(f"marker {marks[0][1]!r} has no duration; say with trial_s= how long its trials last")
    length = round((reading.marked_s or 0) * rate)
    found = []
    for time, name in marks:
        after = int(np.searchsorted(stamps, time))
        if after in (0, len(stamps)):  # outside, as far as at this rate
            edge = 0 if after == 0 else len(stamps) - 1
            start = edge + round((time - float(stamps[edge])) * rate)
        else:
            start = after if stamps[after] - time <= time - stamps[after - 1] else after - 1
        found.append(Stretch(name, start, start + max(length, 1)))
    return found
