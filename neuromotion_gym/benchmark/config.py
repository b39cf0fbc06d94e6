"""What a benchmark runs: a YAML file, checked, and expanded into cells."""

from __future__ import annotations

import hashlib
import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from neuromotion_gym.datasets.playing import SourceKind
from neuromotion_gym.datasets.sessions import Ocular
from neuromotion_gym.decoders.recipe import parse_yaml
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.schema import Checked, from_mapping

if TYPE_CHECKING:
    import os


class ControllerChoice(Checked):
    """A controller with its options; ``label`` is its name in tables."""

    name: str
    label: str = ""
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The label, or the name where there is none."""
        return self.label or self.name


class Condition(Checked):
    """What is played: with or without ocular regression, and how many seconds after the cue are left out."""

    ocular: Ocular = "keep"
    skip_cue: float = Field(default=0.0, ge=0, lt=60)


class Grid(Checked):
    """Every decoder with every controller on every level under every condition.

    ``decoders`` may name bounds, ``oracle:NAME``, ``shuffled:NAME``, ``blind:NAME``. ``episodes`` overrides the
    benchmark's number of episodes a session.
    """

    decoders: tuple[str, ...] = Field(min_length=1)
    controllers: tuple[ControllerChoice, ...] = Field(min_length=1)
    levels: tuple[str, ...] = Field(min_length=1)
    conditions: tuple[Condition, ...] = (Condition(),)
    episodes: int | None = Field(default=None, ge=1)

    @field_validator("controllers", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        if not isinstance(given, (list, tuple)):
            return given
        return [{"name": item} if isinstance(item, str) else item for item in given]


class BenchmarkConfig(Checked):
    """A whole benchmark; see ``benchmarks/*.yaml``.

    Parameters
    ----------
    name : str
        Of the folder that results go to.
    title : str
        Of the report.
    environment : str
        A registered id; the first where left out.
    source : {"replay", "surrogate"}
        Where samples come from.
    part : str
        Part of the data set that is played.
    folds : bool
        Instead of a part: everybody, each decoded by the decoder that was trained without them.
    allow_seen : bool
        Whether a decoder or controller may be played what it was trained on; its rows are then marked.
    subjects : tuple of str
        Only these people, all of them when empty.
    episodes : int
        Episodes a session, in every cell.
    seed : int
        Of the whole benchmark. Episodes draw from it, the session and their number alone, so that the same ones are
        played to every decoder and controller.
    rows : int
        Limbs stepped together.
    task_options : dict
        Options of the environment's task, such as ``wrong_selection: ignore``; the report names them.
    grids : tuple of Grid
        What is played; a cell that stands in two grids is run once.
    notes : str
        For the report.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    title: str = ""
    environment: str = Field(default_factory=lambda: next(iter(ENVIRONMENTS)))
    source: SourceKind = "replay"
    part: str = "test"
    folds: bool = False
    allow_seen: bool = False
    subjects: tuple[str, ...] = ()
    episodes: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)
    rows: int = Field(default=32, ge=1, le=4096)
    task_options: dict[str, Any] = Field(default_factory=dict)
    grids: tuple[Grid, ...] = Field(min_length=1)
    notes: str = ""

    @model_validator(mode="before")
    @classmethod
    def _written_before(cls, given: Any) -> Any:
        """Files written before there was more than one task name its option at the top."""
        if not isinstance(given, dict) or "wrong_selection" not in given:
            return given
        rest = {key: value for key, value in given.items() if key not in ("wrong_selection", "task_options")}
        options = {**given.get("task_options", {}), "wrong_selection": given["wrong_selection"]}
        return {**rest, "task_options": options}


class Cell(Checked):
    """One line of a report's table: one decoder, controller, level and condition, all people."""

    environment: str
    source: SourceKind
    part: str
    folds: bool
    subjects: tuple[str, ...]
    decoder: str
    controller: ControllerChoice
    level: str
    ocular: Ocular
    skip_cue: float
    episodes: int
    seed: int
    task_options: dict[str, Any]

    def digest(self, **more: str) -> str:
        """Sixteen hexadecimal digits of all its fields, and of ``more``: what its results depend on besides."""
        text = json.dumps([self.model_dump(mode="json"), more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_config(path: str | os.PathLike[str]) -> BenchmarkConfig:
    """A benchmark's YAML file.

    Raises
    ------
    NeuroMotionError
        If it cannot be read or is no benchmark; the message names the fields.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NeuroMotionError(f"Cannot read the benchmark {path}: {error}.") from error
    return from_mapping(BenchmarkConfig, parse_yaml(text, str(path)), str(path))


def expand(config: BenchmarkConfig) -> list[Cell]:
    """All cells of a benchmark, in the order of its grids, each once."""
    cells: dict[str, Cell] = {}
    for grid in config.grids:
        for condition, level, decoder, controller in product(
            grid.conditions, grid.levels, grid.decoders, grid.controllers
        ):
            cell = Cell(
                environment=config.environment,
                source=config.source,
                part="all" if config.folds else config.part,
                folds=config.folds,
                subjects=config.subjects,
                decoder=decoder,
                controller=controller,
                level=level,
                ocular=condition.ocular,
                skip_cue=condition.skip_cue,
                episodes=grid.episodes or config.episodes,
                seed=config.seed,
                task_options=config.task_options,
            )
            cells.setdefault(cell.digest(), cell)
    return list(cells.values())
