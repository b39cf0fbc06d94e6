"""Decoders for people they have not seen: one for each fold of whole people, trained once and kept in the cache.

The folds are listed in the data set's table of parts. `fold_decoder` returns the decoder that was trained without a
person; the offline report and the benchmark over all people both use it. Where a data set has one person, its folds
hold out runs instead, and only the offline report uses them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.folders import MODEL, decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import DataRecipe, Recipe, TrainingRecipe, load_recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import cache_folder
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.digest import training_digest
from neuromotion_gym.training.evaluation import Decisions, decide

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from neuromotion_gym.signals.recording import Session


def fold_recipe(recipe: Recipe) -> Recipe:
    """The recipe for training in a fold: on all runs of all other people, without a tune part.

    The weights of the last epoch are kept, since choosing the best epoch, or one to stop at, would need further
    held-out people per fold.
    """
    data, network, training = recipe.trainable()
    stop_at = None if data.overlapping is None else training.stop_at
    return Recipe(
        decoder=recipe.decoder,
        data=DataRecipe(**{**data.model_dump(), "train": "all", "tune": None, "trials_aside": None}),
        network=network,
        training=TrainingRecipe(
            **{
                **training.model_dump(),
                "keep": "last",
                "stop_at": stop_at,
                "epochs": training.fold_epochs or training.epochs,
            }
        ),
    )


def held_out(dataset: str, name: str) -> tuple[str, ...]:
    """All people (or runs) of the fold that the person (or run) ``name`` is in.

    Raises
    ------
    NeuroMotionError
        If no fold holds it out.
    """
    table = registry.dataset(dataset).table
    for fold in table.folds:
        if name in fold:
            return fold
    known = ", ".join(one for fold in table.folds for one in fold)
    raise NeuroMotionError(f"{dataset} has no {table.fold_of} {name!r} that a fold holds out; there are {known}.")


def fold_folder(recipe: Recipe, fold: Sequence[str], root: str | os.PathLike[str] | None = None) -> Path:
    """Cache folder of the decoder that is trained without ``fold``; the folder need not exist yet.

    Its name holds a digest of everything that the weights depend on, see `neuromotion_gym.training.digest`.
    """
    digest = training_digest(fold_recipe(recipe), "all", fold, root)
    return cache_folder() / "folds" / f"{recipe.decoder.name}-{digest}"


def train_fold(
    recipe: Recipe, fold: Sequence[str], *, root: str | os.PathLike[str] | None = None, progress: bool = True
) -> Path:
    """Train the decoder without ``fold``, unless it is in the cache; return its folder."""
    folder = fold_folder(recipe, fold, root)
    if not (folder / MODEL).is_file():
        from neuromotion_gym.training.train import train

        train(fold_recipe(recipe), folder, root=root, exclude=tuple(fold), progress=progress, logger="none")
    return folder


def fold_decoder(
    name: str | Path, subject: str, *, root: str | os.PathLike[str] | None = None, progress: bool = False
) -> OnnxDecoder:
    """The decoder trained without one person; if the cache lacks it, it is trained first (needs the extra ``train``).

    Parameters
    ----------
    name : str or path
        A decoder, or the folder of one, with a complete recipe.
    subject : str
        The person to be decoded; the run where folds hold out runs.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    progress : bool
        Whether training shows a progress bar.

    Raises
    ------
    NeuroMotionError
        If the decoder or the person is unknown, or the decoder cannot be trained.
    """
    recipe = load_recipe(decoder_folder(name))
    fold = held_out(recipe.decoder.dataset, subject)
    return OnnxDecoder(train_fold(recipe, fold, root=root, progress=progress))


class FoldDecoders(NamedTuple):
    """What all people are decoded by, each by the decoder that was trained without that person.

    Parameters
    ----------
    decoder : callable
        The decoder for a session; it is trained when it is asked for, unless the cache has it.
    sessions : list of Session
        Of everybody.
    by_run : bool
        Whether folds hold out runs: each run is then decoded by the decoder trained without it, and counts as a person.
    """

    decoder: Callable[[Session], OnnxDecoder]
    sessions: list[Session]
    by_run: bool


def fold_decoders(
    name: str | Path, *, root: str | os.PathLike[str] | None = None, progress: bool = True
) -> FoldDecoders:
    """The decoders of all folds, and the sessions that they decode.

    Parameters
    ----------
    name : str or path
        A decoder, or the folder of one.
    root, progress
        As in `fold_decoder`.
    """
    folder = decoder_folder(name)
    recipe = load_recipe(folder)
    by_run = registry.dataset(recipe.decoder.dataset).table.fold_of == "run"
    decoders: dict[tuple[str, ...], OnnxDecoder] = {}

    def trained_without(session: Session) -> OnnxDecoder:
        name = session.session if by_run else session.subject
        fold = held_out(recipe.decoder.dataset, name)
        if fold not in decoders:
            decoders[fold] = fold_decoder(folder, name, root=root, progress=progress)
        return decoders[fold]

    return FoldDecoders(trained_without, sessions_of(recipe, "all", root=root, calibration_apart=True), by_run)


def decide_over_folds(
    name: str | Path, *, root: str | os.PathLike[str] | None = None, progress: bool = True, **options: Any
) -> Decisions:
    """Decisions for all people, each decoded by the decoder that was trained without that person.

    Parameters
    ----------
    name, root, progress
        As in `fold_decoders`.
    options
        Options of `neuromotion_gym.training.evaluation.decide`.
    """
    folds = fold_decoders(name, root=root, progress=progress)
    return decide(folds.decoder, folds.sessions, by_session=folds.by_run, **options)
