"""braindecode: a network of its zoo, as a classifier and as itself, drives the arm and can be exported."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder, load_decoder
from neuromotion_gym.export import to_onnx

pytestmark = [pytest.mark.client, pytest.mark.slow]
pytest.importorskip("braindecode", reason="braindecode is not installed")


def test_the_page_runs_and_the_network_gives_the_same_by_itself_and_exported(run_page, recordings, success_of):
    recordings("eeg", ["C3", "Cz", "C4"], ["left_hand", "right_hand"], 160.0, "µV", repetitions=40)
    names = run_page("braindecode")
    decoder = names["env"].unwrapped.loop.parts.decoder
    assert decoder.spec.labels == ("left_fist", "right_fist")
    posterior = decoder.predict_proba(names["X"])
    right = np.array(["left_hand", "right_hand"])[posterior.argmax(axis=1)] == names["y"]
    assert right.mean() > 0.7  # chance 0.5
    facts = {**names["facts"], "labels": ["left_hand", "right_hand"]}
    itself = load_decoder(names["net"].module_.eval(), **facts)
    check_decoder(itself)
    assert itself.predict_proba(names["X"]) == pytest.approx(posterior, abs=1e-5)
    folder = to_onnx(names["net"].module_, facts, "exported")
    assert load_decoder(folder).predict_proba(names["X"]) == pytest.approx(posterior, abs=1e-4)
    names["env"].reset(seed=0)
    names["env"].close()
