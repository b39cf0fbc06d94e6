"""Bounds of every environment and level: what is reached with full information, with little, and with none.

    python benchmarks/bounds.py                                  # every environment, every level
    python benchmarks/bounds.py NeuroArm-v0 --levels easy hard   # only these
    python benchmarks/bounds.py --cells oracle strategies        # only these cells
    python benchmarks/bounds.py --tables                         # only write the tables again

A cell is one bound on one level. Finished cells are kept in ``--out``, one JSON file an environment, and are not run
again as long as the library stays the same; ``--keep`` also keeps those of an earlier library, unless they are marked
``"outdated": true`` because their environment has changed since; tables say so. Decoders that a finished cell lacks are
added to it. A training continues at its last checkpoint. ``bounds.md`` holds the tables of all environments; with
``--pages`` the short table in the page of each environment is written as well.

- oracle, open_loop, shuffled, blind: bounds of the environment's default decoder. The first three are driven by
  ``argmax``, blind by the best constant place, where the environment has one.
- decoders: all shipped decoders of labels that fit, with ``argmax``.
- targets: all shipped decoders of continuous targets that fit, with ``follow``, and the same four bounds of each.
- strategies: the best of many strategies that never look at the posterior (``blind_strategies.py``), chosen on one set
  of seeds and measured on another.
- ppo_blind, ppo_goal: PPO whose posterior is zeroed, and PPO that sees the goal; 500,000 control steps each (but see
  `IN_STAGES`), trained on the tune part and measured on the test part.

Everything plays surrogates of the test part. Intervals are over people where signals are decoded, and Wilson's over
episodes elsewhere. "Above chance" means that the lower end of the interval is.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from blind_strategies import Sight, strategies
from bounds_tables import CELLS, fill_page, read, row_of, tables

from neuromotion_gym.benchmark.digests import library_digest
from neuromotion_gym.benchmark.figures import rate_over_people, wilson_interval
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.decoders.bounds import BoundKind
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import NeuroEnv, checks
from neuromotion_gym.envs.options import CONTROL_S, make_task
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import make_folder, write_text
from neuromotion_gym.registration import ENVIRONMENTS, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from blind_strategies import Act, Strategy

    from neuromotion_gym.controllers.base import Controller
    from neuromotion_gym.controllers.training import Setup
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.statistics import Interval

PART = "test"
CHOOSING, AGAIN, MEASURING = 10_000_000, 20_000_000, 30_000_000
"""First seeds of the episodes in which strategies are tried, are tried again, and are measured."""
SECOND_TRY, BEST = 64, 4
"""Further episodes of the best strategies; number of these."""
STEPS = 500_000
FOLLOWING: dict[str, Any] = {"gain": 1.5, "smooth_s": 0.3}
"""Options of ``follow``, chosen on the tune part (``finger_joints.py``); the oracle has none."""
LIMBS = 128
"""Largest number of limbs that are stepped together."""


@dataclass(frozen=True)
class Stage:
    """A part of a training; it begins with the weights of the part before.

    Parameters
    ----------
    task : dict
        Options of the task; empty for the rules of the level.
    steps : int
        Control steps.
    log_std : float
        Logarithm of the standard deviation of actions at its beginning.
    """

    task: dict[str, Any]
    steps: int
    log_std: float


FREE = 0.0
"""Logarithm of the standard deviation of actions: with less, a policy may stop where nothing is selected, and stay."""
IN_STAGES = {
    ("NeuroLeg-v0", "hard"): (Stage({"wrong_selection": "ignore"}, STEPS // 2, FREE), Stage({}, STEPS // 2, -1.0))
}
"""Where PPO that sees the goal learns nothing from the rules of the level alone. There the limb is slow, and the small
movements of a policy that has learned nothing count as holding: it ends with a wrong selection as soon as it leaves
home, and learns to stay there. Such a policy is measured with actions drawn as in training: joints with friction do not
move when less than half is asked of a muscle, and the mean of the actions, which often lies there, stops beside the
goal."""


def main() -> None:
    """Run the cells that are asked for and not finished; write tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", help="environments; all if none is named")
    parser.add_argument("--levels", nargs="*", default=(), help="only these levels")
    parser.add_argument("--cells", nargs="*", default=CELLS, choices=CELLS, help="only these cells")
    parser.add_argument("--decoders", nargs="*", default=(), help="of the cell decoders, only these")
    parser.add_argument("--episodes", type=int, default=240, help="episodes of every cell (%(default)s)")
    parser.add_argument(
        "--first-try", type=int, default=16, help="episodes in which each strategy is tried (%(default)s)"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "bounds")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "bounds", help="folder of trainings (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep finished cells although the library has changed")
    parser.add_argument("--tables", action="store_true", help="only write the tables")
    parser.add_argument("--pages", action="store_true", help="also write the tables in docs/environments/")
    options = parser.parse_args()
    if unknown := set(options.ids) - set(ENVIRONMENTS):
        parser.error(f"no environment is called {', '.join(sorted(unknown))}; there are {', '.join(ENVIRONMENTS)}")
    make_folder(options.out)
    ids = [] if options.tables else options.ids or list(ENVIRONMENTS)
    todo = [
        (env_id, level, cell)
        for cell in options.cells
        for env_id in ids
        for level in checks.levels(env_id)
        if not options.levels or level in options.levels
    ]
    for number, (env_id, level, cell) in enumerate(todo, 1):
        name = f"{level} {cell}"
        before = read(options.out, env_id).get(name)
        if before is not None and not keeps(before, always=options.keep):
            before = None
        bounds = Level(env_id, level, options.episodes, options.runs / env_id / level / cell, options.first_try)
        found = {"level": level, "cell": cell, "library": library_digest(), "lines": []} if before is None else before
        for what in bounds.left(cell, before and list(before["lines"]), options.decoders):
            print(f"{number} of {len(todo)}: {env_id} {level} {what}", flush=True)
            lines = bounds.run(what)
            for line in lines:
                if found["library"] != library_digest():
                    line["library"] = library_digest()
                print(f"    {' | '.join(row_of(cell, line))}", flush=True)
            found["lines"] += lines
            write_text(
                options.out / f"{env_id}.json", json.dumps({**read(options.out, env_id), name: found}, indent=1) + "\n"
            )
    write_text(options.out / "bounds.md", tables(options.out))
    for env_id in ENVIRONMENTS if options.pages else ():
        fill_page(options.out, env_id)


