"""`Playing`: the complete description of what a loop plays, as one value; and `open_source`, which makes its source.

``gym.make``, the benchmark, the fidelity check and the training of controllers build a `Playing` and pass it to
`open_source`. It is part of ``info["about"]``, of every row of a benchmark and of every digest. What is played belongs
to a data set, or is recordings of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from pydantic import Field, model_validator

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.people import is_new, runs_of
from neuromotion_gym.datasets.recorded import OwnRecordings, RecordedFacts
from neuromotion_gym.datasets.sessions import Ocular, iter_sessions, regressed
from neuromotion_gym.datasets.suitable import suitable_dataset
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked, from_mapping
from neuromotion_gym.signals.modality import MODALITIES
from neuromotion_gym.signals.sources.cued import Pacing
from neuromotion_gym.signals.sources.perturbed import perturb
from neuromotion_gym.signals.sources.replay import ReplaySource
from neuromotion_gym.signals.surrogate import SurrogateParameters, SurrogateSource

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.datasets.suitable import Listened
    from neuromotion_gym.signals.recording import Recording, Session
    from neuromotion_gym.signals.sources.cued import Cued

    class Reads(Listened, Protocol):
        """The fields of a decoder's specification that `playing_for` reads."""

        pacing: Pacing
        epoch_s: tuple[float, float] | None
        ocular: Ocular


SourceKind = Literal["surrogate", "replay", "recordings"]
TrainedOn = Literal["surrogate", "replay"]
"""Sources that belong to a data set; controllers are trained on them."""
PlayedPart = Literal["train", "tune", "test", "all"]


@dataclass(frozen=True)
class PlayedFacts:
    """What generic code has to know about what is played, whether it belongs to a data set or is one's own.

    Parameters
    ----------
    unit, rate_hz
        Unit and rate of the samples.
    has_onset : bool
        Whether trials begin at an onset.
    pieces_s, fade_s
        Shortest and longest time between two restarts, and length of the cross-fade.
    rest : str or None
        Label for rest; None where it is not known.
    ocular_channels : tuple of str
        Channels that can be regressed out; empty where none are known.
    """

    unit: str
    rate_hz: float
    has_onset: bool
    pieces_s: tuple[float, float]
    fade_s: float
    rest: str | None
    ocular_channels: tuple[str, ...]


