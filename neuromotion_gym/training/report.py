"""`evaluate`: the whole offline report of a decoder's folder, written to its ``metrics.json`` and ``card.md``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.zoo import decoder_folder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.card import card
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.evaluation import decide, latency_to_first_right, milliseconds_per_decision, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session

METRICS = "metrics.json"
CARD = "card.md"
REST = ("rest", "neutral")
"""Labels that have no onset worth a latency: they go on from before."""
LEFT_RIGHT = ("left_fist", "right_fist")


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
        A shipped decoder, or the folder of one.
    parts : sequence of str
        Parts to report on. People marked unseen in the parts table are reported apart, as ``test_unseen``.
    folds : bool
        Also train (or take from the cache) the decoder of each fold, and report on everybody.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    write : bool
        Whether to write ``metrics.json`` and ``card.md`` into the folder; figures of parts that are not asked for
        stay as they are there.
    progress : bool
        Whether training of folds shows a progress bar.

    Returns
    -------
    dict
        Content of ``metrics.json``.
    """
    folder = Path(name) if Path(name).is_dir() else decoder_folder(str(name))
    recipe, decoder = load_recipe(folder), OnnxDecoder(folder)
    metrics = read_metrics(folder)
    metrics["decoder"] = recipe.decoder.name
    metrics["split"] = recipe.decoder.split
    metrics["milliseconds_per_decision_batch_64"] = round(milliseconds_per_decision(decoder), 5)
    metrics.setdefault("parts", {})
    for part in parts:
        for title, sessions in _groups(recipe, part, root).items():
            metrics["parts"][title] = _figures(decoder, sessions)
    if folds:
        metrics["folds"] = _over_folds(recipe, folder, root, progress)
    if write:
        _replace(folder / METRICS, json.dumps(_rounded(metrics), indent=1) + "\n")
        _replace(folder / CARD, card(recipe, _rounded(metrics)))
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
    """Sessions of a part, those of people never seen apart."""
    from neuromotion_gym.datasets import registry

    sessions = sessions_of(recipe, part, root=root, calibration_apart=True)
    unseen = set(registry.dataset(recipe.decoder.dataset).table.unseen)
    groups = {
        part: [session for session in sessions if session.subject not in unseen],
        f"{part}_unseen": [session for session in sessions if session.subject in unseen],
    }
    return {title: chosen for title, chosen in groups.items() if chosen}


def _figures(decoder: Decoder, sessions: Sequence[Session]) -> dict[str, Any]:
    subsets = [LEFT_RIGHT] if set(LEFT_RIGHT) < set(decoder.spec.labels) else []
    figures = report(decide(decoder, sessions), subsets)
    if decoder.spec.pacing == "sliding" and any(
        trial.has_onset for session in sessions for recording in session.recordings for trial in recording.trials
    ):
        figures["latency"] = latency_to_first_right(decide(decoder, sessions, before_onset=True), REST)
    return figures


def _over_folds(recipe: Recipe, folder: Path, root: str | os.PathLike[str] | None, progress: bool) -> dict[str, Any]:
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.training.folds import decide_over_folds

    decisions = decide_over_folds(folder, root=root, progress=progress)
    subsets = [LEFT_RIGHT] if set(LEFT_RIGHT) < set(decisions.labels) else []
    return {"count": len(registry.dataset(recipe.decoder.dataset).table.folds), **report(decisions, subsets)}


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _rounded(value: Any) -> Any:
    """Figures to four digits after the point: more is not known."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
