"""Checks that every environment must pass, whatever its limb, task and drive; `check_environment` runs all of them.

Use them to test your own limbs, tasks and drives. Each check is a function of the environment's id and the options of
``gym.make``, and raises an error that says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.envs.neuro_env import NeuroEnv
from neuromotion_gym.envs.options import choose_decoder
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment, task_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.decoders.bounds import BoundKind
    from neuromotion_gym.envs.closed_loop import ClosedLoop

ROUNDING = 1e-6
"""Largest difference between the posteriors of a batch and those of a single environment."""
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
    for check in (check_spaces, check_seeds, check_memory, check_rows, check_goal_is_hidden):
        check(env_id, **options)
    for level in levels(env_id):
        check_policies(env_id, rows, **{**options, "level": level})


def levels(env_id: str) -> tuple[str, ...]:
    """Names of the levels of an environment's task."""
    return tuple(task_class(environment(env_id).task).levels)


def check_spaces(env_id: str, steps: int = 30, **options: Any) -> None:
    """Observations lie in the stated space and have the size that the layout states; rewards are finite."""
    env = NeuroEnv(env_id, **options)
    try:
        observation, info = env.reset(seed=0)
        env.action_space.seed(0)
        _ask("about" in info, "the info of a reset lacks 'about'")
        for _ in range(steps):
            _ask(
                env.observation_space.contains(observation),
                f"an observation does not lie in the stated space {env.observation_space}: {observation}",
            )
            if isinstance(observation, np.ndarray) and not env.loop.observe_goal:
                _ask(observation.size == env.layout.size, "the layout says another size than an observation has")
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
            _ask(bool(np.isfinite(reward)), f"a reward is {reward}")
            lacking = [name for name in env.layout.facts.columns if name not in info]
            _ask(not lacking, f"info lacks the task's own figures {', '.join(lacking)}")
            if terminated or truncated:
                observation, info = env.reset()
    finally:
        env.close()


def check_seeds(env_id: str, steps: int = 30, **options: Any) -> None:
    """The same seed and actions give the same observations, rewards and ends; resets have different goals."""
    env = NeuroEnv(env_id, **options)
    try:
        actions = _actions(env, steps)
        one, first = _run(env, actions, 3)
        other, second = _run(env, actions, 3)
        _ask(_same(one, other) and first == second, "the same seed and actions give another trajectory")
        goals = [env.reset()[1]["goal"] for _ in range(8)]
        _ask(any((goal != goals[0]).any() for goal in goals), "eight resets have the same goal")
    finally:
        env.close()


def check_memory(env_id: str, **options: Any) -> None:
    """An observation that was handed out does not change afterwards."""
    env = NeuroEnv(env_id, **options)
    try:
        before, _ = env.reset(seed=0)
        kept = _copy(before)
        for action in _actions(env, 10):
            env.step(action)
        _ask(_same([before], [kept]), "an observation changes after it was handed out")
    finally:
        env.close()


def check_rows(env_id: str, rows: int = 3, steps: int = 60, **options: Any) -> None:
    """A row of a batch equals a single environment bit for bit, except for rounding in what is decoded."""
    batch = NeuroVectorEnv(env_id, rows, threads=2, autoreset_mode="Disabled", **options)
    try:
        actions = np.random.default_rng(0).uniform(-1, 1, (steps, rows, batch.loop.parts.drive.action_size))
        seen, _ = batch.reset(seed=11)
        together = [(_copy(seen), np.zeros(rows), np.zeros(rows, dtype=bool), batch.loop.info())]
        for action in actions:
            seen, reward, terminated, truncated, _ = batch.step(action)
            together.append((_copy(seen), reward, terminated | truncated, batch.loop.info()))
            if together[-1][2].any():
                break
    finally:
        batch.close()
    for row in range(rows):
        env = NeuroEnv(env_id, **options)
        try:
            seen, info = env.reset(seed=11 + row)
            earned, over = 0.0, False
            for step, (observations, rewards, ends, infos) in enumerate(together):
                if step:
                    seen, earned, stopped, cut, info = env.step(actions[step - 1][row])
                    over = stopped or cut
                where = f"row {row} of a batch differs from a single environment in step {step}"
                _ask(_near(observations, seen, row), f"{where}: its observation")
                _ask((earned, over) == (rewards[row], ends[row]), f"{where}: its reward or end")
                for key, values in infos.items():
                    _ask(bool(np.all(values[row] == info[key])), f"{where}: its info {key!r}")
        finally:
            env.close()


def check_goal_is_hidden(env_id: str, steps: int = 40, **options: Any) -> None:
    """With the labels shuffled, nothing that an agent sees depends on the goal."""
    env = NeuroEnv(env_id, **_bound("shuffled", env_id, options))
    try:
        goals = _two_goals(env.loop)
        actions = _actions(env, steps)
        one, other = (_run(env, actions, 5, goal)[0] for goal in goals)
        length = min(len(one), len(other))  # an episode may end at its goal
        _ask(length > 1 and _same(one[:length], other[:length]), "under 'shuffled' an observation depends on the goal")
    finally:
        env.close()


