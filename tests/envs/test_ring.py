"""The ring gives back what was written, wherever it stands, and rows do not touch each other."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.envs.ring import SampleRing

ROWS, CHANNELS, WINDOW, KEPT = 3, 2, 7, 11


@pytest.mark.parametrize("step", [1, 4, 5])
def test_windows_are_the_last_samples_written(step: int) -> None:
    ring, rng = SampleRing(ROWS, CHANNELS, WINDOW, KEPT, step), np.random.default_rng(step)
    written = rng.standard_normal((ROWS, CHANNELS, KEPT)).astype(np.float32)
    ring.begin(np.arange(ROWS))
    ring.append(np.arange(ROWS), written[:, :, -WINDOW:])
    written[:, :, :-WINDOW] = 0.0  # what lies before the first window is silence
    for number in range(50):
        fresh = rng.standard_normal((ROWS, CHANNELS, step)).astype(np.float32)
        if number == 20:  # one row begins anew
            fresh = rng.standard_normal((ROWS, CHANNELS, WINDOW)).astype(np.float32)
            written[1] = 0.0
            written[1, :, -WINDOW:] = fresh[1]
            ring.begin(np.array([1]))
            ring.append(np.array([1]), fresh[1:2])
        else:
            written = np.concatenate([written, fresh], axis=2)[:, :, -KEPT:]
            ring.append_all(fresh)
        np.testing.assert_array_equal(ring.windows_of_all(), written[:, :, -WINDOW:])
        np.testing.assert_array_equal(ring.recent(1), written[1])
        late = np.array([0, 2])
        found = ring.windows(np.array([2, 0]), late)
        np.testing.assert_array_equal(found[0], written[2, :, -WINDOW:])
        np.testing.assert_array_equal(found[1], written[0, :, -WINDOW - 2 : -2])


def test_rows_that_get_different_numbers_of_samples_keep_apart() -> None:
    ring, rng = SampleRing(ROWS, CHANNELS, WINDOW, WINDOW, 5), np.random.default_rng(0)
    written = [rng.standard_normal((CHANNELS, WINDOW)).astype(np.float32) for _ in range(ROWS)]
    ring.begin(np.arange(ROWS))
    ring.append(np.arange(ROWS), np.stack(written))
    for _ in range(40):
        for row in range(ROWS):
            fresh = rng.standard_normal((CHANNELS, 3 + row)).astype(np.float32)
            written[row] = np.concatenate([written[row], fresh], axis=1)[:, -WINDOW:]
            ring.append(np.array([row]), fresh[None])
        np.testing.assert_array_equal(ring.windows(np.arange(ROWS), np.zeros(ROWS, int)), np.stack(written))


def test_what_was_handed_out_does_not_change() -> None:
    ring = SampleRing(1, 1, 3, 3, 3)
    ring.begin(np.array([0]))
    ring.append(np.array([0]), np.ones((1, 1, 3), np.float32))
    window, recent = ring.windows_of_all(), ring.recent(0)
    ring.append_all(np.zeros((1, 1, 3), np.float32))
    assert (window == 1).all()
    assert (recent == 1).all()
