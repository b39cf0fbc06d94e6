from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets import registry

if TYPE_CHECKING:
    from pathlib import Path

TASKS = ("VL", "BF", "TA", "LG")


def test_each_trial_is_the_electrode_of_its_own_muscle_at_half_the_rate(tmp_path: Path) -> None:
    folder = tmp_path / "leg_isometric_elderly"
    folder.mkdir()
    time = np.arange(8001) / 2000
    content = {"fs": np.array(2000), "channels": np.array(TASKS)}
    for task in range(4):
        # In task i channel j holds a sine of 30 + 20 i + 7 j Hz around a level
        waves = np.sin(2 * np.pi * time[:, None] * (30 + 20 * task + 7 * np.arange(4)))
        content |= {
            f"EMG_{TASKS[task]}": (1000 * waves + 3000).astype(np.int16),
            f"EMG_{TASKS[task]}_scale": np.full(4, 0.5),
            f"EMG_{TASKS[task]}_offset": np.zeros(4),
        }
    np.savez(folder / "ID19.npz", **content)
    recording = registry.dataset("leg_isometric_holds").recording("ID19", "first", tmp_path)
    assert (recording.spec.channels, recording.spec.rate_hz) == (("muscle",), 1000.0)
    assert [trial.label for trial in recording.trials] == list(TASKS)
    for number, (_, samples) in enumerate(recording.trial_samples()):
        assert samples.shape == (1, 4001)
        expected = 500 * np.sin(2 * np.pi * np.arange(4001) / 1000 * (30 + 27 * number)) + 1500
        np.testing.assert_allclose(samples[0, 100:-100], expected[100:-100], atol=3)
        np.testing.assert_allclose(samples[0], expected, atol=80)  # and no step at the ends


def test_people_and_parts_are_those_of_the_set_with_four_channels() -> None:
    own, whole = registry.dataset("leg_isometric_holds").table, registry.dataset("leg_isometric_elderly").table
    assert own.parts == whole.parts
    assert own.folds == whole.folds
