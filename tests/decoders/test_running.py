"""Alignment that follows the run: it becomes that of the run so far, and knows nothing else."""

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
    adaptation={"kind": "running", "band_hz": (8, 30), "shape": (COUNT, COUNT), "shrinkage": 0.0},
)
HOP = 25
PERIOD = round(PERIOD_S / SPEC.hop_s)


class Aligned:
    """What the loop needs of a decoder of kind "running": its windows are never decoded here."""

    spec = SPEC


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
    """Adaptation of one row before each window, shape (windows, channels, channels)."""
    adapted = adaptation_in_use(Aligned(), adaptation_options(options, SPEC), rows)
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
    np.testing.assert_array_equal(states(signal(2))[0], Run(SPEC, (run,)).values)
    later = signal(600, gains=(4, 1, 1), seed=1)
    found = states(later)
    np.testing.assert_array_equal(found[0], found[PERIOD - 1])
    assert not np.array_equal(found[0], found[PERIOD])
    share = CALIBRATION_S / (600 + CALIBRATION_S)
    grown = (found[0][0, 0] / found[-1][0, 0]) ** 2  # of the variance of the first channel
    assert grown == pytest.approx(share + 16 * (1 - share), rel=0.05)


def test_a_copy_goes_on_apart() -> None:
    begun = Run(SPEC, (recorded(signal(60)),))
    first = begun.values.copy()
    one = begun.copy()
    one.add(windows_of(signal(4, gains=(0.5, 1, 1), seed=3)))
    np.testing.assert_array_equal(begun.values, first)
    assert not np.array_equal(one.values, first)


def test_a_row_of_a_batch_has_the_bits_of_a_batch_of_one() -> None:
    samples = signal(30, gains=(1, 2, 3), seed=4)
    np.testing.assert_array_equal(states(samples), states(samples, rows=3, row=1))


def test_a_louder_wearer_comes_out_as_the_plain_one() -> None:
    samples = signal(60, gains=(0.6, 1, 1), seed=5)
    plain, loud = (Run(SPEC, (recorded(gain * signal(30, seed=9)),)) for gain in (1, 7))
    plain.add(windows_of(samples))
    loud.add(windows_of(7 * samples))
    np.testing.assert_allclose(7 * loud.values, plain.values, rtol=1e-3, atol=1e-3 * np.abs(plain.values).max())


def test_what_was_learned_is_cleared_or_kept() -> None:
    samples = windows_of(signal(10, gains=(3, 1, 1), seed=6))
    for keep, kept in (("episode", False), ("session", True)):
        options = AdaptationOptions(start="calibration", keep=keep)
        adapted = adaptation_in_use(Aligned(), options, 1)
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
    with pytest.raises(Exception, match="needs pacing 'sliding', not 'trial'"):
        DecoderSpec(**{**given, "pacing": "trial", "epoch_s": (0, 1)})
    with pytest.raises(Exception, match=r"channels by channels, \(3, 3\)"):
        DecoderSpec(**{**given, "adaptation": {**given["adaptation"], "shape": (4, 3)}})
    with pytest.raises(NeuroMotionError, match="calibration run"):
        adaptation_in_use(Aligned(), AdaptationOptions(start="calibration"), 1).begin(0, 0, tuple)
