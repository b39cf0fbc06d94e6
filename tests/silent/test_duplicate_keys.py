"""A key that stands twice in a YAML file is refused; without that the last value would win without a word."""

from __future__ import annotations

import pytest
import yaml

from neuromotion_gym.benchmark.config import load_config
from neuromotion_gym.datasets.parts import read_parts
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import _read

RECIPE = """
decoder:
  name: tiny
  modality: emg
  labels: [left, right]
  channels: [a, b]
  rate_hz: 100
  unit: V
  window: 40
"""


@pytest.mark.parametrize("read", [load_recipe, load_config, read_parts, _read])
@pytest.mark.parametrize("text", ["name: one\nname: two\n", "a:\n  b: 1\n  c: 2\n  b: 3\n", "a: {b: 1, b: 1}\n"])
def test_every_reader_of_yaml_refuses_a_key_that_stands_twice(tmp_path, read, text):
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NeuroMotionError, match=r"file\.yaml.*'(name|b)' is there twice, in lines \d+ and \d+"):
        read(path)


def test_the_first_of_two_rates_is_not_overruled(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE + "  rate_hz: 200\n", encoding="utf-8")
    assert yaml.safe_load(path.read_text())["decoder"]["rate_hz"] == 200  # what other readers of YAML make of it
    with pytest.raises(NeuroMotionError, match="'rate_hz' is there twice, in lines 7 and 10"):
        load_recipe(path)
    path.write_text(RECIPE, encoding="utf-8")
    assert load_recipe(path).decoder.rate_hz == 100
