"""Learning: it works where the goal is seen, finds nothing where nothing is heard, and goes on after a stop."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from gymnasium.spaces import Box
from loop import emg_layout, make_layout
from stable_baselines3.common.vec_env import VecEnv

from neuromotion_gym.controllers import make_controller
from neuromotion_gym.controllers.export import TOLERANCE, largest_difference
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.controllers.learned import read_policy
from neuromotion_gym.controllers.sb3 import DecisionEnv, Joined, Mirrored, symmetries
from neuromotion_gym.controllers.training import CHECKPOINT, Setup, Training
from neuromotion_gym.envs.sb3 import make_sb3
from neuromotion_gym.errors import NeuroMotionError

SMALL = {
    "decoder": "eeg_fists",
    "level": "easy",
    "n_envs": 32,
    "repeat": 10,
    "rollout": 32,
    "batch_size": 128,
    "epochs": 10,
    "layers": (32,),
    "learning_rate": 2e-3,
    "log_std": -1.0,
    "blind": True,  # no window is decoded, which is most of the time
}
UPDATE = 32 * 32 * 10
TINY = {**SMALL, "n_envs": 4, "rollout": 8, "batch_size": 32}
TINY_UPDATE = 4 * 8 * 10


def last_updates(updates, kept, **options):
    """Episodes and successes of the last ``kept`` of ``updates``."""
    training = Training(Setup(**SMALL, steps=20 * UPDATE, **options))
    try:
        entries = [training.update() for _ in range(updates)][-kept:]
    finally:
        training.close()
    episodes = np.array([entry["episodes"] for entry in entries])
    won = np.array([entry["success"] for entry in entries])
    return episodes.sum(), np.nansum(won * episodes)


@pytest.mark.slow
def test_learns_where_it_sees_the_goal():
    """An untrained policy selects the right one of the two postures in a quarter of its episodes."""
    episodes, won = last_updates(6, 2, observe_goal=True)
    assert episodes >= 60
    assert won / episodes >= 0.95


@pytest.mark.slow
def test_stays_at_chance_where_it_hears_nothing():
    """Should this fail, something tells the goal: a defect of the environment, not of the training."""
    episodes, won = last_updates(6, 4)
    assert episodes >= 60
    assert won / episodes <= 0.5 + 3 * np.sqrt(0.25 / episodes)


def test_goes_on_from_a_checkpoint(tmp_path):
    setup = Setup(**TINY, steps=4 * TINY_UPDATE)
    training = Training(setup)
    training.update()
    training.update()
    training.save(tmp_path / CHECKPOINT)
    training.close()
    again = Training(setup)
    again.load(tmp_path / CHECKPOINT)
    assert again.steps == 2 * TINY_UPDATE
    assert len(again.curve) == 2
    for name, value in training.model.policy.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), again.model.policy.state_dict()[name].numpy())
    moments = [each.model.policy.optimizer.state_dict()["state"][0]["exp_avg"] for each in (training, again)]
    np.testing.assert_array_equal(*(moment.numpy() for moment in moments))
    told = []
    again.run(tmp_path, told.append)
    assert again.done
    assert [entry["steps"] for entry in again.curve] == [TINY_UPDATE * number for number in (1, 2, 3, 4)]
    assert len(told) == 2
    again.close()
    last = Training(setup)
    last.load(tmp_path / CHECKPOINT)
    assert last.done
    last.close()


def test_refuses_a_checkpoint_of_something_else(tmp_path):
    path = tmp_path / CHECKPOINT
    training = Training(Setup(**TINY, steps=TINY_UPDATE))
    training.save(path)
    other = Training(Setup(**{**TINY, "seed": 1}, steps=5 * TINY_UPDATE))
    with pytest.raises(NeuroMotionError, match=r"of another training \(seed differ\)"):
        other.load(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(NeuroMotionError, match="is no checkpoint of a training"):
        training.load(path)
    with pytest.raises(NeuroMotionError, match="cannot be written"):
        training.save(tmp_path / "nowhere" / CHECKPOINT)
    assert sorted(each.name for each in tmp_path.iterdir()) == [CHECKPOINT]
    training.close()
    other.close()


def test_exported_policies_act_as_torch_does_and_say_where_they_come_from(tmp_path):
    training = Training(Setup(**TINY, steps=TINY_UPDATE))
    training.update()
    path = tmp_path / "policy.onnx"
    assert training.export(path) <= TOLERANCE
    assert largest_difference(training.model.policy, path) <= TOLERANCE
    spec = read_policy(path)[1]
    assert spec == training.spec()
    assert spec.training.steps == TINY_UPDATE
    assert spec.training.blind
    assert len(spec.training.subjects) > 1
    assert str(tmp_path).encode() not in path.read_bytes()
    with pytest.raises(NeuroMotionError, match="cannot be written"):
        training.export(tmp_path / "nowhere" / "policy.onnx")
    training.close()


def test_a_policy_plays_as_it_was_trained(tmp_path):
    """The same batch, once through the training's features and torch, once through `Learned`: the same actions."""
    training = Training(Setup(**{**TINY, "mirror": False}, steps=TINY_UPDATE))
    training.update()
    training.export(tmp_path / "policy.onnx")
    envs = [make_sb3("NeuroArm-v0", 3, decoder="blind:eeg_fists", level="easy") for _ in range(2)]
    for env in envs:
        env.seed(5)
    decisions = DecisionEnv(envs[0], training.history, 10, 0.998)
    controller = make_controller(f"learned:{tmp_path / 'policy.onnx'}", envs[1].layout)
    features, observation, state = decisions.reset(), envs[1].reset(), None
    for _ in range(6):
        action, _ = training.model.predict(features, deterministic=True)
        features, *_ = decisions.step(action)
        for _ in range(10):
            played, state = controller.predict(observation, state)
            np.testing.assert_allclose(played, action, atol=1e-5)
            observation, *_ = envs[1].step(played)
    np.testing.assert_allclose(features[:, : training.layout.size - 1][:, :1], observation[:, :1], atol=1e-5)
    for each in (training, decisions, envs[1]):
        each.close()


