from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromotion_gym.decoders.recipe import Recipe, load_recipe, recipe_digest, recipe_text, with_scale
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import parse_yaml
from neuromotion_gym.schema import from_mapping

WHOLE = """
decoder:
  name: tiny
  modality: emg
  dataset: myo_armband
  labels: [left, right]
  channels: [a, b]
  rate_hz: 100
  unit: V
  window: 40
  hop_s: 0.05
  split: trial
  licence: CC0-1.0
data:
  stride_s: 0.1
network:
  name: armband_features
training:
  epochs: 3
"""


def read(text: str) -> Recipe:
    return from_mapping(Recipe, parse_yaml(text, "recipe.yaml"), "recipe.yaml")


def test_whole_recipe_is_read_and_written_unchanged():
    recipe = read(WHOLE)
    assert recipe.training.epochs == 3
    again = read(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert again == recipe
    assert recipe_digest(again) == recipe_digest(recipe)


EDGES = {
    "seed": (0, 2**31 - 1),
    "epochs": (1, 10_000),
    "fold_epochs": (1, 10_000),
    "batch": (1, 65_536),
    "learning_rate": (1e-12, 10),
    "weight_decay": (0, 10),
    "label_smoothing": (0, 1 - 1e-12),
    "warmup": (0, 1 - 1e-12),
    "seeds": (1, 32),
}


@pytest.mark.parametrize("key", EDGES)
def test_settings_of_training_reach_to_their_bounds_and_not_beyond(key):
    text = WHOLE.replace("epochs: 3", "{key}: {value!r}")
    low, high = EDGES[key]
    for value in (low, high):
        assert getattr(read(text.format(key=key, value=value)).training, key) == value
    step = 1 if isinstance(low, int) and isinstance(high, int) else 1e-9
    for value in (low - step, high + step):
        with pytest.raises(NeuroMotionError, match=key):
            read(text.format(key=key, value=value))


def test_settings_of_training_have_the_defaults_that_shipped_recipes_rest_on():
    training = read(WHOLE.replace("epochs: 3", "method: gradient")).training
    found = training.model_dump(exclude={"method", "keep", "fold_epochs"})
    assert found == {
        "seed": 0, "epochs": 30, "batch": 64, "learning_rate": 1e-3, "weight_decay": 0.0, "label_smoothing": 0.0,
        "warmup": 0.1, "seeds": 1, "schedule": "steps", "t_max": None, "decay": "weights", "clip": 1.0, "workers": 0,
        "start_from": None, "frozen": (), "clip_each": False, "stop_at": None, "tune_every": None,
        "milestones": (),
    }  # fmt: skip


def test_digest_changes_with_a_setting_and_not_with_a_note():
    recipe = read(WHOLE)
    assert recipe_digest(read(WHOLE.replace("epochs: 3", "epochs: 4"))) != recipe_digest(recipe)
    assert recipe_digest(read(WHOLE + "notes: hello\n")) == recipe_digest(recipe)
    assert len(recipe_digest(recipe)) == 16  # another length would rename the working folders of everybody


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (WHOLE.replace("rate_hz: 100", "rate_hz: fast"), r"recipe\.yaml.*rate_hz.*'fast'"),
        (WHOLE.replace("epochs: 3", "epochs: 0"), "in 'training', .*epochs"),
        (WHOLE.replace("epochs: 3", "epoks: 3"), "'epoks' is not known .*epochs"),
        (WHOLE.replace("stride_s: 0.1", "stride_s: .nan"), "stride_s"),
        (WHOLE.replace("network:\n  name: armband_features\n", ""), "belong together.*data and training"),
        (WHOLE + "colour: red\n", "'colour' is not known"),
        ("- a\n- b\n", "table of names and values"),
        ("", "table of names and values"),
        ("decoder: [1, 2", "is not YAML"),
        ("decoder: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("decoder: 3\n", "decoder"),
        ("1: 2\n", "table of names"),
    ],
)
def test_wrong_recipe_is_refused_with_file_and_key(text, named):
    with pytest.raises(NeuroMotionError, match=named):
        read(text)


def test_recipe_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(NeuroMotionError, match="No recipe can be read"):
        load_recipe(tmp_path)
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NeuroMotionError, match="UTF-8"):
        load_recipe(tmp_path)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.characters()), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_mutated_recipe_gives_a_recipe_or_one_error(changes):
    text = list(WHOLE)
    for place, character in changes:
        text[place] = character
    with contextlib.suppress(NeuroMotionError):
        read("".join(text))


@given(
    st.sampled_from(sorted(yaml.safe_load(WHOLE)["decoder"])),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_value_of_any_key_gives_a_recipe_or_one_error(key, value):
    content = yaml.safe_load(WHOLE)
    content["decoder"][key] = value
    with contextlib.suppress(NeuroMotionError):
        from_mapping(Recipe, content, "recipe.yaml")


def test_scale_is_written_into_the_text_and_the_rest_stays():
    text = "# mine\n" + WHOLE + "notes: hello  # end\n"
    recipe = with_scale(read(text), 2.5e-05)
    written = recipe_text(recipe, text)
    assert written.replace("  scale: 2.5e-05\n", "") == text
    assert read(written) == recipe
    again = recipe_text(with_scale(recipe, 3.0), written)
    assert again == written.replace("2.5e-05", "3.0")
    assert recipe_digest(recipe) == recipe_digest(read(text))  # folds in the cache stay valid


def test_scale_is_written_where_lines_cannot_be_kept():
    text = yaml.safe_dump(read(WHOLE).model_dump(mode="json", exclude_defaults=True), default_flow_style=True)
    recipe = with_scale(read(text), 2.0)
    assert read(recipe_text(recipe, text)) == recipe
    assert read(recipe_text(recipe)) == recipe
