from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.turned import untold, with_turn
from neuromotion_gym.errors import NeuroMotionError

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks.grid_turned import build  # noqa: E402

ROWS, COLUMNS, WINDOW = 4, 2, 60


def spec(**adaptation: object) -> DecoderSpec:
    return DecoderSpec(
        name="grid",
        modality="emg",
        labels=("a", "b"),
        channels=[f"emg_{i}" for i in range(ROWS * COLUMNS)],
        rate_hz=1000,
        unit="mV",
        window=WINDOW,
        hop_s=0.05,
        output="logits",
        adaptation={"kind": "turned", "rows": ROWS, "shape": (3, 2 * ROWS * COLUMNS), **adaptation},
    )


def network():
    return build(spec(), band_hz=(100.0, 400.0), taps=21).eval()


def windows(turn: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Label a is loud in rows 0 and 1, b in row 2, as the decoder reads them; each electrode has a gain of its own."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(2, size=count)
    loud = np.roll(np.array([[8, 8, 1, 1], [1, 1, 8, 1]], float)[labels], turn, axis=1)
    gain = np.exp(0.4 * generator.normal(size=ROWS * COLUMNS))
    loudness = np.repeat(loud, COLUMNS, axis=1) * gain
    samples = generator.normal(size=(count, ROWS * COLUMNS, WINDOW)) * loudness[..., None]
    return (samples + 30).astype(np.float32), labels


def test_offsets_change_no_feature_and_amplitudes_change_all_alike() -> None:
    one = network()
    given, _ = windows(0, 5, 0)
    given = torch.from_numpy(given)
    with torch.no_grad():
        plain = one.features(given)
        assert plain.shape == (5, 2 * ROWS * COLUMNS)
        assert torch.allclose(one.features(given + 7), plain, atol=0.01)
        louder = one.features(given[..., -1:] + 3 * (given - given[..., -1:]))
        assert torch.allclose(louder - plain, torch.full_like(plain, float(np.log(3))), atol=0.03)


def test_a_turned_grid_is_read_as_the_other_one() -> None:
    one = network()
    given, _ = windows(0, 6, 0)
    features = one.features(torch.from_numpy(given))
    plain = untold(features.numpy(), one_spec := spec())
    as_it_is = one.worn(features, torch.from_numpy(np.tile(plain, (6, 1, 1))))
    for turn in range(ROWS):
        shifted = torch.from_numpy(np.roll(given, turn * COLUMNS, axis=1))
        its_own = with_turn(untold(one.features(shifted).numpy(), one_spec), turn, ROWS)
        again = one.worn(one.features(shifted), torch.from_numpy(np.tile(its_own, (6, 1, 1))))
        assert torch.allclose(again, as_it_is, atol=1e-4)


def test_sessions_with_other_turns_are_fitted_together() -> None:
    parts = [windows(turn, 60, seed) for seed, turn in enumerate((0, 3, 1))]
    samples, labels = (np.concatenate(one) for one in zip(*parts, strict=True))
    people = np.repeat([4, 7, 9], 60)
    data = SimpleNamespace(labels=labels, people=people, windows=lambda rows: samples[rows])
    one = network()
    with torch.no_grad():
        one.fit(data, np.random.default_rng(0))
        for turn, (given, truth) in zip((0, 3, 1), parts, strict=True):
            features = one.features(torch.from_numpy(given)).numpy()
            adaptation = torch.from_numpy(np.tile(with_turn(untold(features, spec()), turn, ROWS), (60, 1, 1)))
            assert (one(torch.from_numpy(given), adaptation)[0].argmax(1).numpy() == truth).mean() > 0.95
            wrong = adaptation.roll(1, 2)
            assert (one(torch.from_numpy(given), wrong)[0].argmax(1).numpy() == truth).mean() < 0.9


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"kind 'turned' and shape \[3, 16\]"):
        build(spec(shape=(3, 8)), band_hz=(100.0, 400.0), taps=21)
    with pytest.raises(NeuroMotionError, match="longer than the filter"):
        build(spec(), band_hz=(100.0, 400.0), taps=61)
    with pytest.raises(NeuroMotionError, match="rising frequencies between 0 and 500"):
        build(spec(), band_hz=(100.0, 50.0), taps=21)


def test_a_session_without_one_of_the_labels_is_refused() -> None:
    data = SimpleNamespace(labels=np.array([0, 1, 0, 0]), people=np.array([0, 0, 1, 1]))
    with pytest.raises(NeuroMotionError, match="Session 1 .* has windows of 1 labels; .* needs all 2"):
        network().fit(data, np.random.default_rng(0))
