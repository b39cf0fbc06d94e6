"""Training: a policy learns where it sees the goal, stays at chance without the decoder, and goes on after a stop."""

import math
import time
from dataclasses import replace
from itertools import permutations, product
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from gymnasium.spaces import Box
from loop import emg_layout, make_layout
from stable_baselines3.common.vec_env import VecEnv

from neuromotion_gym import ENVIRONMENTS
from neuromotion_gym.controllers import check_controller, make_controller
from neuromotion_gym.controllers.checks import random_observations
from neuromotion_gym.controllers.export import TOLERANCE, export_policy, largest_difference
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.controllers.learned import Learned, LearnedSpec, TrainingRecord, facts, read_policy
from neuromotion_gym.controllers.sb3 import LIMIT, DecisionEnv, Joined, Mirrored, symmetries
from neuromotion_gym.controllers.training import CHECKPOINT, Setup, Training
from neuromotion_gym.decoders import load_decoder
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
TINY = {**SMALL, "n_envs": 4, "rollout": 8, "batch_size": 32}
TINY_UPDATE = 4 * 8 * 10


QUICK = {**SMALL, "n_envs": 16, "rollout": 16, "batch_size": 64}
QUICK_UPDATE = 16 * 16 * 10


@pytest.fixture(scope="module")
def grip(tmp_path_factory):
    """Folder of a decoder with a short window and one axis: its episodes last a third of those of the EEG decoder."""
    import yaml
    from onnx import TensorProto, helper

    facts = {
        "name": "grip",
        "modality": "emg",
        "dataset": "myo_armband",
        "labels": ["neutral", "hand_close", "hand_open"],
        "channels": ["emg_1", "emg_2", "emg_3"],
        "rate_hz": 200.0,
        "unit": "count",
        "window": 40,
        "hop_s": 0.05,
        "output": "logits",
    }
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["window", "axis"], ["logits"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", 3, 40])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    folder = tmp_path_factory.mktemp("grip")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"decoder": facts}), encoding="utf-8")
    return str(folder)


def last_updates(updates, kept, **options):
    """Episodes and successes of the last ``kept`` of ``updates``."""
    training = Training(Setup(**{**QUICK, **options}, steps=20 * QUICK_UPDATE))
    try:
        entries = [training.update() for _ in range(updates)][-kept:]
    finally:
        training.close()
    episodes = np.array([entry["episodes"] for entry in entries])
    won = np.array([entry["success"] for entry in entries])
    return episodes.sum(), np.nansum(won * episodes)


@pytest.mark.slow
def test_learns_where_it_sees_the_goal(grip):
    """An untrained policy seldom selects the right one of the two postures."""
    episodes, won = last_updates(7, 3, decoder=grip, observe_goal=True)
    assert episodes >= 60
    assert won / episodes >= 0.95


@pytest.mark.slow
def test_stays_at_chance_with_a_silenced_decoder(grip):
    """If this fails, something in the environment tells the goal; the training is not to blame."""
    episodes, won = last_updates(7, 5, decoder=grip)
    assert episodes >= 25, "how many end depends on what is learned, and that on the rounding of the machine"
    assert won / episodes <= 0.5 + 3 * np.sqrt(0.25 / episodes)


def test_the_discount_is_that_of_the_learner_and_of_a_control_step(recwarn):
    """A decision counts for as many control steps as it lasts; the environment's reward has no discount to be told."""
    training = Training(Setup(**{**TINY, "repeat": 3}, discount=0.9, mirror=False))
    decisions = training.model.env
    training.close()
    assert training.model.gamma == pytest.approx(0.9**3)
    assert decisions.discount == 0.9
    assert not [warning for warning in recwarn if "discount" in str(warning.message)]


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
    with pytest.raises(NeuroMotionError, match=r"belongs to another training \(seed differ\)"):
        other.load(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(NeuroMotionError, match="is not a checkpoint of a training"):
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
    assert spec.training.dataset == load_decoder(TINY["decoder"]).spec.dataset
    assert str(tmp_path).encode() not in path.read_bytes()
    with pytest.raises(NeuroMotionError, match="cannot be written"):
        training.export(tmp_path / "nowhere" / "policy.onnx")
    training.close()


def test_decoder_and_level_are_those_of_the_environment_where_none_is_named():
    row = ENVIRONMENTS[Setup().environment]
    training = Training(Setup(n_envs=1, rollout=2, batch_size=2))
    layout, spec = training.layout, training.spec()
    training.close()
    plain = make_sb3(Setup().environment, 1)
    assert spec.decoder == row.decoder
    assert spec.level == plain.layout.facts.level == layout.facts.level
    assert layout.speed == plain.layout.speed
    plain.close()
    with pytest.raises(NeuroMotionError, match="level 'impossible'"):
        Training(Setup(level="impossible"))


def test_options_of_the_task_reach_the_environment_and_the_policy_tells_them():
    kind = {"n_envs": 1, "rollout": 2, "batch_size": 2}
    plain, other = Training(Setup(**kind)), Training(Setup(**kind, task={"wrong_selection": "ignore"}))
    try:
        assert plain.layout.facts.ends != other.layout.facts.ends
        assert plain.spec().training.task == {}
        assert other.spec().training.task == {"wrong_selection": "ignore"}
    finally:
        plain.close()
        other.close()
    with pytest.raises(NeuroMotionError, match=r"part, source belongs to the training"):
        Training(Setup(**kind, task={"part": "test", "source": "replay"}))


def test_begins_with_the_weights_of_another_training_and_its_own_noise(tmp_path):
    first = Training(Setup(**TINY, steps=2 * TINY_UPDATE, task={"wrong_selection": "ignore"}))
    first.update()
    first.save(tmp_path / CHECKPOINT)
    first.close()
    second = Training(Setup(**{**TINY, "log_std": -1.5}, steps=TINY_UPDATE))
    second.begin_with(tmp_path / CHECKPOINT)
    assert second.steps == 0
    ours, theirs = second.model.policy.state_dict(), first.model.policy.state_dict()
    np.testing.assert_allclose(ours.pop("log_std").numpy(), -1.5)
    for name, value in ours.items():
        np.testing.assert_array_equal(value.numpy(), theirs[name].numpy())
    second.save(tmp_path / "second.pt")
    again = Training(second.setup)
    again.load(tmp_path / "second.pt")
    for training in (second, again):
        before = training.spec().training.before
        assert (before.steps, before.task) == (TINY_UPDATE, {"wrong_selection": "ignore"})
    third = Training(second.setup)
    third.begin_with(tmp_path / "second.pt")
    assert third.before.before == second.before
    other = Training(Setup(**{**TINY, "layers": (8,)}, steps=TINY_UPDATE))
    with pytest.raises(NeuroMotionError, match="does not fit this training"):
        other.begin_with(tmp_path / CHECKPOINT)
    heard = Training(Setup(**{**TINY, "blind": False}, steps=TINY_UPDATE))
    with pytest.raises(NeuroMotionError, match=r"trained with other signals \(blind differ\)"):
        heard.begin_with(tmp_path / CHECKPOINT)
    for training in (second, again, third, other, heard):
        training.close()


def recurrent_policy(size, axes, layers=1, seed=0):
    """An untrained actor of sb3-contrib's RecurrentPPO whose weights are large enough to differ from step to step."""
    import torch
    from sb3_contrib.ppo_recurrent.policies import MlpLstmPolicy

    torch.manual_seed(seed)
    box = Box(-np.inf, np.inf, (size,), np.float32)
    policy = MlpLstmPolicy(
        box,
        Box(-1, 1, (axes,), np.float32),
        lambda _: 1e-3,
        net_arch=[16],
        lstm_hidden_size=24,
        n_lstm_layers=layers,
    )
    with torch.no_grad():
        for name, value in policy.named_parameters():
            if name.startswith(("lstm_actor", "mlp_extractor", "action_net")):
                value.copy_(0.6 * torch.randn_like(value))
    return policy


def recurrent_spec(layout, repeat):
    record = TrainingRecord(
        algorithm="RecurrentPPO",
        seed=0,
        steps=0,
        source="surrogate",
        part="tune",
        subjects=("Ann",),
        unseen=False,
        blind=False,
        discount=0.99,
        library="0",
    )
    return LearnedSpec(
        environment="NeuroArm-v0",
        level="standard",
        decoder="coin",
        **facts(layout),
        observe_goal=False,
        repeat=repeat,
        history=HistorySpec(),
        std=(0.5,) * len(layout.intents.axes),
        training=record,
    )


@pytest.mark.parametrize("layers", [1, 2])
def test_a_recurrent_policy_acts_as_torch_does_over_whole_episodes(tmp_path, layers):
    """Rows of one batch begin new episodes at different times; torch is told so, and `Learned` clears their states."""
    import torch

    pytest.importorskip("sb3_contrib")
    layout = emg_layout(effort=True)
    history = History(layout, HistorySpec())
    policy = recurrent_policy(history.size, 3, layers)
    path = tmp_path / "recurrent.onnx"
    assert export_policy(policy, recurrent_spec(layout, repeat=1), path) <= TOLERANCE
    assert str(tmp_path).encode() not in path.read_bytes()
    check_controller(f"learned:{path}", layout, reaches=0)
    controller, rows = Learned(layout, path), 4
    state = memory = None
    hidden = (torch.zeros(layers, rows, 24), torch.zeros(layers, rows, 24))
    actions = []
    for step in range(30):
        seen = random_observations(layout, rows, step)
        start = np.array([step in (0, 11), step == 0, step in (0, 20), step in (0, 11)])
        features, memory = history.step(seen, memory, start)
        with torch.no_grad():
            starts = torch.from_numpy(start.astype(np.float32))
            distribution, hidden = policy.get_distribution(torch.from_numpy(features), hidden, starts)
        action, state = controller.predict(seen, state, start)
        expected = np.clip(distribution.distribution.mean.numpy(), -1, 1)
        np.testing.assert_allclose(action, expected, atol=TOLERANCE)
        actions.append(action)
    assert np.ptp(actions, axis=0).min() > 0.1


def test_the_state_of_a_recurrent_policy_counts_decisions_not_steps(tmp_path):
    pytest.importorskip("sb3_contrib")
    layout = emg_layout(effort=True)
    policy = recurrent_policy(History(layout, HistorySpec()).size, 3)
    path = tmp_path / "recurrent.onnx"
    export_policy(policy, recurrent_spec(layout, repeat=5), path)
    controller, state, states = Learned(layout, path), None, []
    for step in range(11):
        _, state = controller.predict(random_observations(layout, 2, step), state)
        states.append(state[-3].copy())
    changed = [step for step in range(1, 11) if (states[step] != states[step - 1]).any()]
    assert changed == [5, 10]


def test_a_state_that_is_never_given_back_is_refused(tmp_path):
    """A graph with the input ``state_0`` and without the output ``next_state_0``."""
    import onnx

    pytest.importorskip("sb3_contrib")
    layout = emg_layout(effort=True)
    path = tmp_path / "recurrent.onnx"
    export_policy(recurrent_policy(History(layout, HistorySpec()).size, 3), recurrent_spec(layout, repeat=5), path)
    model = onnx.load(path)
    for output in list(model.graph.output):
        if output.name == "next_state_0":
            model.graph.output.remove(output)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NeuroMotionError, match="the outputs of this policy are 'action' of"):
        Learned(layout, path)


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
def test_symmetries_change_positions_and_what_labels_ask_for_in_the_same_way(layout, count):
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


def listed(layout, size):
    """Every exchange and reversal of the axes, tried one by one: what the symmetries were until they were bounded."""
    directions = np.asarray(layout.intents.directions)
    axes = directions.shape[1]
    sources, signs = [], []
    for order in permutations(range(axes)):
        for turn in product((1, -1), repeat=axes):
            matches = (directions[:, order] * turn == directions[:, None, :]).all(axis=2)
            if (matches.sum(axis=0) == 1).all() and (matches.sum(axis=1) == 1).all():
                shown = matches.argmax(axis=1)
                effort = [layout.size - 1] if layout.effort else []
                sources.append([*order, *(axes + axis for axis in order), *(2 * axes + shown), *effort])
                signs.append([*turn, *turn, *([1] * (len(directions) + layout.effort))])
    return np.array(sources), np.array(signs, dtype=np.float32)


@pytest.mark.parametrize("layout", [make_layout(), emg_layout(effort=True)], ids=["eeg", "emg"])
def test_few_symmetries_are_all_found_in_order(layout):
    for found, expected in zip(symmetries(layout, layout.size), listed(layout, layout.size), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def with_directions(directions, candidates=None):
    """As much of a layout as symmetries need."""
    labels, axes = np.shape(directions)
    return SimpleNamespace(
        intents=SimpleNamespace(directions=np.asarray(directions, dtype=float)),
        candidates=candidates,
        effort=False,
        size=2 * axes + labels,
    )


def test_many_symmetries_are_drawn_quickly_and_evenly():
    axes = 10
    layout = with_directions(np.concatenate([np.eye(axes), -np.eye(axes), np.zeros((1, axes))]))
    began = time.process_time()
    sources, signs = symmetries(layout, layout.size)
    assert time.process_time() - began < 1
    assert len(sources) == LIMIT < 2**axes * math.factorial(axes)
    assert len({(*source, *sign) for source, sign in zip(sources.tolist(), signs.tolist(), strict=True)}) == LIMIT
    np.testing.assert_array_equal(sources[0], np.arange(layout.size))
    np.testing.assert_array_equal(signs[0], 1)
    labels = slice(2 * axes, None)
    for source, sign in zip(sources, signs, strict=True):
        directions = layout.intents.directions
        np.testing.assert_array_equal(directions[source[labels] - 2 * axes][:, source[:axes]] * sign[:axes], directions)
    first = np.bincount(sources[:, 0], minlength=axes) / LIMIT
    assert np.abs(first - 1 / axes).max() < 4 * np.sqrt(0.1 * 0.9 / LIMIT)
    assert abs((signs[:, 3] == -1).mean() - 0.5) < 4 * np.sqrt(0.25 / LIMIT)


def test_symmetries_leave_candidates_and_uneven_labels_as_they_are():
    # A gesture moves its own axis up and all others down: axes may be exchanged, but not reversed
    assert len(symmetries(with_directions(2 * np.eye(4) - 1), 12)[0]) == 24
    # Two labels of one direction stand for each other in their order
    twice, _ = symmetries(with_directions([[1], [1], [-1], [-1]]), 6)
    np.testing.assert_array_equal(twice, [[0, 1, 2, 3, 4, 5], [0, 1, 4, 5, 2, 3]])
    # The labels are symmetric, the goals are not
    both_ways = np.concatenate([np.eye(2), -np.eye(2)])
    assert len(symmetries(with_directions(both_ways), 8)[0]) == 8
    assert len(symmetries(with_directions(both_ways, np.array([[1.0, 0.0]])), 8)[0]) == 2


def test_episodes_of_a_limb_whose_positions_are_not_the_actions_are_not_mirrored():
    inner = make_sb3("NeuroArm-v0", 2, decoder="blind:emg_armband", level="standard")
    for changes in ({"columns": (*inner.layout.columns, "more")}, {"context": ("near",)}):
        with pytest.raises(NeuroMotionError, match="Train with mirror=False"):
            Mirrored(inner, replace(inner.layout, **changes), seed=0)
    inner.close()


def test_an_action_moves_the_axis_that_was_shown():
    inner = make_sb3("NeuroArm-v0", 16, decoder="blind:emg_armband", level="standard")
    env = Mirrored(inner, inner.layout, seed=0)
    before = env.reset()
    actions = np.tile(np.array([1.0, -0.5, 0.0], dtype=np.float32), (16, 1))
    for _ in range(10):
        after, *_ = env.step(actions)
    moved = (after - before)[:, :3]
    np.testing.assert_allclose(moved, np.tile([0.15, -0.075, 0.0], (16, 1)), atol=0.03)
    real = inner.env.loop.position
    assert np.abs(real - after[:, :3]).max() > 0.1  # some rows are turned
    env.close()
