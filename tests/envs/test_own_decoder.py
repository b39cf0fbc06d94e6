"""One's own decoder in the loop: an object, a bound of it, and labels under other names, of decoders and recordings."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import yaml

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.decoders import BoundDecoder, ProbabilityDecoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

from .conftest import THREE, Loudness, make_decoder, noise_sessions, noise_source

FACTS = {"modality": "emg", "channels": ["c1", "c2"], "rate_hz": 200.0, "unit": "V", "window": 40}


class Named(Loudness):
    """Decodes the noise of `noise_sessions`, and names its classes."""

    def __init__(self, classes: list[str]) -> None:
        super().__init__(len(classes))
        self.classes_ = np.array(classes)


def ended(env: gym.Env, steps: int = 400) -> dict:
    """The info at the end of an episode in which the limb follows the decoded label."""
    _, info = env.reset(seed=1)
    axes = env.unwrapped.layout.intents
    for _ in range(steps):
        action = axes.directions[axes.labels.index(info["decoded"])]
        *_, terminated, truncated, info = env.step(action.astype(np.float32))
        if terminated or truncated:
            break
    return info


def test_an_object_with_a_few_facts_moves_the_arm() -> None:
    source = noise_source(make_decoder().spec)
    model = Named(["rest", "left_hand", "right_hand"])
    env = gym.make("NeuroArm-v0", decoder=model, decoder_facts=FACTS, source=source, level="easy")
    assert ended(env)["is_success"]
    about = env.unwrapped.loop.about()
    assert about["decoder"] == "Named"
    assert about["renamed_labels"] == {"left_hand": "left_fist", "right_hand": "right_fist"}
    assert env.unwrapped.layout.intents.labels == THREE
    env.close()


def test_a_hop_that_is_shorter_than_a_control_period_is_refused() -> None:
    """The loop cannot decide so often, and controllers would weigh each decision too little."""
    source = noise_source(make_decoder().spec)
    facts = {**FACTS, "hop_s": 0.02}
    model = Named(["rest", "left_hand", "right_hand"])
    with pytest.raises(NeuroMotionError, match=r"a hop of 0\.02 s, but the loop decides once .*; say hop_s=0\.05"):
        gym.make("NeuroArm-v0", decoder=model, decoder_facts=facts, source=source, level="easy")


def test_two_classes_that_are_swapped_in_the_map_go_the_other_way() -> None:
    """A wrong map cannot be found by anybody; it has to be followed, or a right one would not be either."""
    swapped = {"left_hand": "right_fist", "right_hand": "left_fist"}
    model = Named(["rest", "left_hand", "right_hand"])
    facts = {**FACTS, "labels": swapped}
    source = noise_source(make_decoder().spec)
    env = gym.make("NeuroArm-v0", decoder=model, decoder_facts=facts, source=source, level="easy")
    assert not ended(env)["is_success"]
    assert env.unwrapped.loop.about()["renamed_labels"] == swapped
    env.close()


@pytest.mark.parametrize("kind", ["oracle", "shuffled", "blind"])
def test_bounds_of_an_object_are_pairs(kind: str) -> None:
    model = Named(list(THREE))
    env = gym.make(
        "NeuroArm-v0",
        decoder=(kind, model),
        decoder_facts=FACTS,
        source=noise_source(make_decoder().spec),
        level="easy",
    )
    assert env.unwrapped.loop.about()["bound"] == kind
    assert isinstance(env.unwrapped.loop.parts.decoder, BoundDecoder)
    if kind != "shuffled":  # which may be right by chance
        assert ended(env)["is_success"] == (kind == "oracle")
    env.close()


def test_bounds_of_a_folder_and_of_a_file_are_named_by_their_paths(tmp_path, monkeypatch) -> None:
    from neuromotion_gym.decoders.folders import decoder_folder

    shipped = decoder_folder("emg_armband")
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("recipe.yaml", "model.onnx"):
        (folder / name).write_bytes((shipped / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    for given in ("oracle:./mine", f"oracle:{folder}", ("oracle", folder), f"oracle:{folder / 'model.onnx'}"):
        env = gym.make("NeuroArm-v0", decoder=given)
        decoder = env.unwrapped.loop.parts.decoder
        assert (decoder.kind, decoder.inner.path) == ("oracle", decoder.inner.path)
        assert decoder.inner.path.resolve() == (folder / "model.onnx").resolve()
        env.close()


@pytest.mark.parametrize("given", [("oracel", Named(list(THREE))), ("oracle",), ("oracle", 1, 2), (None, 1), ()])
def test_pairs_that_are_no_bounds_are_refused(given) -> None:
    with pytest.raises(NeuroMotionError, match=r"pair such as \('oracle', model\)"):
        gym.make("NeuroArm-v0", decoder=given, decoder_facts=FACTS)


def test_a_folder_with_other_names_of_labels_moves_the_arm_and_says_so(tmp_path) -> None:
    from neuromotion_gym.decoders.folders import decoder_folder

    shipped = decoder_folder("emg_armband")
    recipe = yaml.safe_load((shipped / "recipe.yaml").read_text())["decoder"]
    new = {"neutral": "No Motion", "hand_close": "Fist", "wrist_flexion": "wave in"}
    recipe["labels"] = [new.get(label, label) for label in recipe["labels"]]
    (tmp_path / "model.onnx").write_bytes((shipped / "model.onnx").read_bytes())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"decoder": recipe}))
    env = gym.make("NeuroArm-v0", decoder=tmp_path)
    _, info = env.reset(seed=0)
    assert info["about"]["renamed_labels"] == {name: label for label, name in new.items()}
    plain = gym.make("NeuroArm-v0", decoder="emg_armband")
    _, same = plain.reset(seed=0)
    assert (info["decoded"], info["intent"]) == (same["decoded"], same["intent"])
    assert same["about"]["renamed_labels"] == {}
    env.close()
    plain.close()


def test_labels_that_the_limb_does_not_know_come_with_the_map_that_would_help() -> None:
    model = Named(["rest", "lefthand", "right_hand"])
    with pytest.raises(NeuroMotionError, match=r"cannot express 'lefthand'.*labels=\{'lefthand': 'left_fist'\}"):
        gym.make("NeuroArm-v0", decoder=model, decoder_facts=FACTS)
    facts = {**FACTS, "labels": {"lefthand": "left_fist"}}
    env = gym.make("NeuroArm-v0", decoder=model, decoder_facts=facts, source=noise_source(make_decoder().spec))
    assert env.unwrapped.layout.intents.labels == THREE
    env.close()


def test_recordings_with_other_usual_names_are_played_and_it_is_said() -> None:
    spec = make_decoder().spec
    new = {"rest": "No Motion", "left_fist": "left_hand", "right_fist": "Right Hand"}
    other = spec.model_copy(update={"labels": tuple(new[label] for label in spec.labels)})
    recordings = [session.recordings[0] for session in noise_sessions(other)]
    with pytest.warns(NeuroMotionWarning, match="No Motion = rest, left_hand = left_fist, Right Hand = right_fist"):
        env = gym.make("NeuroArm-v0", decoder=make_decoder(), source=recordings, level="easy")
    assert ended(env)["is_success"]
    env.close()


def test_recordings_without_a_label_of_the_decoder_list_theirs_and_the_map() -> None:
    spec = make_decoder().spec
    other = spec.model_copy(update={"labels": ("rest", "lefthand", "right_fist")})
    recordings = [session.recordings[0] for session in noise_sessions(other)]
    with pytest.raises(
        NeuroMotionError, match=r"left_fist.*Other labels there are lefthand.*labels=\{'lefthand': 'left_fist'\}"
    ):
        gym.make("NeuroArm-v0", decoder=make_decoder(), source=recordings, level="easy")
    env = gym.make(
        "NeuroArm-v0",
        decoder=make_decoder(),
        source=recordings,
        reading={"labels": {"lefthand": "left_fist", "rest": "rest", "right_fist": "right_fist"}},
        level="easy",
    )
    assert ended(env)["is_success"]
    env.close()


def test_a_specification_of_one_s_own_needs_no_facts() -> None:
    decoder = make_decoder()
    env = gym.make("NeuroArm-v0", decoder=decoder, source=noise_source(decoder.spec), level="easy")
    assert env.unwrapped.loop.parts.decoder is decoder
    assert isinstance(decoder, ProbabilityDecoder)
    with pytest.raises(NeuroMotionError, match="rate_hz cannot be said again"):
        gym.make("NeuroArm-v0", decoder=decoder, decoder_facts={"rate_hz": 200.0})
    env.close()
