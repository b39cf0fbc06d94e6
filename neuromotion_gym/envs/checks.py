"""Checks that every environment must pass, whatever its limb, task and drive; `check_environment` runs all of them.

Use them to test your own limbs, tasks and drives. Each check is a function of the environment's id and the options of
``gym.make``, and raises an error that says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.envs.interface_checks import INTERFACE, ask, bound_options
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.registration import environment, task_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.closed_loop import ClosedLoop

SUCCESS = 0.95
"""Lowest success rate that the oracle must reach."""
REVERSAL = 0.02
"""Largest difference of returns in the wrong order that is accepted at discounts where a success is worth little."""
DISCOUNTS = (1.0, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8)


def check_environment(env_id: str, rows: int = 40, **options: Any) -> None:
    """Run all checks; the slow one, `check_policies`, on every level of the task.

    Parameters
    ----------
    env_id : str
    rows : int
        Number of episodes per policy; fewer for policies that always last to the time limit.
    **options
        Options of ``gym.make``. A source object must not be in use by another environment.

    Raises
    ------
    NeuroMotionError
        If a check fails; the message says which.
    """
    for check in INTERFACE:
        check(env_id, **options)
    for level in levels(env_id):
        check_policies(env_id, rows, **{**options, "level": level})


def levels(env_id: str) -> tuple[str, ...]:
    """Names of the levels of an environment's task."""
    return tuple(task_class(environment(env_id).task).levels)


