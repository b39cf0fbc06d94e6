"""A grid that is put on anew is found without labels."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.turned import turned_adaptation, untold, with_turn
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

ROWS, COLUMNS, LENGTH = 6, 2, 40
CHANNELS = tuple(f"emg_{i}" for i in range(ROWS * COLUMNS))
SPEC = DecoderSpec(
    name="grid",
    modality="emg",
    labels=("a", "b", "c"),
    channels=CHANNELS,
    rate_hz=100,
    unit="mV",
    window=10,
    hop_s=0.05,
    output="probabilities",
    adaptation={"kind": "turned", "rows": ROWS, "shape": (3, ROWS * COLUMNS)},
)


def features_of(windows: np.ndarray) -> np.ndarray:
    return np.log(windows.std(axis=2) + 0.01)


def patterns() -> np.ndarray:
    """Where each label is loud, shape (labels, rows): rows 0 and 1; row 2; rows 0 and 4."""
    return np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0]], float)


def posterior_of(windows: np.ndarray, adaptation: np.ndarray) -> np.ndarray:
    standardised = (features_of(windows) - adaptation[:, 0]) * adaptation[:, 1]
    turn = adaptation[:, 2, :ROWS].argmax(axis=1)
    grid = standardised.reshape(-1, ROWS, COLUMNS).mean(axis=2)
    read = np.stack([one[(np.arange(ROWS) + number) % ROWS] for one, number in zip(grid, turn, strict=True)])
    centred = patterns() - patterns().mean(axis=0)
    logits = 4 * read @ centred.T
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def recording(turn: int, gains: float, labels: tuple[int, ...] = (0, 1, 2)) -> Recording:
    """A run in which the row that the decoder reads as row r is row r + turn, and each electrode has its own gain."""
    generator = np.random.default_rng(turn)
    gain = np.exp(gains * generator.normal(size=(ROWS * COLUMNS, 1)))
    pieces = []
    for label in labels:
        loud = np.repeat(np.roll(1 + 9 * patterns()[label], turn), COLUMNS)[:, None]
        pieces.append(gain * loud * generator.normal(size=(ROWS * COLUMNS, LENGTH)))
    trials = tuple(Trial("not_read", i * LENGTH, (i + 1) * LENGTH, has_onset=False) for i in range(len(labels)))
    gaps = tuple((i * LENGTH, i * LENGTH) for i in range(1, len(labels)))
    spec = SignalSpec("emg", CHANNELS, 100.0, "mV")
    return Recording(np.concatenate(pieces, axis=1).astype(np.float32), spec, trials, "user", "P1", bad_spans=gaps)


@pytest.mark.parametrize("turn", range(ROWS))
def test_every_turn_and_the_gains_of_electrodes_are_found(turn: int) -> None:
    adaptation = turned_adaptation(features_of, posterior_of, [recording(turn, 0.5)], SPEC)
    assert adaptation.shape == (3, ROWS * COLUMNS)
    assert adaptation[2].tolist() == [float(place == turn) for place in range(ROWS * COLUMNS)]
    worn = recording(turn, 0.5).samples.reshape(ROWS * COLUMNS, 12, 10).transpose(1, 0, 2)
    decoded = posterior_of(worn, np.broadcast_to(adaptation, (12, *adaptation.shape))).argmax(axis=1)
    assert decoded.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_windows_do_not_reach_over_gaps() -> None:
    seen = []

    def noting(windows: np.ndarray) -> np.ndarray:
        seen.append(windows)
        return features_of(windows)

    one = recording(0, 0.0)
    turned_adaptation(noting, posterior_of, [one], SPEC)
    assert len(seen[0]) == 3 * ((LENGTH - SPEC.window) // 5 + 1)
    starts = np.array([[np.flatnonzero(one.samples[0] == window[0, 0])[0] for window in seen[0]]])
    assert (starts % LENGTH <= LENGTH - SPEC.window).all()


def test_a_run_that_tells_nothing_is_warned_about_and_a_short_one_refused() -> None:
    with pytest.warns(UserWarning, match=r"'grid' lies is not sure for P1.*has to hold all of a, b, c"):
        turned_adaptation(features_of, lambda w, a: np.full((len(w), 3), 1 / 3), [recording(0, 0.0)], SPEC)
    with pytest.raises(NeuroMotionError, match=r"two windows \(0.1 s each\) or more; it has 0"):
        turned_adaptation(features_of, posterior_of, [], SPEC)


def test_an_adaptation_standardises_and_turns() -> None:
    features = np.random.default_rng(0).normal(3, 2, (500, ROWS * COLUMNS)).astype(np.float32)
    adaptation = untold(features, SPEC)
    standardised = (features - adaptation[0]) * adaptation[1]
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(standardised.std(axis=0), 1, atol=1e-2)
    assert adaptation[2, 0] == 1
    assert with_turn(adaptation, ROWS + 2, ROWS)[2].tolist() == [0, 0, 1] + [0] * 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 5}, "12 channels have 5 rows"),
        ({"shape": (2, 12)}, r"shape \(2, 12\)"),
        ({"shape": (3, 13)}, r"shape \(3, 13\)"),
        ({"rows": None}, "needs rows; kind 'turned' has rows None"),
        ({"kind": "head"}, "needs rows; kind 'head' has rows 6"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    content = SPEC.model_dump()
    content["adaptation"].update(changes)
    with pytest.raises(Exception, match=message):
        DecoderSpec(**content)
