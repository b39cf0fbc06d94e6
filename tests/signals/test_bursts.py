from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals import burst_cache
from neuromotion_gym.signals.burst_cache import cached_bursts
from neuromotion_gym.signals.bursts import BurstRule, burst_figures, burst_windows, find_bursts, teager_kaiser

if TYPE_CHECKING:
    from pathlib import Path

RATE = 1000.0
TRUE = np.array([[1000, 1600], [2500, 2900], [4000, 6300]])


def recording(amplitude: float = 8.0, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    samples = generator.normal(size=8000)
    for start, stop in TRUE:
        samples[start:stop] *= amplitude
    return samples


def test_energy_of_a_sine_is_its_amplitude_times_its_frequency_squared() -> None:
    sine = 3 * np.sin(0.2 * np.arange(100) + 0.7)
    np.testing.assert_allclose(teager_kaiser(sine), (3 * np.sin(0.2)) ** 2, rtol=1e-10)


@pytest.mark.parametrize("rule", [BurstRule(), BurstRule(method="envelope"), BurstRule(method="envelope", low=4.0)])
@pytest.mark.parametrize("gain", [1.0, 1e-6])
def test_bursts_are_found_where_they_are_whatever_the_gain(rule: BurstRule, gain: float) -> None:
    found = find_bursts(gain * recording(), RATE, rule)
    assert found.shape == TRUE.shape
    assert np.abs(found - TRUE).max() < 0.05 * RATE


def test_slow_movement_of_the_electrode_is_no_burst() -> None:
    slow = 50 * np.sin(2 * np.pi * 3 * np.arange(8000) / RATE)
    assert np.abs(find_bursts(recording() + slow, RATE) - TRUE).max() < 0.05 * RATE


def test_a_burst_has_to_reach_the_high_threshold_and_ends_at_the_low_one() -> None:
    samples = recording()
    samples[3300:3600] *= 1.6  # above the low threshold alone
    samples[6300:6700] *= 2.0  # goes on where a burst has been
    found = find_bursts(samples, RATE, BurstRule(high=12.0, low=3.0))
    assert found.shape == TRUE.shape
    assert found[2, 1] == pytest.approx(6700, abs=50)


def test_short_gaps_are_closed_and_short_bursts_left_out() -> None:
    samples = np.random.default_rng(1).normal(size=6000)
    samples[1000:1400] *= 10
    samples[1460:1900] *= 10
    samples[4000:4030] *= 10
    together = find_bursts(samples, RATE, BurstRule(gap_s=0.1, shortest_s=0.12, mean_s=0.02))
    assert together.shape == (1, 2)
    assert len(find_bursts(samples, RATE, BurstRule(gap_s=0.0, shortest_s=0.0, mean_s=0.01, high=20, low=5))) > 2


def test_windows_lie_at_bursts_inside_the_recording_and_never_overlap() -> None:
    bursts = np.array([[100, 500], [2000, 2400], [2450, 2750], [5000, 8100], [9700, 9990]])
    starts = burst_windows(bursts, 10_000, 1000)
    assert starts.tolist() == [0, 1700, 5050, 6050, 7050, 9000]
    # The third burst lies mostly in the window of the second; half of this one is left for a window of its own
    assert burst_windows(np.array([[2000, 2400], [2600, 2800]]), 10_000, 1000).tolist() == [1700, 2700]


def test_figures_of_bursts() -> None:
    samples = np.tile([1.0, -1.0], 30_000)
    samples[10_000:12_000] *= 4
    samples[20_000:21_000] *= 6
    figures = burst_figures(samples, np.array([[10_000, 12_000], [20_000, 21_000]]), RATE)
    assert (figures.number, figures.per_minute, figures.length_s) == (2, 2.0, 1.5)
    assert (figures.amplitude, figures.contrast) == pytest.approx((5.0, 5.0))
    assert np.isnan(burst_figures(samples, np.empty((0, 2), int), RATE).amplitude)


def test_bursts_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path))
    samples = recording()
    first = cached_bursts(samples, RATE, BurstRule())
    asked = []
    monkeypatch.setattr(burst_cache, "find_bursts", lambda *given: asked.append(given) or TRUE)
    np.testing.assert_array_equal(cached_bursts(samples, RATE, BurstRule()), first)
    assert not asked
    others = ((2 * samples, RATE, BurstRule()), (samples, 900.0, BurstRule()), (samples, RATE, BurstRule(gap_s=0.2)))
    for other in others:
        cached_bursts(*other)
    assert len(asked) == 3
    for path in (tmp_path / "bursts").iterdir():  # cut off: looked for again
        path.write_bytes(path.read_bytes()[:50])
    cached_bursts(samples, RATE, BurstRule())
    assert len(asked) == 4


def test_what_has_no_bursts_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"one channel of at least 0\.4 s, not in \(399,\) samples"):
        find_bursts(np.zeros(399), RATE)
    with pytest.raises(NeuroMotionError, match="nothing left of the band from 20 Hz"):
        find_bursts(np.zeros(399), 40.0)
    with pytest.raises(NeuroMotionError, match="'teager' or 'envelope', not 'rms'"):
        BurstRule(method="rms")  # type: ignore[arg-type]
    with pytest.raises(NeuroMotionError, match="low is at most high"):
        BurstRule(low=5.0)
    with pytest.raises(NeuroMotionError, match="the band needs a lower and a higher"):
        BurstRule(band_hz=(450.0, 20.0))