class Perturbation(Checked):
    """A perturbation by name with its options, see `neuromotion_gym.signals.sources.perturbed`."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Playing(Checked):
    """The recordings or generated signals that a loop plays, and their conditions.

    Parameters
    ----------
    source : {"surrogate", "replay", "recordings"}
        ``"surrogate"``: generated trials; ``"replay"``: recorded trials of a data set; ``"recordings"``: recordings of
        one's own.
    dataset : str
        Name of the data set; of one's own recordings the name that they state.
    part : str, optional
        Part of the data set; the part ``"all"`` has everybody, for folds of people. None for one's own recordings.
    session_kind : str, optional
        Kind of session, for data sets with several kinds; the first of the table if left out.
    subjects : tuple of str, optional
        People who are played; everybody of the part if left out. Replay also plays people who are in no part if the
        data folder holds their files.
    labels : tuple of str
        Labels that the operator can ask for.
    channels : tuple of str, optional
        Channels, in this order; all if left out.
    pacing : {"sliding", "trial"}
        ``"sliding"``: pieces of random length; ``"trial"``: every piece is a whole epoch, as ``epoch_s`` says.
    epoch_s : (float, float), optional
        Start and end of an epoch, in seconds after the onset; needed for ``pacing="trial"``.
    ocular : {"keep", "regress"}
        ``"regress"``: the ocular channels are regressed out of all channels.
    skip_cue : float
        Seconds that are left out after every onset.
    perturbations : tuple of Perturbation
        Perturbations of the samples, in the order in which they are applied.
    resample : bool
        Whether runs of the data set that were recorded at another rate are resampled; otherwise they are refused.
    recordings : RecordedFacts, optional
        One's own recordings, for ``source="recordings"``.

    Raises
    ------
    NeuroMotionError
        If the data set is unknown, a condition does not apply to it, or pacing and epoch contradict each other.
    """

    source: SourceKind
    dataset: str
    part: PlayedPart | None = None
    session_kind: str | None = None
    subjects: tuple[str, ...] | None = Field(default=None, min_length=1)
    labels: tuple[str, ...] = Field(min_length=1)
    channels: tuple[str, ...] | None = None
    pacing: Pacing = "sliding"
    epoch_s: tuple[float, float] | None = None
    ocular: Ocular = "keep"
    skip_cue: float = Field(default=0.0, ge=0, lt=60)
    perturbations: tuple[Perturbation, ...] = ()
    resample: bool = False
    recordings: RecordedFacts | None = None

    @model_validator(mode="after")
    def _applies(self) -> Playing:
        if (self.source == "recordings") != (self.recordings is not None):
            raise NeuroMotionError("source 'recordings' and recordings belong together; one of them is missing")
        if self.recordings is None:
            self._applies_to_data_set()
        elif self.part is not None or self.session_kind is not None or self.resample:
            raise NeuroMotionError(
                "part, session_kind and resample belong to a data set, not to recordings of one's own"
            )
        facts, name = self.facts(), self.dataset if self.recordings is None else self.recordings.name
        if self.ocular == "regress" and not facts.ocular_channels:
            raise NeuroMotionError(f"{name} has no ocular channels: ocular='regress' does not apply to it")
        if self.skip_cue and not facts.has_onset:
            raise NeuroMotionError(f"trials of {name} have no onset: skip_cue does not apply to them")
        if (self.pacing == "trial") != (self.epoch_s is not None):
            raise NeuroMotionError("pacing 'trial' and epoch_s belong together; one of them is missing")
        return self

    def _applies_to_data_set(self) -> None:
        table = registry.dataset(self.dataset).table
        if self.part is None:
            raise NeuroMotionError(f"part is missing: the part of {self.dataset} that is played")
        kind, first = table.kind_name(self.session_kind), table.kind_name(None)
        if self.source != "surrogate":
            return
        if kind != first:
            raise NeuroMotionError(
                f"surrogates of {self.dataset} are fitted to sessions of kind {first!r}, not {kind!r}"
            )
        if new := [person for person in self.subjects or () if is_new(self.dataset, person)]:
            raise NeuroMotionError(
                f"no surrogate of {self.dataset} was fitted to {', '.join(new)}: new people are played from their "
                f"recordings, with source='replay'. Its people: {', '.join(table.people)}"
            )
        if self.resample:
            raise NeuroMotionError("resample applies to recordings; a surrogate has the rate of its data set")

    def facts(self) -> PlayedFacts:
        """Facts about what is played: those of the data set or, for one's own recordings, of samples and modality."""
        own = self.recordings
        if own is not None:
            usual = MODALITIES[own.modality]
            return PlayedFacts(
                own.unit, own.rate_hz, own.has_onset, usual.pieces_s, usual.fade_s, None, own.ocular_channels
            )
        known = registry.dataset(self.dataset)
        return PlayedFacts(
            known.unit,
            known.rate_hz,
            known.has_onset,
            known.pieces_s,
            known.fade_s,
            known.rest,
            known.ocular_channels,
        )


def playing_for(
    spec: Reads,
    *,
    source: SourceKind = "surrogate",
    part: PlayedPart = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    perturbations: Sequence[Perturbation | Mapping[str, Any] | str] = (),
    resample: bool = False,
    after_labels: bool = False,
    own: OwnRecordings | None = None,
) -> Playing:
    """The `Playing` for a decoder: labels, channels and pacing from its specification, and the options given.

    Parameters
    ----------
    spec : DecoderSpec
    source, part, subjects
        See `Playing`; ``part`` is not used for one's own recordings.
    ocular : {"keep", "regress"}, optional
        If left out, as in the decoder's training (``spec.ocular``).
    skip_cue : float, optional
        If left out, 0 for ``pacing="trial"``, where ``epoch_s`` already says what is read. For ``pacing="sliding"``
        the default of the decoder's data set, if what is played has onsets.
    perturbations : sequence of Perturbation, mapping or str, optional
        Each as a name, or as a mapping with ``name`` and ``options``.
    resample : bool
        See `Playing`.
    after_labels : bool
        Whether labels of earlier sessions are read: a replayed data set then plays sessions of the first kind that has
        a calibration run.
    own : OwnRecordings, optional
        For ``source="recordings"``: the recordings.

    Raises
    ------
    NeuroMotionError
        If an option is unknown, out of range or does not apply to what is played.
    """
    _check_options(source, subjects, ocular, skip_cue, resample)
    if own is None:
        dataset, onset = suitable_dataset(spec), True
    else:
        own = own if subjects is None else own.of_people(subjects)
        dataset, onset = own.dataset, own.facts.has_onset
    if skip_cue is None:
        usual = dataset if own is None else spec.dataset
        known = registry.is_known(usual) and spec.pacing == "sliding" and onset
        skip_cue = registry.dataset(usual).skip_cue_s if known else 0.0
    return Playing(
        source=source,
        dataset=dataset,
        part=part if own is None else None,
        session_kind=_with_calibration(dataset) if after_labels and source == "replay" else None,
        subjects=None if subjects is None else tuple(subjects),
        labels=spec.labels,
        channels=spec.channels,
        pacing=spec.pacing,
        epoch_s=spec.epoch_s if spec.pacing == "trial" else None,
        ocular=spec.ocular if ocular is None else ocular,
        skip_cue=float(skip_cue),
        perturbations=tuple(_perturbation(one) for one in perturbations),
        resample=resample,
        recordings=None if own is None else own.facts,
    )


