"""Materials for an audit from a decoder and its data set, from recordings of one's own, and from a file of windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit.material import Claim, Material
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.datasets.sessions import load_sessions, regressed
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.splits import group_sessions

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.datasets.parts import Part
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.reading import Reading
    from neuromotion_gym.signals.recording import Recording, Session

CLAIMS: dict[str, Claim] = {"trial": "trial", "run": "session", "session": "session", "subject": "subject"}
"""What a figure is said to hold for, by the split of a recipe; other splits say nothing."""
TRAIN_PEOPLE = 15
"""People of the training part that are read: enough to compare with, and a few minutes at most."""
ARRAYS = ("people", "sessions", "groups", "test", "start_s")
SINGLE = ("unit", "claim", "rest_label")


def of_decoder(
    decoder: str | Path,
    part: Part = "test",
    *,
    subjects: Sequence[str] | None = None,
    claim: Claim | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Material:
    """A decoder with a part of its data set, and some people of the training part.

    Parameters
    ----------
    decoder : str or path
        Name or folder.
    part : str
        Part that its figure is about.
    subjects : sequence of str, optional
        Only these people of the part.
    claim : str, optional
        As the recipe's split says if left out.
    root : path, optional
        Folder of the data sets.

    Raises
    ------
    NeuroMotionError
        If the decoder or its data set is unknown, or files are missing.
    """
    loaded = load_decoder(decoder)
    spec, recipe = loaded.spec, loaded.recipe()
    if not registry.is_known(spec.dataset):
        raise NeuroMotionError(
            f"Decoder {spec.name!r} was trained on {spec.dataset!r}, which is no data set of the library: give the "
            "recordings that its figure comes from (--recording)."
        )
    facts = registry.dataset(spec.dataset)
    kind = recipe.data.session_kind if recipe.data is not None else None
    train_part: Any = recipe.data.train if recipe.data is not None else "train"
    people = list(facts.table.runs(train_part, kind))
    chosen = [people[index] for index in np.unique(np.linspace(0, len(people) - 1, TRAIN_PEOPLE).astype(int))]
    test = load_sessions(spec.dataset, part, root=root, subjects=subjects, session_kind=kind, calibration_apart=True)
    train = load_sessions(spec.dataset, train_part, root=root, subjects=chosen, session_kind=kind)
    return _as_trained(
        test,
        train,
        loaded,
        claim=claim or CLAIMS.get(spec.split, "subject"),
        rest_label=facts.rest,
        eyes=facts.ocular_channels,
        ring=spec.ring,
        name=f"{spec.name}, part {part!r} of {spec.dataset}",
    )


def of_recordings(
    what: Any,
    reading: Reading | Mapping[str, Any] | None = None,
    *,
    decoder: str | Path | None = None,
    claim: Claim | None = None,
    **facts: Any,
) -> Material:
    """Recordings of one's own, alone or as a decoder reads them.

    Parameters
    ----------
    what : path, Recording, MNE object, or a list of them
        See `neuromotion_gym.signals.reading.read_recordings`.
    reading : Reading or mapping, optional
    decoder : str or path, optional
    claim : str, optional
        ``"subject"``, or as the decoder's recipe says, if left out.
    facts
        ``rest_label``, ``eyes``, ``ring`` of `Material`.

    Raises
    ------
    NeuroMotionError
        If something cannot be read, or the decoder's channels are missing.
    """
    if decoder is None:
        sessions = group_sessions(read_recordings(what, reading))
        return Material.of_sessions(sessions, claim=claim or "subject", name=_name(sessions), **facts)
    loaded = load_decoder(decoder)
    spec = loaded.spec
    own = OwnRecordings.read(what, reading, spec, adapted=spec.adaptation.kind != "none")
    known = registry.dataset(spec.dataset) if registry.is_known(spec.dataset) else None
    told = {
        "rest_label": known.rest if known else None,
        "eyes": tuple(matched(known.ocular_channels, own.sessions[0].recordings[0].spec.channels)) if known else (),
        "ring": spec.ring,
        **facts,
    }
    return _as_trained(
        own.sessions,
        (),
        loaded,
        claim=claim or CLAIMS.get(spec.split, "subject"),
        name=f"{spec.name}, {_name(own.sessions)}",
        **told,
    )


def of_file(path: str | os.PathLike[str], **facts: Any) -> Material:
    """Windows, labels, groups and a split from a file ``.npz``; ``docs/audit.md`` lists its keys.

    Raises
    ------
    NeuroMotionError
        If it is no such file, or a key is missing or unknown.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            content = {key: stored[key] for key in stored.files}
    except Exception as error:  # zipfile, zlib and NumPy can raise nearly any exception on corrupt bytes
        why = f"{type(error).__name__}: {error}"
        raise NeuroMotionError(f"{path} cannot be read as a file of windows ({why}).") from error
    known = ("windows", "labels", "rate_hz", *ARRAYS, *SINGLE, "channels", "eyes", "ring", "from_onset")
    missing = [key for key in known[:3] if key not in content]
    unknown = sorted(set(content) - set(known))
    if missing or unknown:
        said = [f"it lacks {', '.join(missing)}"] if missing else []
        said += [f"{', '.join(unknown)} is not known"] if unknown else []
        raise NeuroMotionError(f"{path} is no file of windows: {'; '.join(said)}. Keys: {', '.join(known)}.")
    told: dict[str, Any] = {key: content[key] for key in ARRAYS if key in content}
    told |= {key: str(content[key]) for key in SINGLE if key in content}
    told |= {key: tuple(content[key].astype(str).tolist()) for key in ("channels", "eyes") if key in content}
    told |= {key: bool(content[key]) for key in ("ring", "from_onset") if key in content}
    told |= {key: value for key, value in facts.items() if value is not None}
    rate = content["rate_hz"]
    return Material.of_windows(
        content["windows"],
        content["labels"],
        rate_hz=float(rate) if rate.ndim == 0 else rate,
        name=Path(path).name,
        **told,
    )


def _as_trained(test: Sequence[Session], train: Sequence[Session], decoder: Decoder, **facts: Any) -> Material:
    """Material of sessions as a decoder reads them; fingerprints are taken of the recordings as they were."""

    def read(session: Session) -> Session:
        mine = _labelled(session, decoder.spec.labels)
        return regressed(mine, facts["eyes"]) if decoder.spec.ocular == "regress" and facts["eyes"] else mine

    material = Material.of_sessions([read(one) for one in test], [read(one) for one in train], decoder=decoder, **facts)
    recorded = {id(one): one for session in (*train, *test) for one in session.recordings}
    tested = tuple(recording for session in test for recording in session.recordings)
    return replace(material, recordings=tuple(recorded.values()), tested=tested)


def _labelled(session: Session, labels: Sequence[str]) -> Session:
    """The session with the trials of some labels alone; all trials for a decoder without labels."""

    def kept(recording: Recording) -> Recording:
        return replace(recording, trials=tuple(trial for trial in recording.trials if trial.label in labels))

    return replace(session, recordings=tuple(kept(one) for one in session.recordings)) if labels else session


def _name(sessions: Sequence[Session]) -> str:
    people = list(dict.fromkeys(session.subject for session in sessions))
    told = ", ".join(people[:4]) + (f" and {len(people) - 4} more" if len(people) > 4 else "")
    return f"recordings of {told}"
