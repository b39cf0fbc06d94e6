"""`Reading`: everything that is said about recordings of one's own when they are read, as one value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked, from_mapping
from neuromotion_gym.signals.modality import Modality

OriginField = Literal["subject", "session", "run"]
Names = dict[OriginField, tuple[str, ...]]
"""Which recordings: for each named field, the names that count; a recording has to match every field."""
Axis = Literal["trials", "channels", "samples"]

PLACEHOLDERS = ("subject", "session", "run", "label")
"""What a pattern of file names can hold in braces."""


class Columns(Checked):
    """Columns of a table (CSV, TSV, Parquet), by name; a table without a header has columns ``"0"``, ``"1"`` ...

    Parameters
    ----------
    samples : tuple of str
        Columns with samples, in order; ``*`` stands for any text (``"emg_*"``). If left out, all columns with numbers
        that have no other use.
    label : str, optional
        Column with the label of each row. A trial is a run of rows with the same label.
    time : str, optional
        Column with the time of each row.
    time_unit : {"s", "ms", "us"}
        Unit of the column ``time``.
    subject, session, run : str, optional
        Columns that say whose rows they are; each combination becomes a recording of its own.
    """

    samples: tuple[str, ...] = ()
    label: str | None = None
    time: str | None = None
    time_unit: Literal["s", "ms", "us"] = "s"
    subject: str | None = None
    session: str | None = None
    run: str | None = None

    @field_validator("samples", mode="before")
    @classmethod
    def _one_or_more(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given


class Keys(Checked):
    """Keys of a MAT file or an archive of arrays (``.npz``); ``"data.X"`` is the field ``X`` of ``data``.

    Parameters
    ----------
    samples : str
        Samples: channels and samples, or trials, channels and samples. A cell array holds a run in each cell, or a
        trial if there are as many labels as cells.
    axes : tuple of {"trials", "channels", "samples"}, optional
        What the axes of ``samples`` are; needed only where the lengths do not say it.
    label : str, optional
        Labels: one for each sample, one for each trial, or one for each of ``starts``.
    starts, stops : str, optional
        First sample of each trial, and the sample after its last.
    first_index : {0, 1}, optional
        Number of the first sample in ``starts`` and ``stops``; 1 for MAT files and 0 for ``.npz`` if left out.
    rate : str, optional
        Samples per second.
    channels : str, optional
        Names of the channels.
    subject, session, run : str, optional
        Names of subject, session and run: one, or one for each sample; each combination becomes a recording of its own.
    """

    samples: str = Field(min_length=1)
    axes: tuple[Axis, ...] | None = None
    label: str | None = None
    starts: str | None = None
    stops: str | None = None
    first_index: Literal[0, 1] | None = None
    rate: str | None = None
    channels: str | None = None
    subject: str | None = None
    session: str | None = None
    run: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Keys:
        if self.axes is not None and sorted(self.axes) not in (
            ["channels", "samples"],
            ["channels", "samples", "trials"],
        ):
            raise NeuroMotionError(
                f"axes are 'channels' and 'samples', or 'trials', 'channels' and 'samples', in the order of the file, "
                f"not {', '.join(map(repr, self.axes))}"
            )
        if self.stops is not None and self.starts is None:
            raise NeuroMotionError("stops belong to starts, and starts are missing")
        if self.starts is not None and self.label is None:
            raise NeuroMotionError("starts say where trials begin, and label says which; label is missing")
        return self


class Reading(Checked):
    """How recordings of one's own are read; every field may be left out where files or the decoder say it.

    Parameters
    ----------
    modality : {"eeg", "emg"}, optional
        Kind of signal; that of the decoder if left out.
    unit : str, optional
        Unit of the numbers in the file (``"µV"``, ``"count"``), for files that do not say it, or say it wrongly; for
        objects of MNE the unit of their numbers. BrainVision, GDF and EEGLAB files keep the unit that they say.
    rate_hz : float, optional
        Samples per second, for files that do not say it; it has to agree with those that do.
    channels : tuple of str, or map of str to str, optional
        Channels to take; or a map from names in the file to the decoder's names. Where a file has no names, the tuple
        names its channels in their order.
    labels : map of str to str or None, optional
        Label for each name in the file; None leaves trials of that name out.
    events : sequence of (sample, 0, code), optional
        Events as MNE-Python has them, for a single recording.
    event_id : map of str to int, optional
        Name of each code of an event.
    stim_channel : str, optional
        Channel that holds the codes of events.
    trial_s : float, optional
        Length in seconds of trials whose marker has no duration.
    delay_s : float
        Seconds from a marker to the beginning of its trial.
    has_onset : bool, optional
        Whether trials begin when the person was asked to begin. If left out: as the file says; yes where a column or a
        marker gives the labels; no where one label holds for a whole file.
    columns : Columns or mapping, optional
        Columns of tables.
    keys : Keys or mapping, optional
        Keys of MAT files and of ``.npz`` archives with keys of their own.
    decimal : {".", ","}, optional
        Decimal sign of text tables; found from the numbers if left out.
    stream, marker_stream : str, optional
        Name or type of the stream of samples, and of markers, in XDF files.
    dataset : str
        Name for the recordings in reports.
    subject, session, run : str, optional
        Names that hold for all recordings.
    label : str, optional
        Label of all trials: each recording is one trial.
    names : str, optional
        Pattern of file names: ``"{subject}/{session}_{run}.csv"``. Braces hold ``subject``, ``session``, ``run`` or
        ``label`` (the file is one trial of this label); ``*`` stands for any text.
    only : map of field to names, optional
        Read only recordings of these subjects, sessions or runs.
    task : str, optional
        Read only recordings of this task of a BIDS data set.
    resample : bool
        Whether recordings at another rate are resampled to that of the decoder, with a warning.
    calibration, play : map of field to names, optional
        Which recordings are calibration runs, and which are played: ``{"run": ["1"]}``. If only ``calibration`` is
        given, all others are played.
    ocular_channels : tuple of str
        Channels that record the eyes.
    strict : bool
        Whether faults that are repaired or left out with a warning are errors.
    limit_gb : float
        Files that would need more memory than this are refused before they are unpacked.

    Raises
    ------
    NeuroMotionError
        If a field is unknown, or fields contradict each other.
    """

    modality: Modality | None = None
    unit: str | None = None
    rate_hz: float | None = Field(default=None, gt=0)
    channels: dict[str, str] | tuple[str, ...] | None = None
    labels: dict[str, str | None] | None = None
    events: tuple[tuple[int, int, int], ...] | None = None
    event_id: dict[str, int] | None = None
    stim_channel: str | None = None
    trial_s: float | None = Field(default=None, gt=0)
    delay_s: float = Field(default=0.0, ge=0)
    has_onset: bool | None = None
    columns: Columns | None = None
    keys: Keys | None = None
    decimal: Literal[".", ","] | None = None
    stream: str | None = None
    marker_stream: str | None = None
    dataset: str = Field(default="user", min_length=1)
    subject: str | None = None
    session: str | None = None
    run: str | None = None
    label: str | None = None
    names: str | None = None
    only: Names | None = None
    task: str | None = None
    resample: bool = False
    calibration: Names | None = None
    play: Names | None = None
    ocular_channels: tuple[str, ...] = ()
    strict: bool = False
    limit_gb: float = Field(default=2.0, gt=0)

    @classmethod
    def of(cls, given: Reading | Mapping[str, Any] | None) -> Reading:
        """A `Reading`, from itself, from a mapping of its fields, or, for None, with nothing said."""
        if isinstance(given, Reading):
            return given
        if given is None:
            return cls()
        return from_mapping(cls, dict(given) if isinstance(given, Mapping) else given, "reading")

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def named_channels(self) -> tuple[str, ...] | None:
        """Names of the channels of a file without names, in its order; None if they are not given."""
        return self.channels if isinstance(self.channels, tuple) else None

    @property
    def marked_s(self) -> float | None:
        """Seconds from a marker without duration to the end of its trial."""
        return None if self.trial_s is None else self.delay_s + self.trial_s

    @property
    def limit_bytes(self) -> int:
        """``limit_gb`` in bytes."""
        return int(self.limit_gb * 2**30)

    @field_validator("labels", mode="before")
    @classmethod
    def _text_keys(cls, given: Any) -> Any:
        """Codes as text: YAML reads the name ``0`` as a number."""
        return {_plain(key): value for key, value in given.items()} if isinstance(given, dict) else given

    @field_validator("only", "calibration", "play", mode="before")
    @classmethod
    def _text_names(cls, given: Any) -> Any:
        """Names as tuples of text: ``{"run": 1}`` means ``{"run": ["1"]}``."""
        if not isinstance(given, dict):
            return given
        listed = {key: names if isinstance(names, list | tuple) else [names] for key, names in given.items()}
        return {key: tuple(_plain(name) for name in names) for key, names in listed.items()}

    @field_validator("events", mode="before")
    @classmethod
    def _rows(cls, given: Any) -> Any:
        """Rows of an array as tuples."""
        return given.tolist() if hasattr(given, "tolist") else given

    @field_validator("names")
    @classmethod
    def _known_placeholders(cls, names: str | None) -> str | None:
        if names is not None:
            found = re.findall(r"\{([^{}]*)\}", names)
            wrong = sorted(set(found) - set(PLACEHOLDERS))
            if wrong or not found:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise NeuroMotionError(f"a pattern of file names holds some of {known}, not {names!r}")
        return names


def matches(one: Any, wanted: Names) -> bool:
    """Whether the subject, session and run of ``one`` (a recording or an origin) are among the names wanted."""
    return all(not names_of_field(one, field).isdisjoint(names) for field, names in wanted.items())


def names_of_field(one: Any, field: OriginField) -> set[str]:
    """The name of a subject, session or run; a run that was numbered, such as ``1 (2)``, is also called ``1``."""
    name = str(getattr(one, field))
    return {name, name.partition(" (")[0]} if field == "run" else {name}


def _plain(name: Any) -> Any:
    """A number as text; anything else as it is."""
    return str(name) if isinstance(name, int) and not isinstance(name, bool) else name
