"""`Playing`: the complete description of what a loop plays, as one value; and `open_source`, which makes its source.

``gym.make``, the benchmark, the fidelity check and the training of controllers build a `Playing` and pass it to
`open_source`. It is part of ``info["about"]``, of every row of a benchmark and of every digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import Field, model_validator

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.sessions import Ocular, iter_sessions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked, from_mapping
from neuromotion_gym.signals.sources.cued import Pacing
from neuromotion_gym.signals.sources.perturbed import perturb
from neuromotion_gym.signals.sources.replay import ReplaySource
from neuromotion_gym.signals.surrogate import SurrogateParameters, SurrogateSource

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.signals.recording import Session
    from neuromotion_gym.signals.sources.cued import Cued

SourceKind = Literal["surrogate", "replay"]
PlayedPart = Literal["train", "tune", "test", "all"]


class Reads(Protocol):
    """The fields of a decoder's specification that `playing_for` reads."""

    name: str
    dataset: str
    labels: tuple[str, ...]
    channels: tuple[str, ...]
    pacing: Pacing
    epoch_s: tuple[float, float] | None
    ocular: Ocular


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
    source : {"surrogate", "replay"}
        ``"surrogate"``: generated trials; ``"replay"``: recorded trials.
    dataset, part : str
        Data set and its part; the part ``"all"`` has everybody, for folds of people.
    session_kind : str, optional
        Kind of session, for data sets with several kinds; the first of the table if left out.
    subjects : tuple of str, optional
        People of the part who are played; everybody if left out.
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

    Raises
    ------
    NeuroMotionError
        If the data set is unknown, a condition does not apply to it, or pacing and epoch contradict each other.
    """

    source: SourceKind
    dataset: str
    part: PlayedPart
    session_kind: str | None = None
    subjects: tuple[str, ...] | None = Field(default=None, min_length=1)
    labels: tuple[str, ...] = Field(min_length=1)
    channels: tuple[str, ...] | None = None
    pacing: Pacing = "sliding"
    epoch_s: tuple[float, float] | None = None
    ocular: Ocular = "keep"
    skip_cue: float = Field(default=0.0, ge=0, lt=60)
    perturbations: tuple[Perturbation, ...] = ()

    @model_validator(mode="after")
    def _applies(self) -> Playing:
        facts = registry.dataset(self.dataset)
        if self.ocular == "regress" and not facts.ocular_channels:
            raise NeuroMotionError(f"{self.dataset} has no ocular channels: ocular='regress' does not apply to it")
        if self.skip_cue and not facts.has_onset:
            raise NeuroMotionError(f"trials of {self.dataset} have no onset: skip_cue does not apply to them")
        if (self.pacing == "trial") != (self.epoch_s is not None):
            raise NeuroMotionError("pacing 'trial' and epoch_s belong together; one of them is missing")
        kind = facts.table.kind_name(self.session_kind)
        if self.source == "surrogate" and kind != facts.table.kind_name(None):
            first = facts.table.kind_name(None)
            raise NeuroMotionError(
                f"surrogates of {self.dataset} are fitted to sessions of kind {first!r}, not {kind!r}"
            )
        return self


def playing_for(
    spec: Reads,
    *,
    source: SourceKind = "surrogate",
    part: PlayedPart = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    perturbations: Sequence[Perturbation | Mapping[str, Any] | str] = (),
) -> Playing:
    """The `Playing` for a decoder: labels, channels and pacing from its specification, and the options given.

    Parameters
    ----------
    spec : DecoderSpec
    source, part, subjects
        See `Playing`.
    ocular : {"keep", "regress"}, optional
        If left out, as in the decoder's training (``spec.ocular``).
    skip_cue : float, optional
        If left out, the data set's default for ``pacing="sliding"`` and 0 for ``pacing="trial"``, where ``epoch_s``
        already says what is read.
    perturbations : sequence of Perturbation, mapping or str, optional
        Each as a name, or as a mapping with ``name`` and ``options``.

    Raises
    ------
    NeuroMotionError
        If an option is unknown, out of range or does not apply to the decoder's data set.
    """
    facts = registry.dataset(spec.dataset)
    if ocular not in (None, "keep", "regress"):
        raise NeuroMotionError(f"ocular is 'keep' or 'regress', not {ocular!r}.")
    if skip_cue is None:
        skip_cue = facts.skip_cue_s if spec.pacing == "sliding" else 0.0
    elif isinstance(skip_cue, bool) or not isinstance(skip_cue, int | float) or not 0 <= skip_cue < 60:
        raise NeuroMotionError(f"skip_cue is a number of seconds from 0 to 60, not {skip_cue!r}.")
    if source not in ("surrogate", "replay"):
        raise NeuroMotionError(f"A source is 'surrogate', 'replay' or an object, not {source!r}.")
    if isinstance(subjects, str):
        raise NeuroMotionError(f"subjects is a sequence of names, not the one string {subjects!r}.")
    return Playing(
        source=source,
        dataset=spec.dataset,
        part=part,
        subjects=None if subjects is None else tuple(subjects),
        labels=spec.labels,
        channels=spec.channels,
        pacing=spec.pacing,
        epoch_s=spec.epoch_s if spec.pacing == "trial" else None,
        ocular=spec.ocular if ocular is None else ocular,
        skip_cue=float(skip_cue),
        perturbations=tuple(_perturbation(one) for one in perturbations),
    )


def _perturbation(given: Perturbation | Mapping[str, Any] | str) -> Perturbation:
    if isinstance(given, Perturbation):
        return given
    return from_mapping(Perturbation, {"name": given} if isinstance(given, str) else given, "perturbations")


def open_source(playing: Playing, root: str | os.PathLike[str] | None = None) -> Cued:
    """A new source that plays ``playing``, with its perturbations applied.

    Parameters
    ----------
    playing : Playing
    root : path, optional
        Folder of the data sets, for a replay; the environment variable ``NEUROMOTION_DATA`` if left out.

    Raises
    ------
    NeuroMotionError
        If data, labels, people, channels or a perturbation are missing.
    """
    source = _unperturbed(playing, root)
    for one in playing.perturbations:
        source = perturb(source, one.name, one.options)
    source.provenance = {**source.provenance, "playing": playing.model_dump(mode="json")}
    return source


def _unperturbed(playing: Playing, root: str | os.PathLike[str] | None) -> Cued:
    """The source without perturbations."""
    facts = registry.dataset(playing.dataset)
    table = facts.table
    if playing.source == "surrogate":
        return play_surrogate(SurrogateParameters.find(f"{playing.dataset}_{playing.part}"), playing)

    def sessions(people: Sequence[str] | None) -> Iterable[Session]:
        found = iter_sessions(
            playing.dataset,
            playing.part,
            root=root,
            subjects=people,
            session_kind=playing.session_kind,
            ocular=playing.ocular,
            calibration_apart=True if playing.part != "train" else None,
        )
        return found if playing.channels is None else (session.pick(playing.channels) for session in found)

    provenance = {
        "dataset": playing.dataset,
        "part": playing.part,
        "split": table.split,
        "ocular": playing.ocular,
        "session_kind": table.kind_name(playing.session_kind) if len(table.kinds) > 1 else None,
        "unseen": sorted(set(table.unseen) & set(playing.subjects or table.people)) if playing.part == "test" else [],
        "licence": table.licence,
    }
    return play_sessions(
        sessions(playing.subjects),
        playing,
        provenance=provenance,
        calibration=lambda subject: next(iter(sessions([subject]))).calibration,
    )


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
    facts = registry.dataset(playing.dataset)
    return {
        "skip_cue": playing.skip_cue,
        "pieces_s": facts.pieces_s,
        "fade_s": facts.fade_s,
        "pacing": playing.pacing,
        "epoch_s": playing.epoch_s,
    }
