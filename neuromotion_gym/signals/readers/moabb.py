"""Data set objects of MOABB: people, sessions and runs as MOABB names them, trials from its markers.

MOABB itself is not imported: what has its methods and facts is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.file_names import Origin
from neuromotion_gym.signals.readers.mne_reading import is_of_mne, recording_of, with_modality_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

FACTS = ("subject_list", "event_id", "interval", "get_data")


def is_of_moabb(what: object) -> bool:
    """Whether something is a data set object as MOABB has them."""
    return not isinstance(what, type) and all(hasattr(what, name) for name in FACTS)


def read_moabb(dataset: Any, reading: Reading, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings of a data set object, person by person.

    Parameters
    ----------
    dataset : moabb.datasets.base.BaseDataset
    reading : Reading
        ``only`` says which people are read.
    channels : sequence of str, optional
        Channels to take; all of the modality if left out.

    Raises
    ------
    NeuroMotionError
        If a person is not there, or the data cannot be had or read.
    """
    people = {str(subject): subject for subject in dataset.subject_list}
    asked = (reading.only or {}).get("subject", tuple(people))
    if missing := [name for name in asked if name not in people]:
        raise NeuroMotionError(
            f"{_code(dataset)} has no subject {', '.join(missing)}; its subjects are {', '.join(people)}."
        )
    for name in asked:
        try:
            data = dataset.get_data(subjects=[people[name]])[people[name]]
        except Exception as error:  # a download or a file of the data set can fail in any way
            raise NeuroMotionError(
                f"{_code(dataset)} gives no data of subject {name}: {type(error).__name__}: {error}"
            ) from error
        for session, runs in data.items():
            for run, raw in runs.items():
                yield _recording(dataset, raw, reading, _origin(dataset, reading, name, session, run), channels)


def _code(dataset: Any) -> str:
    return str(getattr(dataset, "code", type(dataset).__name__))


def _origin(dataset: Any, reading: Reading, subject: str, session: Any, run: Any) -> Origin:
    """Names as MOABB has them; those that are said hold."""
    names = {"subject": subject, "session": str(session), "run": str(run)}
    names |= {name: value for name in names if (value := getattr(reading, name)) is not None}
    code = _code(dataset) if reading.dataset == type(reading).model_fields["dataset"].default else reading.dataset
    return Origin(code, **names, label=reading.label)


def _recording(dataset: Any, raw: Any, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Recording:
    """The recording of one run.

    The markers are annotations that have the length of a trial, as MOABB sets them; or else annotations or a stim
    channel with the moments at which a trial of the data set's ``interval`` is counted from.
    """
    if not is_of_mne(raw):
        raise NeuroMotionError(
            f"{_code(dataset)} gives {type(raw).__name__} instead of an MNE Raw; read it with no pipeline."
        )
    said: dict[str, Any] = {}
    events: Mapping[str, int] = reading.event_id or dataset.event_id
    marks = [
        float(duration)
        for name, duration in zip(raw.annotations.description, raw.annotations.duration, strict=True)
        if name in events
    ]
    if reading.label is None and reading.events is None and reading.stim_channel is None:
        said["event_id"] = dict(events)
        if not marks:
            said["stim_channel"] = _stim(dataset, raw)
    if reading.label is None and (not marks or min(marks) <= 0):
        begin, end = (float(edge) for edge in dataset.interval)
        usual = {"delay_s": begin, "trial_s": end - begin}
        said |= {name: value for name, value in usual.items() if name not in reading.model_fields_set}
    reading = with_modality_of(raw, reading.model_copy(update=said))
    try:
        return recording_of(raw, reading, origin, channels)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{_code(dataset)}, subject {origin.subject}, {error}") from error


def _stim(dataset: Any, raw: Any) -> str:
    """The stim channel of a run without annotations."""
    found = [name for name, kind in zip(raw.ch_names, raw.get_channel_types(), strict=True) if kind == "stim"]
    if len(found) != 1:
        raise NeuroMotionError(
            f"{_code(dataset)} has no annotations of its events {', '.join(dataset.event_id)}, and "
            f"{len(found)} stim channels; say which with stim_channel="
        )
    return found[0]
