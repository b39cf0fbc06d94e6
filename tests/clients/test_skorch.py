"""skorch: a classifier with numbered classes gives the same posterior in the loop as by itself."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder, load_decoder

pytestmark = pytest.mark.client
skorch = pytest.importorskip("skorch", reason="skorch is not installed")


def test_a_fitted_classifier_is_a_decoder():
    import torch

    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    truth = np.arange(60) % 3
    windows = generator.standard_normal((60, 3, 20)).astype(np.float32)
    windows[np.arange(60), truth] *= 5
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.Linear(60, 3))
    net = skorch.NeuralNetClassifier(
        module, criterion=torch.nn.CrossEntropyLoss, max_epochs=3, train_split=None, verbose=0
    ).fit(windows, truth)
    decoder = load_decoder(
        net,
        modality="eeg",
        channels=["C3", "Cz", "C4"],
        rate_hz=100,
        unit="V",
        window=20,
        labels={0: "rest", 1: "left_fist", 2: "right_fist"},
    )
    check_decoder(decoder)
    assert decoder.spec.labels == ("rest", "left_fist", "right_fist")
    assert decoder.predict_proba(windows) == pytest.approx(net.predict_proba(windows), abs=1e-6)
