"""What ``neuromotion demo`` plays and films.

Every decoder drives a few episodes for people of the test part, on generated signals. The table is a first look, not a
benchmark.
"""

from __future__ import annotations

import csv
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing
from neuromotion_gym.workers import interrupts_held, process_pool, result_of, work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from neuromotion_gym.benchmark.settings import Setting
    from neuromotion_gym.decoders.bounds import BoundKind
    from neuromotion_gym.statistics import Interval
    from neuromotion_gym.workers import Done

SourceKind = Literal["surrogate", "replay"]
PART = "test"
ROWS = 32
"""Number of limbs that are stepped together."""


@dataclass(frozen=True)
class Entry:
    """One row of the demo's table.

    Parameters
    ----------
    show : str
        The decoder that this row belongs to.
    role : {"decoder", "control"} or a bound
        ``blind`` is the best constant posture; the others drive with the setting's controller.
    decoder : str
        The option ``decoder`` of `gym.make`.
    setting : Setting
    """

    show: str
    role: Literal["decoder", "control"] | BoundKind
    decoder: str
    setting: Setting

    @property
    def controller(self) -> str:
        """Name of the controller that drives this row."""
        return "blind" if self.role == "blind" else self.setting.controller


@dataclass(frozen=True)
class Played:
    """All episodes of one row.

    Parameters
    ----------
    entry : Entry
    episodes : list of dict
        See `neuromotion_gym.benchmark.episodes.play`.
    trials : int
        Distinct trials that were played in all of them together.
    about : mapping
        Facts about the episodes: source, part, splits, chance (`ClosedLoop.about`).
    """

    entry: Entry
    episodes: list[dict[str, Any]]
    trials: int
    about: Mapping[str, Any]

    @property
    def success(self) -> Interval:
        """Success rate, with its 95 % interval over people."""
        from neuromotion_gym.benchmark.figures import rate_over_people

        won = np.array([episode["success"] for episode in self.episodes])
        return rate_over_people(won, [episode["subject"] for episode in self.episodes])

    @property
    def people(self) -> int:
        """Number of people in the episodes."""
        return len({episode["subject"] for episode in self.episodes})

    @property
    def wrong(self) -> float:
        """Share of episodes that ended in a wrong selection."""
        return float(np.mean([episode["wrong_selection"] for episode in self.episodes]))

    @property
    def time_s(self) -> float:
        """Median seconds to a right selection; NaN where there was none."""
        times = [episode["time_s"] for episode in self.episodes if episode["success"]]
        return float(np.median(times)) if times else float("nan")


def entries(decoder: str | None = None, environment: str | None = None) -> list[Entry]:
    """Rows of the table: every shown decoder, its bounds, and the controls trained on the same kind of signals.

    Parameters
    ----------
    decoder : str, optional
        A shipped decoder's name or a decoder's folder; those that the environment names if left out.
    environment : str, optional
        Environment id; the first one if left out.

    Raises
    ------
    NeuroMotionError
        If there is no such decoder, or none at all.
    """
    from neuromotion_gym import registration
    from neuromotion_gym.benchmark.settings import usual_setting
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.decoders.bounds import BoundKind
    from neuromotion_gym.decoders.folders import decoder_folder, list_decoders
    from neuromotion_gym.decoders.recipe import load_recipe
    from neuromotion_gym.decoders.zoo import load_decoder

    recipes = {name: load_recipe(decoder_folder(name)) for name in list_decoders()}
    rows: list[Entry] = []
    env_id = environment or next(iter(registration.ENVIRONMENTS))
    row = registration.environment(env_id)
    for name in (row.shown or (row.decoder,)) if decoder is None else [decoder]:
        spec = recipes[name].decoder if name in recipes else load_decoder(name).spec
        setting = usual_setting(spec, env_id)
        rows.append(Entry(name, "decoder", name, setting))
        rows += [Entry(name, role, f"{role}:{name}", setting) for role in get_args(BoundKind)]
        # Only controls trained on signals as they are played here: the decoder's ocular setting, the cue left out
        skip_cue_s = registry.dataset(spec.dataset).skip_cue_s if registry.is_known(spec.dataset) else 0.0
        rows += [
            Entry(name, "control", control, setting)
            for control, recipe in recipes.items()
            if recipe.decoder.control
            and control != name
            and (recipe.decoder.dataset, recipe.decoder.ocular) == (spec.dataset, spec.ocular)
            and (recipe.data is None or recipe.data.start_s == skip_cue_s)
        ]
    return rows


