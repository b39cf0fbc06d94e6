"""The configuration of a benchmark: a YAML file that is checked and expanded into cells."""

from __future__ import annotations

import hashlib
import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator, model_validator

from neuromotion_gym.datasets.playing import Perturbation, SourceKind
from neuromotion_gym.datasets.sessions import Ocular
from neuromotion_gym.decoders.adaptation import AdaptationOptions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.schema import Checked, from_mapping
from neuromotion_gym.signals.reading import Reading
from neuromotion_gym.training.fitted_on import stated_beside

if TYPE_CHECKING:
    import os


LATER = ("seeds", "row_episodes", "resample", "perturbations", "adaptation")
"""Fields of a cell that were added later."""


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
    """What is done to signals before they are played: ocular regression, seconds left out after the cue, perturbations.

    A perturbation is its name, or a table with ``name`` and ``options``. ``null`` for ``ocular`` or ``skip_cue`` stands
    for what `gym.make` does without the option: as the decoder was trained.
    """

    ocular: Ocular | None = "keep"
    skip_cue: float | None = Field(default=0.0, ge=0, lt=60)
    perturbations: tuple[Perturbation, ...] = ()

    @field_validator("perturbations", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        return _named(given)


class OwnChoice(Checked):
    """Recordings of one's own that a benchmark plays.

    Parameters
    ----------
    path : str, optional
        A file, a folder, or the root of a BIDS data set; relative to the folder of the configuration's file. If left
        out, the recordings are objects that `run_benchmark` is given.
    reading : Reading
        How they are read.
    """

    path: str | None = Field(default=None, min_length=1)
    reading: Reading = Field(default_factory=Reading)

    @field_validator("reading", mode="before")
    @classmethod
    def _from_table(cls, given: Any) -> Reading:
        return Reading.of(given)


class Grid(Checked):
    """Every decoder with every controller on every level under every condition.

    ``decoders`` may contain bounds: ``oracle:NAME``, ``open_loop:NAME``, ``shuffled:NAME``, ``blind:NAME``.
    ``episodes`` overrides the benchmark's number of episodes per session. ``adaptation`` is for decoders that follow
    their wearer, see `AdaptationOptions`; each episode is played for itself, so ``keep`` is "episode".
    """

    decoders: tuple[str, ...] = Field(min_length=1)
    controllers: tuple[ControllerChoice, ...] = Field(min_length=1)
    levels: tuple[str, ...] = Field(min_length=1)
    conditions: tuple[Condition, ...] = (Condition(),)
    episodes: int | None = Field(default=None, ge=1)
    adaptation: AdaptationOptions | None = None

    @field_validator("adaptation")
    @classmethod
    def _by_episode(cls, given: AdaptationOptions | None) -> AdaptationOptions | None:
        if given is not None and given.keep != "episode":
            raise NeuroMotionError(
                "keep is 'episode' in a benchmark, where an episode depends on its own seed alone, not 'session'"
            )
        return given

    @field_validator("controllers", mode="before")
    @classmethod
    def _names(cls, given: object) -> object:
        return _named(given)


class BenchmarkConfig(Checked):
    """A whole benchmark; see ``benchmarks/*.yaml``.

    Parameters
    ----------
    name : str
        Name of the folder for the results.
    title : str
        Title of the report.
    environment : str
        A registered environment id; the first one if left out.
    source : {"replay", "surrogate", "recordings"}
        Kind of source that streams the samples; "recordings" if ``recordings`` are given.
    recordings : OwnChoice, optional
        Recordings of one's own, which are played instead of a data set: ``path`` and ``reading``.
    part : str
        Part of the data set that is played; empty for recordings of one's own.
    resample : bool
        Whether recordings at another rate are resampled, with a warning.
    folds : bool
        Whether all people are played instead of a part, each person with the decoder that was trained without them.
    allow_seen : bool
        Whether a decoder or controller may be tested on data that it was trained on; its rows in the report are then
        marked.
    fitted_on : dict of str to str
        For decoders that do not say what they were fitted on, by their names in ``grids``: what the user says, a text
        or a path; in a file, a path is relative to its folder.
    decoder_facts : dict of str to dict
        For decoders from elsewhere, by their names in ``grids``: what their files do not say, see `load_decoder`.
    subjects : tuple of str
        Only these people are played; all people if empty.
    episodes : int
        Episodes per session, in every cell whose grid does not set its own number.
    row_episodes : int
        Instead of ``episodes``: at least this many episodes in a row of the table, the same number in each session.
    seed : int
        Seed of the whole benchmark. The random numbers of an episode depend only on the seed, the person, the session
        and the number of the episode, so that every decoder and controller gets the same episodes.
    seeds : tuple of int
        Several seeds instead of one; every session then has its number of episodes with each of them.
    rows : int
        Number of limbs that are stepped together.
    task_options : dict
        Options of the environment's task, such as ``wrong_selection: ignore``; the report names them.
    grids : tuple of Grid
        Grids of cells to run; a cell that is in two grids is run once.
    notes : str
        Text that is added to the report.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    title: str = ""
    environment: str = Field(default_factory=lambda: next(iter(ENVIRONMENTS)))
    source: SourceKind = "replay"
    recordings: OwnChoice | None = None
    part: str = "test"
    resample: bool = False
    folds: bool = False
    allow_seen: bool = False
    fitted_on: dict[str, str] = Field(default_factory=dict)
    decoder_facts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    episodes: int = Field(default=1, ge=1)
    row_episodes: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = ()
    rows: int = Field(default=32, ge=1, le=4096)
    task_options: dict[str, Any] = Field(default_factory=dict)
    grids: tuple[Grid, ...] = Field(min_length=1)
    notes: str = ""

    @model_validator(mode="before")
    @classmethod
    def _written_before(cls, given: Any) -> Any:
        """Accept ``wrong_selection`` at the top level, as in files from the time when there was only one task."""
        if not isinstance(given, dict) or "wrong_selection" not in given:
            return given
        rest = {key: value for key, value in given.items() if key not in ("wrong_selection", "task_options")}
        options = {**given.get("task_options", {}), "wrong_selection": given["wrong_selection"]}
        return {**rest, "task_options": options}

    @model_validator(mode="before")
    @classmethod
    def _own_recordings(cls, given: Any) -> Any:
        """Recordings of one's own belong to no part."""
        if not isinstance(given, dict) or given.get("recordings") is None:
            return given
        return {"source": "recordings", "part": "", **given}

    @model_validator(mode="after")
    def _consistent(self) -> BenchmarkConfig:
        if self.source == "recordings":
            if self.part or self.folds:
                raise NeuroMotionError("part and folds belong to a data set, not to recordings of one's own")
        elif self.recordings is not None:
            raise NeuroMotionError(f"recordings are played instead of source {self.source!r}; give one of them")
        if self.row_episodes and (self.folds or any(grid.episodes for grid in self.grids)):
            raise NeuroMotionError("row_episodes stand instead of episodes, and do not apply to folds")
        if len(set(self.seeds)) < len(self.seeds):
            raise NeuroMotionError(f"seeds have to differ, not {', '.join(map(str, self.seeds))}")
        return self


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
    ocular: Ocular | None
    skip_cue: float | None
    episodes: int
    seed: int
    task_options: dict[str, Any]
    seeds: tuple[int, ...] = ()
    row_episodes: int = 0
    resample: bool = False
    perturbations: tuple[Perturbation, ...] = ()
    adaptation: AdaptationOptions | None = None

    def repetitions(self, sessions: int) -> int:
        """Episodes of each session with each seed, if ``sessions`` are played."""
        if not self.row_episodes:
            return self.episodes
        return -(-self.row_episodes // (sessions * len(self.all_seeds)))

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """Every seed of its episodes."""
        return self.seeds or (self.seed,)

    def digest(self, **more: str) -> str:
        """Digest of all fields and of ``more``, everything else that the results depend on; 16 hexadecimal digits."""
        content = self.model_dump(mode="json")
        for name in LATER:  # a cell without them has the digest that it had before they existed
            if not content[name]:
                del content[name]
        text = json.dumps([content, more], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_config(path: str | os.PathLike[str]) -> BenchmarkConfig:
    """Read and check a benchmark's YAML file.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read or is not a benchmark; the message names the wrong fields.
    """
    config = from_mapping(BenchmarkConfig, read_yaml(Path(path), "benchmark"), str(path))
    stated = {name: stated_beside(Path(path).parent, given) for name, given in config.fitted_on.items()}
    config = config.model_copy(update={"fitted_on": stated})
    if config.recordings is None or config.recordings.path is None:
        return config
    own = config.recordings.model_copy(update={"path": str(Path(path).parent / config.recordings.path)})
    return config.model_copy(update={"recordings": own})


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
                seeds=config.seeds,
                row_episodes=config.row_episodes,
                resample=config.resample,
                perturbations=condition.perturbations,
                adaptation=grid.adaptation,
            )
            cells.setdefault(cell.digest(), cell)
    return list(cells.values())


def _named(given: object) -> object:
    """A list in which a name stands for a table with this name."""
    if not isinstance(given, (list, tuple)):
        return given
    return [{"name": item} if isinstance(item, str) else item for item in given]
