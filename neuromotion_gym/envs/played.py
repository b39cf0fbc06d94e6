"""From the option ``source`` of ``gym.make``, and all options that belong to it, to the source that a loop plays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.decoders.arrangement import facts_of_arrangement
from neuromotion_gym.decoders.seen import facts_of_decoder, facts_of_wearer
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.datasets.playing import Perturbation, PlayedPart, SourceKind
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.bounds import BoundDecoder
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.reading import Reading
    from neuromotion_gym.signals.sources import Source

OF_DATA_SETS = ("surrogate", "replay")
"""Sources of the library: everything else is recordings of one's own, or a source object."""


def played_source(
    decoder: Decoder | BoundDecoder,
    source: Any,
    *,
    reading: Reading | Mapping[str, Any] | None = None,
    part: str = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    resample: bool = False,
    perturbations: Sequence[Perturbation | Mapping[str, Any] | str] = (),
    data_root: str | Path | None = None,
    adapted: bool = False,
    after_labels: bool = False,
) -> tuple[Source, dict[str, Any]]:
    """The source that the options of ``gym.make`` describe, and what is said of it together with the decoder.

    What the decoder was fitted on, and the wearer of a calibrated one, are compared with what is played. A warning
    tells where the decoder has seen it, or is another person's. So it is with the way in which a band of electrodes is
    worn in recordings of one's own.

    Parameters
    ----------
    decoder : Decoder or BoundDecoder
    source, reading, part, subjects, ocular, skip_cue, resample, perturbations, data_root
        See `neuromotion_gym.envs.options.assemble`.
    adapted : bool
        Whether the decoder needs a calibration run.
    after_labels : bool
        Whether that is an earlier session, whose labels are read.

    Returns
    -------
    source : Source
    facts : dict
        What ``info["about"]`` says of decoder and source together. It does not stand in the source, which other
        decoders may play, too.

    Raises
    ------
    NeuroMotionError
        If an option is out of range or does not apply to the source, or decoder and recordings do not fit.
    """
    spec = decoder.spec
    facts: dict[str, Any] = {}
    if is_source(source):
        given: dict[str, object] = {
            "reading": reading,
            "subjects": subjects,
            "ocular": ocular,
            "skip_cue": skip_cue,
            "resample": resample or None,
            "data_root": data_root,
            "perturbations": perturbations or None,
        }
        ignored = [name for name, value in given.items() if value is not None] + ["part"] * (part != "tune")
        if ignored:
            raise NeuroMotionError(
                f"Options {', '.join(ignored)} say what a data set or recordings play; they do not apply to a source "
                "of your own. Build the source so that it plays what you want."
            )
        opened = cast("Source", source)
        dataset = opened.provenance.get("dataset")
    else:
        own = None
        if source in OF_DATA_SETS if isinstance(source, str) else False:
            _refuse_for_data_set(source, reading, part, data_root)
        else:
            own = _own(decoder, source, reading, part, data_root, ocular, resample, adapted=adapted)
            resample = False
        playing = playing_for(
            spec,
            source="recordings" if own is not None else cast("SourceKind", source),
            part=cast("PlayedPart", part),
            subjects=subjects,
            ocular=ocular,
            skip_cue=skip_cue,
            resample=resample,
            perturbations=perturbations,
            after_labels=after_labels,
            own=own,
        )
        if own is not None and subjects is not None:
            own = own.of_people(subjects)
        opened, dataset = open_source(playing, data_root, own), playing.dataset
        facts |= facts_of_decoder(decoder, playing, data_root, own)
        if own is not None:
            facts |= facts_of_arrangement(decoder, own.sessions)
    people = dict.fromkeys(subject for subject, _ in opened.sessions)
    facts |= facts_of_wearer(decoder, dataset, people)
    return opened, facts


def is_source(source: object) -> bool:
    """Whether an object is a source, which plays what it is asked for, and not recordings."""
    return all(hasattr(source, name) for name in ("read", "reset", "start", "session_index"))


def _refuse_for_data_set(source: str, reading: object, part: str, data_root: object) -> None:
    if reading is not None:
        raise NeuroMotionError(f"reading says how recordings of your own are read; source={source!r} plays a data set.")
    if Path(source).exists():
        warn(
            f"source={source!r} plays the data set, and there is a file or folder of this name in the working "
            f"directory; write './{source}' for that."
        )
    if source == "surrogate" and data_root is not None:
        raise NeuroMotionError(
            "data_root says where recordings are read; source='surrogate' reads none. "
            "Use source='replay', or leave data_root out."
        )
    if part not in ("tune", "test"):
        raise NeuroMotionError(
            f"A loop plays part 'tune' or 'test', never what decoders were trained on: not {part!r}."
        )


def _own(
    decoder: Decoder | BoundDecoder,
    source: Any,
    reading: Reading | Mapping[str, Any] | None,
    part: str,
    data_root: str | Path | None,
    ocular: Ocular | None,
    resample: bool,
    *,
    adapted: bool,
) -> OwnRecordings:
    """Recordings of one's own, from whatever holds them."""
    if isinstance(source, str) and not Path(source).exists():
        raise NeuroMotionError(
            f"A source is 'surrogate', 'replay', a file or folder of recordings, or an object, not {source!r}; there "
            "is no such file either."
        )
    ignored = ["part"] * (part != "tune") + ["data_root"] * (data_root is not None)
    if ignored:
        raise NeuroMotionError(
            f"Options {', '.join(ignored)} belong to a data set; they do not apply to recordings of your own."
        )
    if isinstance(source, OwnRecordings):
        return source
    return OwnRecordings.read(source, reading, decoder.spec, adapted=adapted, ocular=ocular, resample=resample)
