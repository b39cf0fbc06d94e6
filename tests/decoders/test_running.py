"""Alignment and balance that follow the run: they become those of the run so far, and know nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders.adaptation import AdaptationOptions, adaptation_in_use, adaptation_options
from neuromotion_gym.decoders.running import CALIBRATION_S, PERIOD_S, Run
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec

RATE, WINDOW, COUNT = 100, 100, 3
LABELS = ("rest", "left_fist", "right_fist")
SPEC = DecoderSpec(
    name="running",
    modality="eeg",
    labels=LABELS,
    channels=("C3", "Cz", "C4"),
    rate_hz=RATE,
    unit="V",
    window=WINDOW,
    hop_s=0.25,
    output="logits",
    adaptation={"kind": "running", "band_hz": (8, 30), "shape": (COUNT + 1, COUNT), "shrinkage": 0.0},
)
HOP = 25
PERIOD = round(PERIOD_S / SPEC.hop_s)


class Sides:
    """A decoder of kind "running": the side with less power after the alignment is the other side of the intent."""

    spec = SPEC

    def decode(self, windows: np.ndarray, adaptation: np.ndarray) -> tuple[np.ndarray, None]:
        power = np.log(np.square(adaptation[:, :-1] @ windows).mean(axis=2) + 0.01)
        logits = np.stack([0 * power[:, 0], power[:, 2] - power[:, 0], power[:, 0] - power[:, 2]], axis=1)
        logits = logits + adaptation[:, -1, : len(LABELS)]
        values = np.exp(logits - logits.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True), None


def signal(seconds: float, gains: tuple[float, ...] = (1, 1, 1), seed: int = 0) -> np.ndarray:
    """White noise, 10 microvolt in every channel times its gain."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(COUNT, round(seconds * RATE)))
    return (1e-5 * np.array(gains)[:, None] * noise).astype(np.float32)


def recorded(samples: np.ndarray) -> Recording:
    """A calibration run."""
    spec = SignalSpec(modality="eeg", channels=SPEC.channels, rate_hz=RATE, unit="V")
    return Recording(samples, spec, (), dataset="tests", subject="anna", session="1", run="calibration")


def windows_of(samples: np.ndarray) -> np.ndarray:
    """Windows one hop apart."""
    views = np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=1)[:, ::HOP]
    return np.ascontiguousarray(views.transpose(1, 0, 2))


def states(samples: np.ndarray, options: AdaptationOptions | None = None, rows: int = 1, row: int = 0) -> np.ndarray:
    """Adaptation of one row before each window, shape (windows, channels + 1, channels)."""
    adapted = adaptation_in_use(Sides(), adaptation_options(options, SPEC), rows)
    for one in range(rows):
        adapted.begin(one, 0, lambda: (recorded(signal(30, seed=9)),))
    found = []
    for window in windows_of(samples):
        found.append(adapted.values[row].copy())
        others = windows_of(signal(1, seed=len(found)))[0]
        batch = np.stack([window if one == row else others for one in range(rows)])
        adapted.update(np.arange(rows), batch)
    return np.array(found)


def test_it_begins_with_the_calibration_run_and_becomes_the_run() -> None:
    run = recorded(signal(30, seed=9))
    np.testing.assert_array_equal(states(signal(2))[0], Run(Sides(), (run,)).values)
    later = signal(600, gains=(4, 1, 1), seed=1)
    found = states(later)
    np.testing.assert_array_equal(found[0], found[PERIOD - 1])
    assert not np.array_equal(found[0], found[PERIOD])
    share = CALIBRATION_S / (600 + CALIBRATION_S)
    grown = (found[0][0, 0] / found[-1][0, 0]) ** 2  # of the variance of the first channel
    assert grown == pytest.approx(share + 16 * (1 - share), rel=0.05)


def test_a_preference_that_lasts_is_taken_away_and_one_of_a_moment_is_kept() -> None:
    calibration = recorded(signal(60))
    decoder = Sides()
    begun = Run(decoder, (calibration,))
    asked = windows_of(signal(4, gains=(0.5, 1, 1), seed=3))  # an intent of the left fist
    one = begun.copy()
    one.add(asked[:PERIOD])
    still = np.broadcast_to(one.values, (len(asked), COUNT + 1, COUNT))
    assert (decoder.decode(asked, still)[0].argmax(axis=1) == 1).all()
    np.testing.assert_array_equal(begun.values, Run(decoder, (calibration,)).values)  # the copy went on apart
    leaning = Sides()
    leaning.decode = lambda windows, adaptation: leaned(decoder, windows, adaptation)  # type: ignore[method-assign]
    offset = Run(leaning, (calibration,)).values[-1, : len(LABELS)]
    np.testing.assert_allclose(offset, [0, 1, -1], atol=0.15)


def leaned(decoder: Sides, windows: np.ndarray, adaptation: np.ndarray) -> tuple[np.ndarray, None]:
    """The decoder with a logit of 2 for the right fist that no signal asks for."""
    posterior = decoder.decode(windows, adaptation)[0] * np.exp([0, 0, 2])
    return posterior / posterior.sum(axis=1, keepdims=True), None


def test_a_row_of_a_batch_has_the_bits_of_a_batch_of_one() -> None:
    samples = signal(30, gains=(1, 2, 3), seed=4)
    np.testing.assert_array_equal(states(samples), states(samples, rows=3, row=1))


def test_a_louder_wearer_comes_out_as_the_plain_one() -> None:
    decoder, samples = Sides(), signal(60, gains=(0.6, 1, 1), seed=5)
    plain, loud = (Run(decoder, (recorded(gain * signal(30, seed=9)),)) for gain in (1, 7))
    plain.add(windows_of(samples))
    loud.add(windows_of(7 * samples))
    np.testing.assert_allclose(7 * loud.values[:-1], plain.values[:-1], rtol=1e-3)
    np.testing.assert_allclose(loud.values[-1], plain.values[-1], atol=1e-3)


def test_what_was_learned_is_cleared_or_kept() -> None:
    samples = windows_of(signal(10, gains=(3, 1, 1), seed=6))
    for keep, kept in (("episode", False), ("session", True)):
        options = AdaptationOptions(start="calibration", keep=keep)
        adapted = adaptation_in_use(Sides(), options, 1)
        adapted.begin(0, 0, lambda: (recorded(signal(30, seed=9)),))
        first = adapted.values.copy()
        for window in samples:
            adapted.update(np.zeros(1, int), window[None])
        last = adapted.values.copy()
        assert not np.array_equal(first, last)
        adapted.begin(0, 0, lambda: (recorded(signal(30, seed=9)),))
        np.testing.assert_array_equal(adapted.values, last if kept else first)


def test_options_and_specifications_that_do_not_apply_are_refused() -> None:
    assert adaptation_options(None, SPEC) == AdaptationOptions(start="calibration")
    assert adaptation_options({"keep": "session"}, SPEC).start == "calibration"
    with pytest.raises(NeuroMotionError, match="needs a calibration run to begin with"):
        adaptation_options({"start": "nothing"}, SPEC)
    given = SPEC.model_dump()
    with pytest.raises(Exception, match="labels of the left and the right side"):
        DecoderSpec(**{**given, "labels": ("rest", "hand_open", "hand_close")})
    with pytest.raises(Exception, match=r"the shape \(4, 3\)"):
        DecoderSpec(**{**given, "adaptation": {**given["adaptation"], "shape": (3, 3)}})
    with pytest.raises(NeuroMotionError, match="calibration run"):
        adaptation_in_use(Sides(), AdaptationOptions(start="calibration"), 1).begin(0, 0, tuple)