def run(
    rows: Sequence[Entry],
    source: SourceKind,
    episodes: int | None,
    seed: int,
    film: Path | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> tuple[list[Played], str | None]:
    """Play all rows and film the decoders, on all cores: one task per row, processes of one thread each.

    Parameters
    ----------
    rows, source, episodes, seed
        See `play`.
    film : path, optional
        Path of the video; if left out, nothing is drawn.
    tick : callable
        Called with the decoder and role of each row that is finished.

    Returns
    -------
    played : list of Played
        In the order of ``rows``.
    missing : str or None
        Why there is no video although there should be one.

    Raises
    ------
    NeuroMotionError
        As `play`.
    """
    with (
        TemporaryDirectory(prefix=".", dir=film and film.parent, ignore_cleanup_errors=True) as folder,
        process_pool() as pool,
    ):
        unfinished = Path(folder)
        filming = None
        with interrupts_held():
            if film is not None:
                decoders = [row for row in rows if row.role == "decoder"]
                filming = pool.submit(work, record, decoders, source, seed, unfinished / film.name)
            playing = {pool.submit(work, play, row, source, episodes, seed): row for row in rows}
        played = {}
        for done in as_completed(playing):
            played[done] = result_of(done.result())
            tick(f"{playing[done].show}: {playing[done].role}")
        missing = _outcome(filming)
        if film is not None and missing is None:
            (unfinished / film.name).replace(film)
        return [played[future] for future in playing], missing


def _outcome(filming: Future[Done[None]] | None) -> str | None:
    try:
        if filming is not None:
            filming.result()
    except NeuroMotionError as error:
        return str(error)
    return None


def play(entry: Entry, source: SourceKind, episodes: int | None, seed: int) -> Played:
    """Play one row: up to `ROWS` limbs side by side, people in turn.

    Parameters
    ----------
    entry : Entry
    source : {"surrogate", "replay"}
    episodes : int or None
        As usual (`neuromotion_gym.benchmark.settings.usual_episodes`) if None.
    seed : int
        Episode ``i`` of every row has the same person, goal and start.

    Raises
    ------
    NeuroMotionError
        If the decoder cannot drive the limb, or the source lacks its data.
    """
    from neuromotion_gym.benchmark import episodes as runner
    from neuromotion_gym.benchmark.settings import usual_episodes
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble

    setting = entry.setting
    parts = assemble(setting.environment, decoder=entry.decoder, source=source, level=setting.level, part=PART)
    sessions = parts.source.sessions
    episodes = episodes or usual_episodes(parts.layout.time_limit_s)
    keys = runner.episode_keys(sessions, -(-episodes // len(sessions)))[:episodes]
    loop = ClosedLoop(parts, min(episodes, ROWS))
    try:
        found, trials = runner.play(loop, make_controller(entry.controller, loop.layout), keys, seed)
        return Played(entry, found, len(trials), loop.about())
    finally:
        loop.close()


def record(rows: Sequence[Entry], source: SourceKind, seed: int, path: Path) -> None:
    """Film one episode of each row, one after the other, with the overlay beside the limb.

    Each row is shown with the first episode of its first person.

    Parameters
    ----------
    rows : sequence of Entry
    source, seed
        As in `play`.
    path : path
        Path of the video; ends in ``.mp4``.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw; `neuromotion_gym.rendering.why_not` says why.
    """
    from neuromotion_gym.benchmark.film import film_first
    from neuromotion_gym.benchmark.settings import film_speed
    from neuromotion_gym.envs.options import CONTROL_S, assemble
    from neuromotion_gym.rendering import VideoWriter

    with VideoWriter(path, fps=1 / CONTROL_S) as video:
        for entry in rows:
            setting = entry.setting
            parts = assemble(setting.environment, decoder=entry.decoder, source=source, level=setting.level, part=PART)
            every = film_speed(setting, parts.layout.time_limit_s)
            film_first(parts, entry.controller, seed, video, every)


def write_episodes(played: Sequence[Played], path: Path) -> None:
    """Write a CSV file with one line per episode."""
    lines = [
        {
            "show": row.entry.show,
            "role": row.entry.role,
            "decoder": row.entry.decoder,
            "controller": row.entry.controller,
            "level": row.entry.setting.level,
            "source": row.about["kind"],
            "part": row.about["part"],
            **episode,
        }
        for row in played
        for episode in row.episodes
    ]
    columns = dict.fromkeys(key for line in lines for key in line)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(lines)
