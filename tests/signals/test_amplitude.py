from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.amplitude import deviations, typical_amplitude
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial


def _recording(levels: dict[str, tuple[float, int]], channels: int = 3) -> Recording:
    """Trials of a label, a level and a length: square waves, whose deviation is the level; channel i times i + 1."""
    parts, trials, at = [], [], 0
    for label, (level, length) in levels.items():
        parts.append(level * (-1.0) ** np.arange(length))
        trials += [Trial(label, at, at + length)] if label else []
        at += length
    samples = np.concatenate(parts) * np.arange(1, channels + 1)[:, None]
    spec = SignalSpec("emg", tuple(map(str, range(channels))), 100.0, "count")
    return Recording(samples.astype(np.float32), spec, tuple(trials), "d", "s")


def test_labels_count_the_same_however_long_they_last() -> None:
    recording = _recording({"rest": (1.0, 1000), "fist": (9.0, 40)})
    assert typical_amplitude([recording], 20) == pytest.approx(2 * 5.0)  # the middle one of three channels
    assert typical_amplitude([recording, recording], 20) == pytest.approx(10.0)


def test_what_lies_outside_of_trials_counts_only_where_there_are_none() -> None:
    assert typical_amplitude([_recording({"": (7.0, 100), "fist": (2.0, 100)})], 20) == pytest.approx(4.0)
    assert typical_amplitude([_recording({"": (7.0, 100)})], 20) == pytest.approx(14.0)
    both = [_recording({"": (7.0, 100)}), _recording({"fist": (2.0, 100)})]
    assert typical_amplitude(both, 20) == pytest.approx(4.0)


def test_an_offset_and_a_drift_do_not_count() -> None:
    drift = np.linspace(0, 1000, 10_000) + (-1.0) ** np.arange(10_000)
    assert deviations(drift[None], 10).mean() == pytest.approx(1.0, rel=0.1)
    assert deviations(drift[None], 10).shape == (1, 1000)
    assert deviations(drift[None, :7], 10).shape == (1, 1)


def test_nothing_has_no_amplitude() -> None:
    with pytest.raises(NeuroMotionError, match="no recording"):
        typical_amplitude([], 10)


def test_bad_spans_and_gaps_of_a_recording_without_trials_do_not_count() -> None:
    recording = _recording({"": (7.0, 100)})
    samples = recording.samples.copy()
    samples[:, 30:50] *= 100
    samples[:, 50:] += 1000  # the recording goes on elsewhere after a gap
    spoiled = replace(recording, samples=samples, bad_spans=((30, 40), (35, 50), (50, 50)))
    assert typical_amplitude([spoiled], 20) == pytest.approx(14.0)
    assert typical_amplitude([spoiled], 60) == pytest.approx(14.0)  # no stretch is so long: the longest is taken
    with pytest.raises(NeuroMotionError, match="no recording with good samples"):
        typical_amplitude([replace(recording, bad_spans=((0, 100),))], 20)
