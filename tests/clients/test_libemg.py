"""LibEMG: a classifier of features drives the arm; its features are extracted by LibEMG itself."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

pytestmark = [pytest.mark.client, pytest.mark.slow]
pytest.importorskip("libemg.emg_predictor", reason="LibEMG is not installed")

LABELS = ["No Motion", "Fist", "Hand Open"]


def test_the_page_runs_and_the_arm_reaches_its_goal(run_page, recordings, success_of):
    recordings("emg", list("12345678"), LABELS, 200.0, "count")
    names = run_page("libemg")
    env, facts, classifier = names["env"], names["facts"], names["classifier"]
    decoder = env.unwrapped.loop.parts.decoder
    check_decoder(decoder)
    assert decoder.inner.model is classifier
    assert decoder.spec.labels == ("hand_close", "hand_open", "rest")
    assert env.unwrapped.loop.about()["renamed_labels"] == {
        "No Motion": "rest",
        "Fist": "hand_close",
        "Hand Open": "hand_open",
    }
    _, expected = classifier.run(names["features"])
    assert decoder.predict_proba(names["X"]).max(axis=1) == pytest.approx(np.asarray(expected), abs=1e-5)
    assert success_of(env)
    with pytest.raises(NeuroMotionError, match=r"no feature 'MAX'\. Groups: HTD"):
        gym.make("NeuroArm-v0", decoder=classifier, decoder_facts=facts | {"features": ["MAV", "MAX"]})
    classifier.add_rejection(0.9)
    listed = facts | {"features": ["MAV", "ZC", "SSC", "WL"]}
    with pytest.warns(NeuroMotionWarning, match="rejection of EMGClassifier"):
        env = gym.make("NeuroArm-v0", decoder=classifier, decoder_facts=listed, source="tuesday")
    env.close()
