"""`evaluate`: the whole offline report of a decoder's folder, written to its ``metrics.json`` and ``card.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.people import is_new
from neuromotion_gym.datasets.playing import playing_for
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.datasets.sessions import regressed
from neuromotion_gym.decoders.fitted_on_record import fitted_on
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.seen import record_of, seen_by_decoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.files import write_text
from neuromotion_gym.training.card import PICTURE, card, reports
from neuromotion_gym.training.card_picture import write_picture
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.evaluation import decide, latency_to_first_right, milliseconds_per_decision, report
from neuromotion_gym.training.fitted_on import run_of
from neuromotion_gym.training.folds import decide_over_folds, fold_decoders
from neuromotion_gym.training.metrics_file import current_metrics, write_metrics
from neuromotion_gym.training.overlapping import OVERLAPPING, decide_overlapping
from neuromotion_gym.training.target_evaluation import estimate, target_report
from neuromotion_gym.training.trials_aside import TRIALS_ASIDE, decide_trials_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.reading import Reading
    from neuromotion_gym.signals.recording import Session

CARD = "card.md"


def evaluate(
    name: str | Path,
    *,
    parts: Sequence[str] = ("tune", "test"),
    folds: bool = False,
    subjects: Sequence[str] | None = None,
    resample: bool = False,
    root: str | os.PathLike[str] | None = None,
    write: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Offline report of a decoder on parts of its data set, and over folds of whole people (or runs).

    Parameters
    ----------
    name : str or path
        A decoder, or the folder of one.
    parts : sequence of str
        Parts to report on. People marked unseen in the parts table are reported separately, as ``test_unseen``.
    folds : bool
        Also train (or take from the cache) the decoder of each fold, and report on all people.
    subjects : sequence of str, optional
        Report on these people of the parts alone, and on new people, whose files the data folder holds though no part
        lists them: they are a group of their own, ``test_new_people``. Nothing is written then.
    resample : bool
        Whether recordings at another rate are resampled, with a warning; otherwise they are refused.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    write : bool
        Whether to write ``metrics.json``, ``card.md`` and its picture into the folder. Figures of other parts that are
        already in ``metrics.json`` are kept, unless they are of other weights.
    progress : bool
        Whether the training of folds shows a progress bar.

    Returns
    -------
    dict
        Content of ``metrics.json``.
    """
    decoder = load_decoder(name)
    folder, recipe = decoder.path.parent, decoder.recipe()
    if subjects is not None and (write or folds):
        raise NeuroMotionError("Figures of some people alone are neither written nor taken over folds: leave out both.")
    metrics = {} if subjects is not None else current_metrics(folder)
    metrics["decoder"] = recipe.decoder.name
    metrics["split"] = recipe.decoder.split
    metrics["milliseconds_per_decision_batch_64"] = round(milliseconds_per_decision(decoder), 5)
    metrics.setdefault("parts", {})
    for part in parts:
        for title, sessions in _groups(recipe, part, root, subjects, resample).items():
            metrics["parts"][title] = _figures(decoder, sessions)
            if seen := _seen_in_training(folder, sessions) or _met_before(recipe, folder, part, sessions, root):
                metrics["parts"][title]["seen_in_training"] = seen
    if recipe.data is not None and recipe.data.overlapping is not None and subjects is None:
        metrics["parts"][OVERLAPPING] = report(decide_overlapping(decoder, recipe, root=root))
    if recipe.data is not None and recipe.data.trials_aside is not None and subjects is None:
        figures = report(decide_trials_aside(decoder, recipe, root=root))
        seen_people = sorted(figures["per_window"]["by_person"])
        metrics["parts"][TRIALS_ASIDE] = {**figures, "seen_in_training": seen_people}
    if folds:
        table = registry.dataset(recipe.decoder.dataset).table
        if recipe.decoder.classifies:
            figures = report(decide_over_folds(folder, root=root, progress=progress), _contrasts(recipe.decoder))
        else:
            each = fold_decoders(folder, root=root, progress=progress)
            figures = target_report(estimate(each.decoder, each.sessions, by_session=each.by_run))
        metrics["folds"] = {"count": len(table.folds), "of": table.fold_of, **figures}
    if write:
        write_card(folder, write_metrics(folder, metrics))
    return metrics


def write_card(folder: Path, metrics: dict[str, Any]) -> None:
    """Write ``card.md`` and its picture from recipe and figures."""
    write_text(folder / CARD, card(load_recipe(folder), metrics, fitted_on(folder)))
    if shown := reports(metrics):
        write_picture(folder / PICTURE, shown)