def _with_calibration(dataset: str) -> str | None:
    """The first kind of session with a calibration run; None if there is none."""
    return next((name for name, kind in registry.dataset(dataset).table.kinds.items() if kind.calibration), None)


def _check_options(source: object, subjects: object, ocular: object, skip_cue: object, resample: object) -> None:
    """Refuse values of options of `playing_for` that are out of range."""
    if ocular not in (None, "keep", "regress"):
        raise NeuroMotionError(f"ocular is 'keep' or 'regress', not {ocular!r}.")
    if skip_cue is not None and (
        isinstance(skip_cue, bool) or not isinstance(skip_cue, int | float) or not 0 <= skip_cue < 60
    ):
        raise NeuroMotionError(f"skip_cue is a number of seconds from 0 to 60, not {skip_cue!r}.")
    if source not in get_args(SourceKind):
        raise NeuroMotionError(f"A source is 'surrogate', 'replay', recordings or an object, not {source!r}.")
    if isinstance(subjects, str):
        raise NeuroMotionError(f"subjects is a sequence of names, not the one string {subjects!r}.")
    if not isinstance(resample, bool):
        raise NeuroMotionError(f"resample is True or False, not {resample!r}.")


def _perturbation(given: Perturbation | Mapping[str, Any] | str) -> Perturbation:
    if isinstance(given, Perturbation):
        return given
    return from_mapping(Perturbation, {"name": given} if isinstance(given, str) else given, "perturbations")


def open_source(playing: Playing, root: str | os.PathLike[str] | None = None, own: OwnRecordings | None = None) -> Cued:
    """A new source that plays ``playing``, with its perturbations applied.

    Parameters
    ----------
    playing : Playing
    root : path, optional
        Folder of the data sets, for a replay; the environment variable ``NEUROMOTION_DATA`` if left out.
    own : OwnRecordings, optional
        The recordings that ``playing`` describes, if it plays recordings of one's own. It may hold further people.

    Raises
    ------
    NeuroMotionError
        If data, labels, people, channels or a perturbation are missing, or ``own`` are other recordings.
    """
    source = _unperturbed(playing, root, own)
    for one in playing.perturbations:
        source = perturb(source, one.name, one.options)
    source.provenance = {**source.provenance, "playing": playing.model_dump(mode="json")}
    return source


def _unperturbed(playing: Playing, root: str | os.PathLike[str] | None, own: OwnRecordings | None) -> Cued:
    """The source without perturbations."""
    if playing.recordings is not None:
        return _play_own(playing, playing.recordings, own)
    table = registry.dataset(playing.dataset).table
    assert playing.part is not None
    if playing.source == "surrogate":
        return play_surrogate(_surrogate_of(playing.dataset, playing.part), playing)
    part = playing.part
    replayed = _Replayed(playing, part, root)
    people = runs_of(playing.dataset, part, playing.session_kind, playing.subjects, root)
    new = [person for person in people if is_new(playing.dataset, person)]
    held_out = set(table.unseen) & set(people) if part == "test" else set()
    provenance = {
        "dataset": playing.dataset,
        "part": part,
        "split": "subject" if len(new) == len(people) else table.split,
        "ocular": playing.ocular,
        "session_kind": table.kind_name(playing.session_kind) if len(table.kinds) > 1 else None,
        "unseen": sorted({*held_out, *new}),
        "licence": table.licence,
    }
    return play_sessions(
        replayed.sessions(playing.subjects), playing, provenance=provenance, calibration=replayed.calibration
    )


