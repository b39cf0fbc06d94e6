"""Turns a benchmark's configuration into units of work. Everything is checked before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from neuromotion_gym.benchmark.config import BenchmarkConfig, Cell, expand
from neuromotion_gym.benchmark.digests import environment_digest, library_digest, policy_digest
from neuromotion_gym.benchmark.seen import Seen, controllers_of, refuse_seen, runs_played, seen_by_decoder
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checksums import data_checksum
from neuromotion_gym.datasets.playing import Playing, playing_for
from neuromotion_gym.decoders.bounds import parse_decoder_name
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.zoo import decoder_folder, load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment, task_class

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.playing import PlayedPart
    from neuromotion_gym.decoders.spec import DecoderSpec

LISTENS = (None, "shuffled")
"""Bounds whose decoder reads samples (None: no bound). The oracle and the blind decoder read none."""


class Unit(NamedTuple):
    """One unit of work: a cell, for the people who share one decoder and one controller."""

    cell: Cell
    decoder: str
    """Folder of the decoder; with folds, that of the fold's decoder."""
    playing: Playing
    controller: str
    """Name of the controller; of several learned ones, the first that was not trained on these people, if any."""
    data: str
    """Checksum of the data that are played."""
    digest: str
    seen: Seen
    """Data that the decoder was fitted on, and the played runs that are among them."""
    heard: tuple[str, ...]
    """Those of the played people that the controller was trained on."""


def plan(config: BenchmarkConfig, root: str | os.PathLike[str] | None = None) -> tuple[list[Cell], list[Unit]]:
    """Cells of a benchmark, and their units of work.

    Decoders of folds are trained here if the cache does not hold them.

    Parameters
    ----------
    config : BenchmarkConfig
    root : path, optional
        Folder of the data sets; ``NEUROMOTION_DATA`` if left out.

    Raises
    ------
    NeuroMotionError
        If environment, level, part, decoder or people are unknown, a condition does not apply to the data set, or a
        decoder or controller would be tested on data that it was trained on.
    """
    cells = expand(config)
    for cell in cells:
        _check(cell, root)
    return cells, [unit for cell in cells for unit in _units(cell, config.allow_seen, root)]


def decoder_name(cell: Cell) -> str:
    """Name or folder of the decoder of a cell, without the bound."""
    return parse_decoder_name(cell.decoder)[1] or environment(cell.environment).decoder


def _check(cell: Cell, root: str | os.PathLike[str] | None) -> None:
    """Refuse a cell that cannot be run."""
    levels = task_class(environment(cell.environment).task).levels
    if cell.level not in levels:
        raise NeuroMotionError(f"{cell.environment} has no level {cell.level!r}; levels: {', '.join(levels)}.")
    spec = load_decoder(decoder_name(cell)).spec
    table = registry.dataset(spec.dataset).table
    if not cell.folds and cell.part not in table.parts:
        raise NeuroMotionError(f"{spec.dataset} has no part {cell.part!r}; parts: {', '.join(table.parts)}.")
    unknown = [person for person in cell.subjects if person not in table.people] if cell.folds else []
    if unknown:
        raise NeuroMotionError(
            f"No fold of {spec.dataset} holds {', '.join(unknown)}; its people: {', '.join(table.people)}."
        )
    data_checksum(_playing(cell, spec, cell.subjects), root)


def _playing(cell: Cell, spec: DecoderSpec, people: Sequence[str]) -> Playing:
    return playing_for(
        spec,
        source=cell.source,
        part=cast("PlayedPart", cell.part),
        subjects=people or None,
        ocular=cell.ocular,
        skip_cue=cell.skip_cue,
    )


def _units(cell: Cell, allow_seen: bool, root: str | os.PathLike[str] | None) -> list[Unit]:
    """The units of a cell: one per decoder and controller."""
    units = []
    for folder, people in _decoders(cell, root):
        decoder = load_decoder(Path(folder))
        whole = _playing(cell, decoder.spec, people)
        people_played = tuple(runs_played(whole))
        groups = controllers_of(cell.controller.name, people_played, whole.dataset, allow_seen=allow_seen)
        for controller, group, heard in groups:
            playing = whole if len(groups) == 1 else _playing(cell, decoder.spec, group)
            data = data_checksum(playing, root)
            digest = cell.digest(
                decoder=decoder.digest(),
                code=library_digest(),
                environment=environment_digest(cell.environment, playing.dataset),
                policy=policy_digest(controller),
                playing=playing.model_dump_json(),
                data=data,
            )
            seen = Seen("–", {})
            if parse_decoder_name(cell.decoder)[0] in LISTENS:
                seen = seen_by_decoder(folder, playing, root)
            if not allow_seen:
                refuse_seen(decoder_name(cell), seen)
            units.append(Unit(cell, folder, playing, controller, data, digest, seen, heard))
    return units


def _decoders(cell: Cell, root: str | os.PathLike[str] | None) -> list[tuple[str, tuple[str, ...]]]:
    """Folder of each decoder of a cell, with the people that it decodes; an empty tuple: all people of the part."""
    name = decoder_name(cell)
    if not cell.folds:
        return [(str(load_decoder(name).path.parent), cell.subjects)]
    from neuromotion_gym.training.folds import train_fold

    recipe = load_recipe(Path(name) if Path(name).is_dir() else decoder_folder(name))
    found = []
    for fold in registry.dataset(recipe.decoder.dataset).table.folds:
        people = tuple(person for person in fold if not cell.subjects or person in cell.subjects)
        if people:
            found.append((str(train_fold(recipe, fold, root=root)), people))
    return found
