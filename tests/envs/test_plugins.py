"""A task that is no posture held still, and a drive with more actions than axes, brought in from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym import registration
from neuromotion_gym.envs import NeuroEnv, checks
from neuromotion_gym.envs import interface_checks as interface
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs import SetPointDrive
from neuromotion_gym.registration import Environment, register_drive, register_environment, register_task
from neuromotion_gym.tasks import GoalSpace, Outcome, TaskFacts

from .conftest import SIX, make_decoder, noise_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs import Drive, Limb
    from neuromotion_gym.tasks import Timing

ENV_ID, LEVEL = "NeuroPinch-v0", "only"
AXIS = "grip"


class WithOneAxis:
    """Set points of all degrees that the labels move, while error is measured along one of them."""

    steady, lag_s, position_bound, velocity_bound = True, 0.0, 2.0, 10.0

    def __init__(self, limb: Limb, intents: IntentMap, axes: tuple[str, ...], speed: float, control_s: float) -> None:
        self.inner = SetPointDrive(limb, intents, intents.axes, speed, control_s)
        self.action_size, self.columns, self.speed = len(intents.axes), intents.axes, speed
        self._axes = [intents.axes.index(axis) for axis in axes]
        self.start, self.control, self.motion = self.inner.start, self.inner.control, self.inner.motion

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        posture = np.zeros((len(rows), self.action_size))
        posture[:, self._axes] = places
        return self.inner.reset(rows, posture)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        return self.inner.effect(labels, sensors)[..., self._axes]


class Touch:
    """Reach one of two places along one axis; passing it is enough, and the wrong one does nothing but count."""

    levels = (LEVEL,)
    axes = (AXIS,)

    def __init__(self, limb: Limb, drive: Drive, control_s: float, reach: float) -> None:
        self.limb, self.drive, self.options = limb, drive, {"reach": reach}
        goals = GoalSpace(1, np.array([[-reach], [reach]]))
        self.facts = TaskFacts(LEVEL, goals, 0.1, 0.5, 15.0, 0.5, 2.0, columns=("touched_wrong",))
        self._cost = control_s / self.facts.time_limit_s

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[[tuple[str, ...], float], Drive],
        timing: Timing,
        *,
        reach: float = 0.5,
    ) -> Touch:
        if level != LEVEL:
            raise NeuroMotionError(f"There is one level, {LEVEL!r}, and not {level!r}.")
        return cls(limb, drive(cls.axes, 0.3), timing.control_s, reach)

    def start(self, num_rows: int) -> None:
        self.goal, self.decoy, self._touched = np.zeros((num_rows, 1)), np.zeros((num_rows, 1)), np.zeros(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        places = np.array([generator.uniform(-0.1, 0.1, 1) for generator in generators])
        for row, generator in zip(rows, generators, strict=True):
            self.goal[row], self.decoy[row] = (self.facts.goals.draw(generator) for _ in range(2))
        if goals is not None:
            self.goal[rows] = goals
        self._touched[rows] = 0
        return self.drive.reset(rows, places)

    def step(self, sensors: np.ndarray) -> Outcome:
        place = self.limb.positions(sensors, self.axes)
        right = (np.abs(place - self.goal) <= self.facts.tolerance)[:, 0]
        wrong = (np.abs(place + self.goal) <= self.facts.tolerance)[:, 0]
        self._touched += wrong
        return Outcome(right - self._cost, right, wrong, right, {"touched_wrong": self._touched})

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        return (self.decoy if decoy else self.goal) - self.limb.positions(sensors, self.axes)

    def ghost(self, row: int) -> None:
        return None


@pytest.fixture(autouse=True)
def pinch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for table in ("ENVIRONMENTS", "TASKS", "DRIVES"):
        monkeypatch.setattr(registration, table, dict(getattr(registration, table)))
    register_task("touch", Touch)
    register_drive("with_one_axis", WithOneAxis)
    row = Environment("arm", "touch", "emg_armband", "touch one of two places", drive="with_one_axis")
    register_environment(ENV_ID, row)
    yield
    gym.registry.pop(ENV_ID, None)


def noise(**changes: Any) -> dict[str, Any]:
    decoder = make_decoder(SIX)
    return {"decoder": decoder, "source": noise_source(decoder.spec), "level": LEVEL, **changes}


def test_it_passes_the_checks_of_every_environment() -> None:
    assert checks.levels(ENV_ID) == (LEVEL,)
    for check in (interface.check_spaces, interface.check_seeds, interface.check_goal_is_hidden, interface.check_rows):
        check(ENV_ID, **noise())
    checks.check_oracle(ENV_ID, 12, **noise())


def test_gymnasium_makes_it() -> None:
    env = gym.make(ENV_ID, level=LEVEL, observe_goal=True)
    observation, info = env.reset(seed=0)
    assert env.action_space.shape == (3,)
    assert observation.shape == (env.unwrapped.layout.size + 1,)
    assert info["about"]["reach"] == 0.5
    env.close()


def test_its_own_figures_stand_in_the_info_and_begin_anew_with_an_episode() -> None:
    env = NeuroEnv(ENV_ID, **noise())
    env.reset(seed=0, options={"goal": [0.5]})
    closing = -env.layout.intents.directions[env.layout.intents.labels.index("hand_close")]
    for _ in range(60):
        *_, info = env.step(closing)
    assert info["touched_wrong"] > 3
    assert not info["is_success"]
    assert env.loop.position.shape == (1, 1)
    _, info = env.reset()
    assert info["touched_wrong"] == 0


def test_its_options_are_options_of_make() -> None:
    env = NeuroEnv(ENV_ID, **noise(reach=0.7))
    assert abs(env.reset(seed=0)[1]["goal"][0]) == 0.7
    with pytest.raises(NeuroMotionError, match="'wrong_selection'.*reach"):
        NeuroEnv(ENV_ID, **noise(wrong_selection="end"))
    with pytest.raises(NeuroMotionError, match="one level, 'only'"):
        NeuroEnv(ENV_ID, **noise(level="easy"))


def test_set_points_refuse_axes_that_the_labels_do_not_move() -> None:
    register_environment("NeuroOther-v0", Environment("arm", "touch", "emg_armband", "set points"))
    with pytest.raises(NeuroMotionError, match="needs another drive"):
        NeuroEnv("NeuroOther-v0", **noise())
    gym.registry.pop("NeuroOther-v0")


@pytest.mark.parametrize("register", [register_task, register_drive])
def test_a_name_is_given_once(register: Callable[[str, Any], None]) -> None:
    register("mine", Touch)
    register("mine", Touch)
    with pytest.raises(NeuroMotionError, match="There already is a"):
        register("mine", WithOneAxis)


def test_an_id_is_given_once() -> None:
    with pytest.raises(NeuroMotionError, match="already is an environment"):
        register_environment(ENV_ID, Environment("arm", "posture", "emg_armband", "another one"))


@pytest.mark.parametrize(("kind", "ask"), [("task", registration.task_class), ("drive", registration.drive_class)])
def test_an_unknown_name_lists_those_there_are(kind: str, ask: Callable[[str], Any]) -> None:
    with pytest.raises(NeuroMotionError, match=f"No {kind} is called 'nothing'. There are: "):
        ask("nothing")