def _surrogate_of(dataset: str, part: PlayedPart) -> SurrogateParameters:
    """The surrogate of a part, if its file holds this part and its people: a file can have any name."""
    name = f"{dataset}_{part}"
    found = SurrogateParameters.find(name)
    fitted = f"{found.meta['dataset']}_{found.meta['part']}"
    people = registry.dataset(dataset).table.runs(part)
    others = sorted({person for person, _ in found.sessions} - set(people))
    if fitted != name or others:
        held = f"part {found.meta['part']!r} of {found.meta['dataset']}" if fitted != name else ", ".join(others)
        raise NeuroMotionError(
            f"Surrogate {name!r} was fitted to {held}, not to part {part!r} of {dataset} with {', '.join(people)}: fit "
            "it again."
        )
    return found


@dataclass(frozen=True)
class _Replayed:
    """Sessions of a data set that a replay reads. Its methods can be pickled as parts of a source."""

    playing: Playing
    part: PlayedPart
    root: str | os.PathLike[str] | None

    def sessions(self, people: Sequence[str] | None) -> Iterable[Session]:
        """Sessions of some people, or of everybody in the part."""
        playing = self.playing
        found = iter_sessions(
            playing.dataset,
            self.part,
            root=self.root,
            subjects=people,
            session_kind=playing.session_kind,
            ocular=playing.ocular,
            calibration_apart=True if self.part != "train" else None,
            resample=playing.resample,
        )
        return found if playing.channels is None else (session.pick(playing.channels) for session in found)

    def calibration(self, subject: str, session: str) -> tuple[Recording, ...]:
        """Calibration runs of one person's session."""
        return next(one for one in self.sessions([subject]) if one.session == session).calibration


def _play_own(playing: Playing, facts: RecordedFacts, own: OwnRecordings | None) -> ReplaySource:
    """Replay of recordings of one's own."""
    if own is not None and playing.subjects is not None:
        own = own.of_people(playing.subjects)
    if own is None or own.facts.digest != facts.digest:
        raise NeuroMotionError(f"The recordings to play are not those of {facts.name}: their samples differ.")
    sessions = list(own.sessions)
    if playing.ocular == "regress":
        if lacking := [f"{one.subject}, session {one.session}" for one in sessions if not one.calibration]:
            raise NeuroMotionError(
                f"Ocular channels are regressed out with weights of a calibration run, which {'; '.join(lacking)} of "
                f"{facts.name} lacks. Name one with reading={{'calibration': …}}, or pass ocular='keep'."
            )
        sessions = [regressed(session, facts.ocular_channels) for session in sessions]
    if playing.channels is not None:
        sessions = [session.pick(playing.channels) for session in sessions]
    provenance = {
        "dataset": playing.dataset,
        "recordings": facts.name,
        "played": {person: list(runs) for person, runs in facts.played.items()},
        "calibration": {person: list(runs) for person, runs in facts.calibration.items()},
        "ocular": playing.ocular,
    }
    return play_sessions(sessions, playing, provenance=provenance)


def play_sessions(sessions: Iterable[Session], playing: Playing, **known: Any) -> ReplaySource:
    """Replay of sessions that have been read already, with the conditions and pacing of ``playing``; no perturbations.

    Parameters
    ----------
    sessions : iterable of Session
        With the channels of ``playing``; the ocular channels are already regressed out if ``playing`` says so.
    playing : Playing
    **known
        Arguments ``provenance`` and ``calibration`` of `ReplaySource`.
    """
    return ReplaySource(sessions, playing.labels, **_manner(playing), **known)


def play_surrogate(parameters: SurrogateParameters, playing: Playing) -> SurrogateSource:
    """Surrogate source from fitted parameters, with the conditions and pacing of ``playing``; no perturbations."""
    return SurrogateSource(
        parameters,
        playing.labels,
        subjects=playing.subjects,
        channels=playing.channels,
        ocular=playing.ocular,
        **_manner(playing),
    )


def _manner(playing: Playing) -> dict[str, Any]:
    """Arguments of a source that say how pieces are cut and joined."""
    facts = playing.facts()
    return {
        "skip_cue": playing.skip_cue,
        "pieces_s": facts.pieces_s,
        "fade_s": facts.fade_s,
        "pacing": playing.pacing,
        "epoch_s": playing.epoch_s,
    }