def keeps(found: dict[str, Any], *, always: bool) -> bool:
    """Whether a finished cell is kept: one of this library or, with ``always``, any whose environment is the same."""
    return bool(found["library"] == library_digest() or (always and not found.get("outdated")))


class Level:
    """One level of an environment with its default decoder.

    Parameters
    ----------
    env_id, level : str
    episodes : int
        Episodes of every cell.
    folder : pathlib.Path
        Where a training keeps its checkpoint and its policy.
    first_try : int
        Episodes in which each strategy is tried first.
    """

    def __init__(self, env_id: str, level: str, episodes: int, folder: Path, first_try: int = 16) -> None:
        self.env_id, self.level, self.episodes, self.folder = env_id, level, episodes, folder
        self.first_try = first_try
        self.decoder = environment(env_id).decoder

    def left(self, cell: str, lines: list[dict[str, Any]] | None, only: Sequence[str] = ()) -> list[str]:
        """What a cell lacks: itself if it has no lines yet or, of ``decoders``, the names of those that have none."""
        if cell != "decoders":
            return [cell] if lines is None else []
        known = {line["policy"].split(",")[0] for line in lines or ()}
        return [name for name in self.fitting() if name not in known and (name in only or not only)]

    def run(self, what: str) -> list[dict[str, Any]]:
        """The lines of a cell, one for most, or that of a decoder."""
        if what not in CELLS:
            return [self.line(f"{what}, argmax", self.driven("argmax", what), people=True)]
        if what == "targets":
            return [line for name in self.fitting(targets=True) for line in self.of_targets(name)]
        if what == "strategies":
            return [self.strategies()]
        if what in ("ppo_blind", "ppo_goal"):
            return [self.trained(observe_goal=what == "ppo_goal")]
        controller = self.constant() if what == "blind" else "argmax"
        played = self.driven(controller, f"{what}:{self.decoder}")
        return [self.line(f"{self.decoder}, {controller}", played, people=what in ("open_loop", "shuffled"))]

    def fitting(self, *, targets: bool = False) -> list[str]:
        """Shipped decoders of labels, or of targets, that fit; the default one first."""
        found = [] if targets else [self.decoder]
        for name in list_decoders():
            spec = load_decoder(name).spec
            if spec.classifies == targets or name == self.decoder:
                continue
            try:
                make_task(self.env_id, spec, 0.5, self.level)
            except NeuroMotionError:
                continue
            found.append(name)
        return found

    def of_targets(self, name: str) -> list[dict[str, Any]]:
        """A decoder of targets and its bounds; ``bound`` of a line says which."""
        lines = []
        for kind in ("", *get_args(BoundKind)):
            decoder = f"{kind}:{name}" if kind else name
            played = self.driven("follow", decoder, {} if kind == "oracle" else FOLLOWING)
            lines.append({**self.line(f"{decoder}, follow", played, people=True), "bound": kind})
        return lines

    def constant(self) -> str:
        """The controller that goes to the best constant place; ``argmax`` where there is none."""
        env = NeuroEnv(self.env_id, **self.options(f"blind:{self.decoder}"))
        try:
            make_controller("blind", env.layout)
        except NeuroMotionError:
            return "argmax"
        finally:
            env.close()
        return "blind"

    def options(self, decoder: Any) -> dict[str, Any]:
        """Options of ``gym.make``."""
        return {"decoder": decoder, "level": self.level, "part": PART}

    def driven(
        self,
        controller: str,
        decoder: Any,
        settings: dict[str, Any] | None = None,
        *,
        drawn: bool = False,
        **options: Any,
    ) -> checks.Played:
        """Episodes in which a controller, with its ``settings``, reads all that an agent may see.

        With ``drawn``, a learned one draws its actions as it did in training.
        """

        def begin(layout: ObservationLayout, rows: int) -> Callable[[np.ndarray, int], np.ndarray]:
            made: Controller = make_controller(controller, layout, **(settings or {}))
            state: list[Any] = [None]

            def act(observation: np.ndarray, step: int) -> np.ndarray:
                action, state[0] = made.predict(observation, state[0], deterministic=not drawn)
                return action

            return act

        return self.play(begin, self.episodes, MEASURING, **self.options(decoder), **options)

    def play(
        self,
        begin: Callable[[ObservationLayout, int], Callable[[np.ndarray, int], np.ndarray]],
        episodes: int,
        seed: int,
        **options: Any,
    ) -> checks.Played:
        """Episodes in batches of at most `LIMBS` limbs."""
        batches = []
        for first in range(0, episodes, LIMBS):
            rows, act = min(LIMBS, episodes - first), None

            def follow(loop: ClosedLoop, step: int, rows: int = rows) -> np.ndarray:
                nonlocal act
                act = begin(loop.layout, rows) if step == 0 or act is None else act
                return act(np.asarray(loop.observation()), step)

            batches.append(checks.play(self.env_id, follow, rows, seed + first, **options))
        return joined(batches)

    def strategies(self) -> dict[str, Any]:
        """The best strategy that never looks at the posterior, measured on seeds that it was not chosen on."""
        env = NeuroEnv(self.env_id, **self.options(f"blind:{self.decoder}"))
        env.close()
        known = strategies(env.layout)
        first = self.deaf(known, self.first_try, CHOOSING)
        best = sorted(known, key=lambda name: -first[name].right.mean())[:BEST]
        second = self.deaf({name: known[name] for name in best}, SECOND_TRY, AGAIN)
        tried = {name: np.concatenate([first[name].right, second[name].right]).mean() for name in best}
        winner = max(tried, key=lambda name: tried[name])
        measured = self.deaf({winner: known[winner]}, self.episodes, MEASURING)[winner]
        line = self.line(f"best of {len(known)}: {winner}", measured)
        return {**line, "tried": len(known), "when_chosen": round(float(tried[winner]), 4)}

    def deaf(self, chosen: dict[str, Strategy], episodes: int, seed: int) -> dict[str, checks.Played]:
        """Episodes of each strategy; as many strategies are played together as there are limbs."""
        found: dict[str, checks.Played] = {}
        together = max(1, LIMBS // episodes)
        for first in range(0, len(chosen), together):
            group = list(chosen.items())[first : first + together]
            generator = np.random.default_rng([seed, first])

            def begin(
                layout: ObservationLayout, rows: int, group: Any = group, generator: np.random.Generator = generator
            ) -> Callable[[np.ndarray, int], np.ndarray]:
                acts: list[Act] = [make(layout, rows // len(group), generator) for _, make in group]

                def act(observation: np.ndarray, step: int) -> np.ndarray:
                    parts = zip(acts, np.split(observation, len(acts)), strict=True)
                    return np.concatenate([one(Sight.of(layout, part, step)) for one, part in parts])

                return act

            options = self.options(f"blind:{self.decoder}")
            played = self.play(begin, episodes * len(group), seed + first * episodes, **options)
            for number, (name, _) in enumerate(group):
                mine = np.arange(len(played.right)) // episodes == number
                found[name] = played.only(mine)
            print(f"    {len(found)} of {len(chosen)} strategies, {episodes} episodes each", flush=True)
        return found

    def trained(self, *, observe_goal: bool) -> dict[str, Any]:
        """A policy of PPO without a decoder's information, which sees the goal or does not."""
        from neuromotion_gym.controllers.history import HistorySpec
        from neuromotion_gym.controllers.training import Setup

        found = IN_STAGES.get((self.env_id, self.level)) if observe_goal else None
        stages = found or (Stage({}, STEPS, FREE),)
        folders = [*(self.folder / f"stage_{number}" for number in range(1, len(stages))), self.folder]
        before: Path | None = None
        for stage, folder in zip(stages, folders, strict=True):
            setup = Setup(
                environment=self.env_id,
                decoder=self.decoder,
                level=self.level,
                blind=True,
                observe_goal=observe_goal,
                task=stage.task,
                steps=stage.steps,
                history=HistorySpec(belief=False),
                mirror=False,
                learning_rate=1e-3,
                log_std=stage.log_std,
            )
            learn(setup, folder, before)
            before = folder
        played = self.driven(
            f"learned:{self.folder / 'policy.onnx'}",
            f"blind:{self.decoder}",
            drawn=len(stages) > 1,
            observe_goal=observe_goal,
        )
        how = f" in {len(stages)} stages, actions drawn" if len(stages) > 1 else ""
        sees = "sees the goal" if observe_goal else "posterior zeroed"
        return self.line(f"PPO, {sum(stage.steps for stage in stages):,} steps{how}, {sees}", played)

    def line(self, policy: str, played: checks.Played, *, people: bool = False) -> dict[str, Any]:
        """Figures of some episodes; with ``people`` the interval is over people."""
        count = len(played.right)
        rate: Interval = (
            rate_over_people(played.right, played.people)
            if people and len(np.unique(played.people)) > 1
            else wilson_interval(int(played.right.sum()), count)
        )
        times = played.steps[played.right] * CONTROL_S
        return {
            "policy": policy,
            "success": round(rate.mean, 4),
            "low": round(rate.low, 4),
            "high": round(rate.high, 4),
            "wrong": round(float(played.wrong.mean()), 4),
            "time_s": round(float(np.median(times)), 2) if len(times) else None,
            "return": round(float(played.returns(1.0).mean()), 4),
            "chance": round(played.chance, 4),
            "episodes": count,
        }


def learn(setup: Setup, folder: Path, begins_with: Path | None = None) -> None:
    """Finish a training in a folder, where it writes ``policy.onnx``; it may begin with the weights of another one."""
    import torch

    from neuromotion_gym.controllers.training import CHECKPOINT, Training

    torch.set_num_threads(1)
    training = Training(setup)
    try:
        if (folder / CHECKPOINT).is_file():
            training.load(folder / CHECKPOINT)
        elif begins_with is not None:
            training.begin_with(begins_with / CHECKPOINT)
        make_folder(folder)
        training.run(folder, told)
        training.export(folder / "policy.onnx")
    finally:
        training.close()


def told(entry: dict[str, float]) -> None:
    """Print where a training stands."""
    print(f"    step {entry['steps']:,.0f}: success {entry['success']:.2f}", flush=True)


def joined(batches: list[checks.Played]) -> checks.Played:
    """Episodes of several batches; shorter ones earn nothing at the end."""
    longest = max(len(one.rewards) for one in batches)
    rewards = [np.pad(one.rewards, ((0, longest - len(one.rewards)), (0, 0))) for one in batches]
    return checks.Played(
        rewards=np.concatenate(rewards, axis=1),
        right=np.concatenate([one.right for one in batches]),
        wrong=np.concatenate([one.wrong for one in batches]),
        steps=np.concatenate([one.steps for one in batches]),
        people=np.concatenate([one.people for one in batches]),
        chance=batches[0].chance,
    )


if __name__ == "__main__":
    main()
