"""`evaluate`: the whole offline report of a decoder's folder, written to its ``metrics.json`` and ``card.md``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.fitted_on import fitted_on
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.zoo import decoder_folder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text
from neuromotion_gym.training.card import card
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.evaluation import decide, latency_to_first_right, milliseconds_per_decision, report
from neuromotion_gym.training.fitted_on import run_of
from neuromotion_gym.training.folds import decide_over_folds

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Session

METRICS = "metrics.json"
CARD = "card.md"


def evaluate(
    name: str | Path,
    *,
    parts: Sequence[str] = ("tune", "test"),
    folds: bool = False,
    root: str | os.PathLike[str] | None = None,
    write: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Offline report of a decoder on parts of its data set, and over folds of whole people.

    Parameters
    ----------
    name : str or path
        A decoder, or the folder of one.
    parts : sequence of str
        Parts to report on. People marked unseen in the parts table are reported separately, as ``test_unseen``.
    folds : bool
        Also train (or take from the cache) the decoder of each fold, and report on all people.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    write : bool
        Whether to write ``metrics.json`` and ``card.md`` into the folder. Figures of other parts that are already in
        ``metrics.json`` are kept.
    progress : bool
        Whether the training of folds shows a progress bar.

    Returns
    -------
    dict
        Content of ``metrics.json``.
    """
    folder = decoder_folder(name)
    recipe, decoder = load_recipe(folder), OnnxDecoder(folder)
    metrics = read_metrics(folder)
    metrics["decoder"] = recipe.decoder.name
    metrics["split"] = recipe.decoder.split
    metrics["milliseconds_per_decision_batch_64"] = round(milliseconds_per_decision(decoder), 5)
    metrics.setdefault("parts", {})
    for part in parts:
        for title, sessions in _groups(recipe, part, root).items():
            metrics["parts"][title] = _figures(decoder, sessions)
            if seen := _seen_in_training(folder, sessions):
                metrics["parts"][title]["seen_in_training"] = seen
    if folds:
        decisions = decide_over_folds(folder, root=root, progress=progress)
        count = len(registry.dataset(recipe.decoder.dataset).table.folds)
        metrics["folds"] = {"count": count, **report(decisions, _contrasts(recipe.decoder))}
    if write:
        rounded = _rounded(metrics)
        write_text(folder / METRICS, json.dumps(rounded, indent=1) + "\n")
        write_text(folder / CARD, card(recipe, rounded))
    return metrics


def read_metrics(folder: Path) -> dict[str, Any]:
    """Content of a folder's ``metrics.json``; empty where there is none.

    Raises
    ------
    NeuroMotionError
        If it is not JSON.
    """
    path = folder / METRICS
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NeuroMotionError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise NeuroMotionError(f"{path} should hold a table of figures.")
    return content


def _groups(recipe: Recipe, part: str, root: str | os.PathLike[str] | None) -> dict[str, list[Session]]:
    """Sessions of a part; sessions of people who are in no other part are a group of their own."""
    sessions = sessions_of(recipe, part, root=root, calibration_apart=True)
    unseen = set(registry.dataset(recipe.decoder.dataset).table.unseen)
    groups = {
        part: [session for session in sessions if session.subject not in unseen],
        f"{part}_unseen": [session for session in sessions if session.subject in unseen],
    }
    return {title: chosen for title, chosen in groups.items() if chosen}


def _figures(decoder: Decoder, sessions: Sequence[Session]) -> dict[str, Any]:
    spec = decoder.spec
    figures = report(decide(decoder, sessions), _contrasts(spec))
    if spec.pacing == "sliding" and any(
        trial.has_onset for session in sessions for recording in session.recordings for trial in recording.trials
    ):
        rest = registry.dataset(spec.dataset).rest
        figures["latency"] = latency_to_first_right(
            decide(decoder, sessions, before_onset=True), () if rest is None else (rest,)
        )
    return figures


def _contrasts(spec: DecoderSpec) -> list[tuple[str, ...]]:
    """The data set's groups of labels to evaluate on their own, for a decoder that has more labels than the group."""
    return [labels for labels in registry.dataset(spec.dataset).contrasts if set(labels) < set(spec.labels)]


def _seen_in_training(folder: Path, sessions: Sequence[Session]) -> list[str]:
    """People with a run in ``sessions`` that the decoder was also fitted on."""
    record = fitted_on(folder)
    if record is None:
        return []
    runs: dict[str, tuple[str, ...]] = {}
    for session in sessions:
        runs[session.subject] = (*runs.get(session.subject, ()), *(run_of(one) for one in session.recordings))
    return sorted(record.shared_with(sessions[0].dataset, runs))


def _rounded(value: Any) -> Any:
    """Figures rounded to four decimal places; the intervals are wider than this rounding."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
