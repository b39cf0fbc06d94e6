"""Posterior history, and policies from files: what they remember and what they refuse."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from loop import EEG, EMG, emg_layout, make_layout, muscle_layout

import neuromotion_gym  # noqa: F401
from neuromotion_gym.controllers import check_controller, make_controller
from neuromotion_gym.controllers.checks import random_observations
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.controllers.learned import (
    METADATA,
    Learned,
    LearnedSpec,
    TrainingRecord,
    facts,
    heard,
    read_policy,
    shipped_policies,
)
from neuromotion_gym.errors import NeuroMotionError

onnx = pytest.importorskip("onnx")


def observations(layout, n, seed=0, goal=False):
    seen = random_observations(layout, n, seed)
    if not goal:
        return seen
    return np.concatenate([seen, np.random.default_rng(seed).uniform(-1, 1, (n, 3)).astype(np.float32)], axis=1)


def make_spec(layout, **changes):
    record = TrainingRecord(
        algorithm="PPO",
        seed=0,
        steps=1,
        source="surrogate",
        part="tune",
        subjects=("Ann", "Bob"),
        unseen=True,
        blind=False,
        discount=0.99,
        library="0",
    )
    values = {
        "environment": "NeuroArm-v0",
        "level": "standard",
        "decoder": "coin",
        **facts(layout),
        "observe_goal": False,
        "repeat": 3,
        "history": HistorySpec(),
        "std": (0.5,) * len(layout.intents.axes),
        "training": record,
        **changes,
    }
    return LearnedSpec(**values)


def write_policy(path, spec, layout, text=None):
    """A linear policy with random weights."""
    from onnx import TensorProto, helper, numpy_helper

    size, axes = History(layout, spec.history, spec.observe_goal).size, len(spec.axes)
    weight = np.random.default_rng(1).normal(0, 0.3, (size, axes)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "w"], ["action"])],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["n", axes])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {METADATA: spec.model_dump_json() if text is None else text})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def layout():
    return emg_layout(effort=True)


@pytest.fixture
def policy(tmp_path, layout):
    return write_policy(tmp_path / "linear.onnx", make_spec(layout), layout)


def test_leaky_means_follow_a_constant_posterior_at_their_time_constants():
    layout = make_layout(EEG)
    history = History(layout, HistorySpec(time_constants_s=(1.0,)))
    seen = np.zeros((1, layout.size), dtype=np.float32)
    seen[0, layout.posterior] = [0, 0, 1]
    state = None
    for _ in range(round(1.0 / layout.control_s)):
        features, state = history.step(seen, state)
    mean = features[0, layout.size + 1 :][:3]
    np.testing.assert_allclose(mean, (1 - np.exp(-1)) * (np.array([0, 0, 1]) - 1 / 3), atol=1e-6)


def test_features_are_as_many_as_said_and_end_with_the_goal_where_it_is_seen(layout):
    for goal in (False, True):
        history = History(layout, HistorySpec(), goal)
        seen = observations(layout, 4, goal=goal)
        features, _ = history.step(seen)
        assert features.shape == (4, history.size)
        assert features.dtype == np.float32
        if goal:
            np.testing.assert_array_equal(features[:, -3:], seen[:, -3:])


@pytest.mark.parametrize("belief", [True, False])
def test_features_hold_every_position_the_surroundings_and_the_goal_of_another_limb(belief):
    """Four muscles move two joints, six positions are observed, and something lies before the limb."""
    layout = replace(muscle_layout(np.array([[0.6, 0.0], [-0.6, 0.0]])), context=("near", "held"))
    history = History(layout, HistorySpec(time_constants_s=(1.0,), belief=belief), True)
    seen = np.concatenate([random_observations(layout, 4, 0), np.array([[0.6, 0.0]] * 4, np.float32)], axis=1)
    assert seen.shape[1] == 2 * 6 + 2 + 4 + 2 == history.observed
    features, _ = history.step(seen)
    assert features.shape == (4, history.size) == (4, 12 + 2 + 4 + 1 + (4 + 6 + 4) + belief * (2 * 2 + 1 + 4) + 2)
    np.testing.assert_array_equal(features[:, 12:14], seen[:, layout.situation])
    np.testing.assert_array_equal(features[:, -2:], seen[:, -2:])


def test_belief_is_that_of_bayesian_goal_inference(layout):
    history = History(layout, HistorySpec(time_constants_s=(1.0,)))
    bayes = make_controller("bayes", layout)
    state = memory = None
    for step in range(30):
        seen = observations(layout, 3, step)
        features, state = history.step(seen, state, np.array([step == 20, False, False]))
        _, memory = bayes.predict(seen, memory, np.array([step == 20, False, False]))
    goals = memory[1].sum(axis=2)
    shown = features[:, -(2 * 3 + 1 + len(EMG)) :]
    np.testing.assert_allclose(shown[:, :3], goals @ layout.candidates, atol=1e-5)
    np.testing.assert_allclose(shown[:, 3:6], layout.candidates[goals.argmax(axis=1)], atol=1e-6)
    np.testing.assert_allclose(shown[:, 6], goals.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(shown[:, 7:].sum(axis=1), 1, atol=1e-5)


def test_features_do_not_see_what_comes_later(layout):
    history = History(layout, HistorySpec())
    first, state = history.step(observations(layout, 2, 0))
    again, _ = history.step(observations(layout, 2, 0))
    history.step(observations(layout, 2, 1), state)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("given", [(0.0, 1.0), (2.0, 1.0), (-1.0,)])
def test_time_constants_rise(given):
    with pytest.raises(NeuroMotionError, match="rising"):
        HistorySpec(time_constants_s=given)


def test_fulfils_what_every_controller_has_to(policy, layout):
    check_controller(f"learned:{policy}", layout, reaches=0)


def test_options_are_those_of_the_class(policy, layout):
    with pytest.raises(NeuroMotionError, match="has no option 'votes'. Its options: seed"):
        make_controller(f"learned:{policy}", layout, votes=3)
    make_controller(f"learned:{policy}", layout, seed=3)


def test_an_action_is_held_for_as_long_as_in_training(policy, layout):
    controller = Learned(layout, policy)
    state, actions = None, []
    for step in range(9):
        action, state = controller.predict(observations(layout, 1, step), state)
        actions.append(action[0])
    changes = [bool((actions[step] != actions[step - 1]).any()) for step in range(1, 9)]
    assert changes == [False, False, True, False, False, True, False, False]


def test_actions_are_drawn_only_when_asked(policy, layout):
    seen = observations(layout, 1)
    sure = [Learned(layout, policy, seed=seed).predict(seen)[0] for seed in (0, 1)]
    drawn = [Learned(layout, policy, seed=seed).predict(seen, deterministic=False)[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(sure[0], sure[1])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert (drawn[0] != sure[0]).any()


def test_the_specification_comes_back_from_the_file(policy, layout):
    assert read_policy(policy)[1] == make_spec(layout)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: emg_layout("hard", effort=True), "its dwell_s is"),
        (lambda: emg_layout("easy", effort=True), "its candidates is"),
        (lambda: emg_layout(effort=False), "its effort is True, here it is False"),
        (lambda: make_layout(EEG), "its labels is"),
        (lambda: make_layout(EMG[:1] + EMG[:0:-1], "standard", hop_s=0.05, window_s=0.2, lag_s=0.45), "its labels is"),
    ],
)
def test_is_refused_where_it_was_not_trained_for(policy, other, message):
    with pytest.raises(NeuroMotionError, match=f"level 'standard', decoder 'coin': {message}"):
        make_controller(f"learned:{policy}", other())


def test_broken_files_are_one_clear_error(tmp_path, layout, policy):
    with pytest.raises(NeuroMotionError, match="No learned controller is called 'psychic'"):
        make_controller("learned:psychic", layout)
    with pytest.raises(NeuroMotionError, match="No learned controller can be read from"):
        make_controller(f"learned:{tmp_path / 'missing.onnx'}", layout)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(policy.read_bytes()[:200])
    with pytest.raises(NeuroMotionError, match="is not an ONNX model that can be run"):
        make_controller(f"learned:{cut}", layout)
    model = onnx.load(policy)
    del model.metadata_props[:]
    (tmp_path / "mute.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(NeuroMotionError, match="does not say what it was trained for"):
        make_controller(f"learned:{tmp_path / 'mute.onnx'}", layout)
    for text, message in (("{", "are not JSON"), ("{}", "'environment' is missing"), ("[]", "expected a table")):
        write_policy(tmp_path / "odd.onnx", make_spec(layout), layout, text)
        with pytest.raises(NeuroMotionError, match=message):
            make_controller(f"learned:{tmp_path / 'odd.onnx'}", layout)


def test_a_graph_that_does_not_fit_its_own_specification_is_refused(tmp_path, layout):
    path = tmp_path / "odd.onnx"
    other = make_spec(layout, history=HistorySpec(time_constants_s=(1.0,)))
    write_policy(path, other, layout, text=make_spec(layout).model_dump_json())
    with pytest.raises(NeuroMotionError, match=r"the inputs of this policy are 'features' of \(n, 77\), float32"):
        Learned(layout, path)


def test_a_policy_has_heard_those_whose_signals_it_was_trained_on(layout):
    spec = make_spec(layout)
    assert heard(spec, ["Bob", "Cleo", "Ann"]) == ("Ann", "Bob")
    assert heard(spec, ["Cleo"]) == ()
    silenced = make_spec(layout, training=spec.training.model_copy(update={"blind": True}))
    assert heard(silenced, ["Ann", "Bob"]) == ()


def test_people_of_another_data_set_are_others(layout):
    spec = make_spec(layout)
    known = make_spec(layout, training=spec.training.model_copy(update={"dataset": "gestures"}))
    assert heard(known, ["Ann"], "gestures") == ("Ann",)
    assert heard(known, ["Ann"], "walks") == ()
    assert heard(known, ["Ann"]) == heard(spec, ["Ann"], "walks") == ("Ann",)


@pytest.mark.parametrize("name", shipped_policies())
def test_a_shipped_policy_drives_the_environment_that_it_names(name):
    _, spec = read_policy_of(name)
    env = gym.make(spec.environment, decoder=spec.decoder, level=spec.level, observe_goal=spec.observe_goal)
    controller = make_controller(f"learned:{name}", env.unwrapped.layout)
    observation, _ = env.reset(seed=0)
    state = None
    for _ in range(20):
        action, state = controller.predict(observation, state)
        observation, *_ = env.step(action)
    assert env.action_space.contains(action)
    env.close()


def read_policy_of(name):
    from neuromotion_gym.controllers.learned import policy_path

    return read_policy(policy_path(name))