def evaluate_recordings(
    decoder: Decoder, recordings: Any, reading: Reading | Mapping[str, Any] | None = None, *, resample: bool = False
) -> dict[str, Any]:
    """Offline report of a decoder on recordings of one's own.

    Parameters
    ----------
    decoder : Decoder
    recordings : path, Recording, MNE object, or a list of them
        See `neuromotion_gym.datasets.recorded.OwnRecordings.read`.
    reading : Reading or mapping, optional
        How they are read.
    resample : bool
        Whether recordings at another rate are resampled, with a warning; otherwise they are refused.

    Warns
    -----
    NeuroMotionWarning
        If a label of the decoder has no window: the figures are then of the other labels.

    Returns
    -------
    dict
        Like one entry of ``parts`` in ``metrics.json``; with ``fitted_on``, and with ``seen_in_training``, the people
        on whose recordings the decoder was fitted.

    Raises
    ------
    NeuroMotionError
        If something cannot be read, or does not fit the decoder.
    """
    spec = decoder.spec
    own = OwnRecordings.read(recordings, reading, spec, adapted=spec.adaptation.kind != "none", resample=resample)
    sessions = own.sessions
    if spec.ocular == "regress":
        sessions = tuple(regressed(session, own.facts.ocular_channels) for session in sessions)
    playing = playing_for(spec, source="recordings", own=own)
    seen = seen_by_decoder(record_of(decoder), playing, own=own)
    figures = _figures(decoder, [session.pick(spec.channels) for session in sessions])
    counts = figures.get("confusion", [])
    if missing := [label for label, row in zip(spec.labels, counts, strict=False) if not any(row)]:
        warn(
            f"No window of {own.facts.name} has the label {', '.join(missing)}: it has no trial, or none as long as a "
            f"window ({spec.window_s:g} s). Accuracy and chance are of the other labels."
        )
    return {**figures, "fitted_on": seen.fitted_on, "seen_in_training": sorted({*seen.runs, *seen.copies})}


def _groups(
    recipe: Recipe,
    part: str,
    root: str | os.PathLike[str] | None,
    subjects: Sequence[str] | None,
    resample: bool,
) -> dict[str, list[Session]]:
    """Sessions of a part; people who are in no other part are a group of their own, and so are new people."""
    dataset = recipe.decoder.dataset
    sessions = sessions_of(recipe, part, root=root, subjects=subjects, calibration_apart=True, resample=resample)
    unseen = set(registry.dataset(dataset).table.unseen)
    groups: dict[str, list[Session]] = {}
    for session in sessions:
        title = f"{part}_unseen" if session.subject in unseen else part
        if is_new(dataset, session.subject):
            title = f"{part}_new_people"
        groups.setdefault(title, []).append(session)
    return dict(sorted(groups.items()))


def _met_before(
    recipe: Recipe, folder: Path, part: str, sessions: Sequence[Session], root: str | os.PathLike[str] | None
) -> list[str]:
    """New people whose samples the decoder was fitted on, under another name."""
    spec = recipe.decoder
    new = sorted({session.subject for session in sessions if is_new(spec.dataset, session.subject)})
    if not new:
        return []
    kind = recipe.data.session_kind if recipe.data is not None else None
    playing = playing_for(spec, source="replay", part=part, subjects=new)  # type: ignore[arg-type]
    seen = seen_by_decoder(fitted_on(folder), playing.model_copy(update={"session_kind": kind}), root, every_run=False)
    return sorted({*seen.runs, *seen.copies})


def _figures(decoder: Decoder, sessions: Sequence[Session]) -> dict[str, Any]:
    spec = decoder.spec
    if not spec.classifies:
        return target_report(estimate(decoder, sessions))
    figures = report(decide(decoder, sessions), _contrasts(spec))
    if spec.pacing == "sliding" and any(
        trial.has_onset for session in sessions for recording in session.recordings for trial in recording.trials
    ):
        rest = registry.dataset(spec.dataset).rest if registry.is_known(spec.dataset) else None
        figures["latency"] = latency_to_first_right(
            decide(decoder, sessions, before_onset=True), () if rest is None else (rest,)
        )
    return figures


def _contrasts(spec: DecoderSpec) -> list[tuple[str, ...]]:
    """The data set's groups of labels to evaluate on their own, for a decoder that has more labels than the group."""
    known = registry.dataset(spec.dataset).contrasts if registry.is_known(spec.dataset) else ()
    return [labels for labels in known if set(labels) < set(spec.labels)]


def _seen_in_training(folder: Path, sessions: Sequence[Session]) -> list[str]:
    """People with a run in ``sessions`` that the decoder was also fitted on."""
    record = fitted_on(folder)
    if record is None:
        return []
    runs: dict[str, tuple[str, ...]] = {}
    for session in sessions:
        runs[session.subject] = (*runs.get(session.subject, ()), *(run_of(one) for one in session.recordings))
    return sorted(record.shared_with(sessions[0].dataset, runs))