class Counting(VecEnv):
    """Rows that count their control steps; row ``i`` ends every ``ends[i]`` steps. The reward is 1 a step."""

    def __init__(self, layout, ends):
        self.layout, self.ends, self.seen = layout, np.array(ends), []
        super().__init__(len(ends), Box(-np.inf, np.inf, (layout.size,), np.float32), Box(-1, 1, (1,), np.float32))

    def _observation(self):
        seen = np.zeros((self.num_envs, self.layout.size), dtype=np.float32)
        seen[:, 0] = self.count
        seen[:, self.layout.posterior] = [0.2, 0.3, 0.5]
        return seen

    def reset(self):
        self.count = np.zeros(self.num_envs, dtype=int)
        return self._observation()

    def step_async(self, actions):
        self.seen.append(actions.copy())

    def step_wait(self):
        self.count += 1
        done = self.count >= self.ends
        infos = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(done):
            infos[row] = {
                "is_success": True,
                "terminal_observation": self._observation()[row],
                "TimeLimit.truncated": True,
            }
        self.count[done] = 0
        return self._observation(), np.ones(self.num_envs, dtype=np.float32), done, infos

    def close(self):
        pass

    def get_attr(self, attr_name, indices=None):
        return [getattr(self, attr_name, None) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name, value, indices=None):
        pass

    def env_method(self, method_name, *args, indices=None, **options):
        return [None for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False for _ in self._get_indices(indices)]


def test_a_decision_is_several_steps_and_ends_with_its_episode():
    layout = make_layout()
    inner = Counting(layout, [100, 6])
    env = DecisionEnv(inner, History(layout, HistorySpec()), 4, 0.5)
    env.reset()
    features, reward, done, infos = env.step(np.ones((2, 1), dtype=np.float32))
    np.testing.assert_allclose(reward, 1 + 0.5 + 0.25 + 0.125)
    assert not done.any()
    features, reward, done, infos = env.step(np.ones((2, 1), dtype=np.float32))
    np.testing.assert_allclose(reward, [1.875, 1.5])
    np.testing.assert_array_equal(done, [False, True])
    assert infos == [{}, {"is_success": True}]  # a time limit ends an episode: nothing is bootstrapped
    np.testing.assert_array_equal(np.array(inner.seen)[4:, 1, 0], [1, 1, 0, 0])
    np.testing.assert_array_equal(features[:, 0], [8, 2])
    clock = layout.size
    np.testing.assert_allclose(features[:, clock] * layout.time_limit_s / layout.control_s, [8, 2], rtol=1e-5)


def test_joined_batches_are_one():
    layout = make_layout()
    parts = [Counting(layout, [3]), Counting(layout, [5, 2])]
    env = Joined(parts)
    assert env.num_envs == 3
    env.reset()
    env.step(np.array([[1.0], [2.0], [3.0]]))
    observation, _, done, _ = env.step(np.array([[4.0], [5.0], [6.0]]))
    np.testing.assert_array_equal(observation[:, 0], [2, 2, 0])
    np.testing.assert_array_equal(done, [False, False, True])
    np.testing.assert_array_equal(parts[1].seen[1][:, 0], [5, 6])
    with pytest.raises(NeuroMotionError, match="same observations"):
        Joined([parts[0], Counting(emg_layout(), [1])])


@pytest.mark.parametrize(("layout", "count"), [(make_layout(), 2), (emg_layout(effort=True), 48)])
def test_symmetries_turn_positions_and_what_labels_ask_for_alike(layout, count):
    axes = len(layout.intents.axes)
    sources, signs = symmetries(layout, layout.size + axes)
    assert len(sources) == count
    assert len({(*source, *sign) for source, sign in zip(sources.tolist(), signs.tolist(), strict=True)}) == count
    np.testing.assert_array_equal(sources[0], np.arange(layout.size + axes))
    np.testing.assert_array_equal(signs[0], 1)
    seen = np.random.default_rng(0).normal(size=layout.size + axes)
    asked = seen[layout.posterior] @ layout.intents.directions
    for source, sign in zip(sources, signs, strict=True):
        shown = seen[source] * sign
        np.testing.assert_allclose(
            shown[layout.posterior] @ layout.intents.directions, (asked[source[:axes]] * sign[:axes])
        )
        np.testing.assert_allclose(shown[-axes:], seen[layout.size :][source[:axes]] * sign[:axes])
        if layout.effort:
            assert shown[layout.size - 1] == seen[layout.size - 1]


def test_an_action_moves_the_axis_that_was_shown():
    inner = make_sb3("NeuroArm-v0", 16, decoder="blind:emg_armband", level="standard")
    env = Mirrored(inner, inner.layout, seed=0)
    before = env.reset()
    actions = np.tile(np.array([1.0, -0.5, 0.0], dtype=np.float32), (16, 1))
    for _ in range(10):
        after, *_ = env.step(actions)
    moved = (after - before)[:, :3]
    np.testing.assert_allclose(moved, np.tile([0.15, -0.075, 0.0], (16, 1)), atol=0.03)
    real = inner.env.loop.physics.position
    assert np.abs(real - after[:, :3]).max() > 0.1  # some rows are turned
    env.close()