def check_policies(env_id: str, rows: int = 40, **options: Any) -> None:
    """The oracle succeeds, no policy finds a goal without information, and the reward ranks policies as success does.

    The policies are: the oracle (straight to the goal), the oracle with an operator who pursues another goal, standing
    still, moving away from the goal, and a blind sweep through all labels.
    """
    told = bound_options("oracle", env_id, options)
    oracle = check_oracle(env_id, rows, **options)
    decoy = play(env_id, follow, rows, decoy=True, **told)
    chance = oracle.chance
    most = chance + 3 * np.sqrt(chance * (1 - chance) / rows)
    ask(decoy.right.mean() <= most + 1e-9, f"the scored goal is found in {decoy.right.mean():.2f} of decoy episodes")
    few = max(4, rows // 5)  # the following policies last to the time limit
    still, away, sweep = (play(env_id, act, few, **told) for act in (stand_still, move_away, sweep_labels))
    check_ranking({"the oracle": oracle, "standing still": still, "moving away": away}, oracle)
    check_ranking({"the oracle": oracle, "a blind sweep": sweep}, oracle)
    if decoy.wrong.any():
        check_ranking({"standing still": still, "a wrong selection": decoy.only(decoy.wrong)}, oracle)
    worth = oracle.only(oracle.right).returns(1.0)
    ask(worth.min() >= 0.8, f"a success earns {worth.min():.2f}, not at least 0.8")
    # Apart from what it selects by chance, where to do nothing is a choice too; that share varies between episodes
    idle = still.returns(1.0) - still.right + still.wrong
    off = 0.05 + 3 * idle.std() / np.sqrt(len(idle))
    ask(abs(idle.mean() + 0.2) < off, f"standing still earns {idle.mean():.2f}, not -0.2")


def check_oracle(env_id: str, rows: int = 40, **options: Any) -> Played:
    """Check that the oracle of the decoder succeeds; return its episodes."""
    oracle = play(env_id, follow, rows, **bound_options("oracle", env_id, options))
    ask(oracle.right.mean() >= SUCCESS, f"the oracle succeeds in {oracle.right.mean():.2f} of its episodes")
    return oracle


# -- policies and their rewards -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Played:
    """Results of one episode in every row.

    Parameters
    ----------
    rewards : float array, shape (steps, rows)
        Reward of every control step; 0 after the end of an episode.
    right, wrong : bool array, shape (rows,)
        How each episode ended.
    steps : int array, shape (rows,)
        Number of control steps of each episode.
    people : str array, shape (rows,)
        Who was played in each episode.
    chance : float
        Success of the best policy without information, as the task states it.
    """

    rewards: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    steps: np.ndarray
    people: np.ndarray
    chance: float

    def returns(self, discount: float) -> np.ndarray:
        """Sum of discounted rewards of every row, shape (rows,)."""
        return np.asarray(discount ** np.arange(len(self.rewards)) @ self.rewards)

    def only(self, rows: np.ndarray) -> Played:
        """Results of some of the rows, chosen by a bool array of shape (rows,)."""
        return Played(
            self.rewards[:, rows], self.right[rows], self.wrong[rows], self.steps[rows], self.people[rows], self.chance
        )


def follow(loop: ClosedLoop, step: int) -> np.ndarray:
    """The action that the decoded label asks for."""
    return loop.layout.intents.directions[loop.stream.posterior.argmax(axis=1)]


def stand_still(loop: ClosedLoop, step: int) -> np.ndarray:
    """No movement."""
    return np.zeros((loop.num_rows, loop.parts.drive.action_size))


def move_away(loop: ClosedLoop, step: int) -> np.ndarray:
    """The action of the label that moves the limb most against the decoded one, or least along it if none does.

    None where the decoded label moves nothing.
    """
    drive, sensors = loop.parts.drive, loop.physics.sensors
    decoded = loop.stream.posterior.argmax(axis=1)
    directions, every = loop.layout.intents.directions, np.arange(loop.layout.intents.directions.shape[0])
    effects = np.stack([drive.effect(np.full(loop.num_rows, label), sensors) for label in every], axis=1)
    moves: np.ndarray = np.asarray(effects.any(axis=2))
    rows = np.arange(loop.num_rows)
    along = np.where(moves, (effects @ effects[rows, decoded][:, :, None])[:, :, 0], np.inf)
    return np.where(moves[rows, decoded][:, None], directions[along.argmin(axis=1)], 0.0)


def sweep_labels(loop: ClosedLoop, step: int) -> np.ndarray:
    """One label after the other, each for two dwell times and at least one second, whatever was decoded."""
    labels, each = loop.layout.intents.directions, max(1.0, 2 * loop.layout.dwell_s) / loop.layout.control_s
    return np.broadcast_to(labels[int(step / each) % len(labels)], (loop.num_rows, labels.shape[1]))


def play(
    env_id: str, act: Callable[[ClosedLoop, int], np.ndarray], rows: int, seed: int = 1000, **options: Any
) -> Played:
    """Play one episode in every row of a batch; the policy ``act`` gets the loop and the number of the step."""
    env = NeuroVectorEnv(env_id, rows, threads=1, **options)
    loop = env.loop
    try:
        env.reset(seed=seed)
        people = loop.info()["subject"]
        going = np.ones(rows, dtype=bool)
        right, wrong, steps = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool), np.zeros(rows, dtype=int)
        rewards: list[np.ndarray] = []
        while going.any():  # the time limit ends every episode
            result = loop.step(act(loop, len(rewards)))
            rewards.append(np.where(going, result.reward, 0.0))
            right |= loop.success & going
            wrong |= loop.wrong & going
            steps += going
            ended = result.terminated | result.truncated
            going &= ~ended
            loop.stop(np.flatnonzero(ended))
    finally:
        env.close()
    return Played(np.array(rewards), right, wrong, steps, people, loop.parts.task.facts.chance)


def check_ranking(policies: dict[str, Played], oracle: Played) -> None:
    """Check that each policy earns more on average than the next one, whatever the discount.

    At discounts where a success at the oracle's median time is worth 0.1 or less, a wrong order is accepted if the
    difference is below 0.02.
    """
    median = float(np.median(oracle.steps))
    for discount in DISCOUNTS:
        allowed = 0.0 if discount**median > 0.1 else REVERSAL
        earned = {name: float(played.returns(discount).mean()) for name, played in policies.items()}
        names = list(earned)
        for better, worse in pairwise(names):
            ask(
                earned[better] > earned[worse] - allowed,
                f"at discount {discount:g} {worse} earns {earned[worse]:.3f} and {better} {earned[better]:.3f}",
            )
