"""scikit-learn and pyRiemann: a fitted pipeline drives the arm on recordings of another day."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder, load_decoder

pytestmark = pytest.mark.client
pytest.importorskip("pyriemann", reason="pyRiemann is not installed")

ELECTRODES = list("12345678")


def test_the_page_runs_and_the_arm_reaches_its_goal(run_page, recordings, success_of):
    recordings("emg", ELECTRODES, ["rest", "fist", "open hand"], 200.0, "count")
    names = run_page("scikit_learn_and_pyriemann")
    decoder = names["env"].unwrapped.loop.parts.decoder
    assert names["model"].classes_.tolist() == ["fist", "open hand", "rest"]
    assert decoder.spec.labels == ("hand_close", "hand_open", "rest")
    picked = np.array([np.flatnonzero(names["y"] == name)[0] for name in ("rest", "fist", "open hand")])
    assert decoder.predict_proba(names["X"][picked]).argmax(axis=1).tolist() == [2, 0, 1]
    assert success_of(names["env"])


def test_rows_of_numbers_and_numbered_classes(recordings, success_of):
    from sklearn.ensemble import RandomForestClassifier

    import neuromotion_gym as ng
    from neuromotion_gym.decoders import DecoderSpec

    labels = ["rest", "hand_close", "hand_open"]
    recordings("emg", ELECTRODES, labels, 200.0, "count")
    facts = {"modality": "emg", "channels": ELECTRODES, "rate_hz": 200, "unit": "count", "window": 40}
    X, y, _ = ng.windows(ng.read_recordings("monday"), DecoderSpec(name="x", labels=labels, **facts))
    numbers = np.array([{"rest": 5, "hand_close": 2, "hand_open": 9}[label] for label in y])
    forest = RandomForestClassifier(20, random_state=0).fit(np.abs(X).reshape(len(X), -1), numbers)
    facts |= {"layout": "(n, channels * samples)", "features": np.abs}
    facts |= {"labels": {5: "rest", 2: "hand_close", 9: "hand_open"}}
    check_decoder(load_decoder(forest, **facts))
    env = gym.make("NeuroArm-v0", decoder=forest, decoder_facts=facts, source="tuesday", level="easy")
    assert success_of(env)