def check_policies(env_id: str, rows: int = 40, **options: Any) -> None:
    """The oracle succeeds, no policy finds a goal without information, and the reward ranks policies as success does.

    The policies are: the oracle (straight to the goal), the oracle with an operator who pursues another goal, standing
    still, moving away from the goal, and a blind sweep through all labels.
    """
    told = _bound("oracle", env_id, options)
    oracle = check_oracle(env_id, rows, **options)
    decoy = play(env_id, follow, rows, decoy=True, **told)
    chance = oracle.chance
    most = chance + 3 * np.sqrt(chance * (1 - chance) / rows)
    _ask(decoy.right.mean() <= most + 1e-9, f"the scored goal is found in {decoy.right.mean():.2f} of decoy episodes")
    few = max(4, rows // 5)  # the following policies last to the time limit
    still, away, sweep = (play(env_id, act, few, **told) for act in (stand_still, move_away, sweep_labels))
    check_ranking({"the oracle": oracle, "standing still": still, "moving away": away}, oracle)
    check_ranking({"the oracle": oracle, "a blind sweep": sweep}, oracle)
    if decoy.wrong.any():
        check_ranking({"standing still": still, "a wrong selection": decoy.only(decoy.wrong)}, oracle)
    worth = oracle.only(oracle.right).returns(1.0)
    _ask(worth.min() >= 0.8, f"a success earns {worth.min():.2f}, not at least 0.8")
    _ask(abs(still.returns(1.0).mean() + 0.2) < 0.05, f"standing still earns {still.returns(1.0).mean():.2f}, not -0.2")


def check_oracle(env_id: str, rows: int = 40, **options: Any) -> Played:
    """Check that the oracle of the decoder succeeds; return its episodes."""
    oracle = play(env_id, follow, rows, **_bound("oracle", env_id, options))
    _ask(oracle.right.mean() >= SUCCESS, f"the oracle succeeds in {oracle.right.mean():.2f} of its episodes")
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
    """The action of the label that moves the limb most against the decoded one; none if no label does."""
    drive, sensors = loop.parts.drive, loop.physics.sensors
    decoded = loop.stream.posterior.argmax(axis=1)
    directions, every = loop.layout.intents.directions, np.arange(loop.layout.intents.directions.shape[0])
    effects = np.stack([drive.effect(np.full(loop.num_rows, label), sensors) for label in every], axis=1)
    along = (effects @ effects[np.arange(loop.num_rows), decoded][:, :, None])[:, :, 0]
    return np.where(along.min(axis=1, keepdims=True) < 0, directions[along.argmin(axis=1)], 0.0)


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
            going &= ~(result.terminated | result.truncated)
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
            _ask(
                earned[better] > earned[worse] - allowed,
                f"at discount {discount:g} {worse} earns {earned[worse]:.3f} and {better} {earned[better]:.3f}",
            )


# -- helpers --------------------------------------------------------------------------------------------------------


def _ask(holds: bool, fault: str) -> None:
    if not holds:
        raise NeuroMotionError(f"Environment check: {fault}.")


def _actions(env: NeuroEnv, steps: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (steps, env.loop.parts.drive.action_size)).astype(np.float32)


def _run(env: NeuroEnv, actions: np.ndarray, seed: int, goal: np.ndarray | None = None) -> tuple[list[Any], list[Any]]:
    """Copies of the observations of one episode, and its rewards and ends."""
    observation, _ = env.reset(seed=seed, options=None if goal is None else {"goal": goal})
    seen, earned = [_copy(observation)], []
    for action in actions:
        observation, *rest = env.step(action)
        seen.append(_copy(observation))
        earned.append(tuple(rest[:3]))
        if rest[1] or rest[2]:
            break
    return seen, earned


def _copy(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: value.copy() for key, value in observation.items()}
    return observation.copy()


def _same(one: list[Any], other: list[Any]) -> bool:
    def equal(left: Any, right: Any) -> bool:
        if isinstance(left, dict):
            return all(np.array_equal(left[key], right[key]) for key in left)
        return np.array_equal(left, right)

    return len(one) == len(other) and all(map(equal, one, other))


def _near(batch: Any, single: Any, row: int) -> bool:
    if isinstance(batch, dict):
        return all(np.array_equal(batch[key][row], single[key]) for key in batch)
    return bool(np.abs(batch[row] - single).max() <= ROUNDING)


def _bound(kind: BoundKind, env_id: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options, with their decoder replaced by its bound ``kind``."""
    decoder = choose_decoder(options.get("decoder"), environment(env_id).decoder)
    inner = decoder.inner if isinstance(decoder, BoundDecoder) else decoder
    return {**options, "decoder": BoundDecoder(kind, inner)}


def _two_goals(loop: ClosedLoop) -> tuple[np.ndarray, np.ndarray]:
    """Two goals far from each other."""
    goals = loop.layout.facts.goals.spread(0.5, 64)
    return goals[0], goals[int(np.abs(goals - goals[0]).max(axis=1).argmax())]
