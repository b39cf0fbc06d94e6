"""Further data sets that a decoder is trained on: rest has one name, other labels stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neuromotion_gym.datasets.myo_armband.reader import SPEC
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.signals.recording import Recording, Session, Trial
from neuromotion_gym.training import data


@pytest.mark.parametrize(
    ("name", "rest"), [("emg_armband_anew", "rest"), ("emg_armband_follows", "neutral")], ids=["renamed", "the same"]
)
def test_rest_of_a_further_data_set_has_the_name_that_the_decoder_has_for_it(
    name: str, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.random.default_rng(0).normal(size=(8, 100)).astype(np.float32)
    trials = (Trial("neutral", 0, 50, has_onset=False), Trial("hand_open", 50, 100, has_onset=False))
    recording = Recording(samples, SPEC, trials, "myo_armband", "somebody", "training0")
    session = Session("myo_armband", "somebody", "training0", (recording,))
    asked: list[tuple[str, str]] = []

    def sessions(dataset: str, part: str, **options: Any) -> list[Session]:
        asked.append((dataset, part))
        return [session]

    monkeypatch.setattr(data, "load_sessions", sessions)
    recipe = load_recipe(decoder_folder(name))
    found = data.further_sessions(recipe)
    assert asked == [(further, "train") for further in recipe.data.also]
    for one in found:
        assert [trial.label for trial in one.recordings[0].trials] == [rest, "hand_open"]
        np.testing.assert_array_equal(one.recordings[0].samples, recording.samples)
