"""Modes of variation: found where covariances vary, not where noise does."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.surrogate.modes import Modes, Variation, gaussian_like, read_modes, triangles, write_modes

EDGES = (0.0, 8.0, 30.0, 80.0)
RATE = 160.0
CHANNELS = ("a", "b", "c", "d")


def _trials(generator: np.random.Generator, varying: bool) -> np.ndarray:
    """Trials (40, 4, 640); where varying, every second of 8 to 30 Hz has its power on one side or the other."""
    from scipy.signal import butter, sosfilt

    x = generator.standard_normal((40, 4, 640))
    if varying:
        side = np.repeat(generator.choice([-1.0, 1.0], (40, 4)), 160, axis=1)[:, None]
        band = sosfilt(butter(3, (8, 30), "bandpass", fs=RATE, output="sos"), generator.standard_normal(x.shape))
        x += band * np.where(np.arange(4)[:, None] < 2, np.exp(side), np.exp(-side)) * 2
    return x


def _found(varying: bool) -> Modes:
    generator = np.random.default_rng(0)
    variation = Variation(CHANNELS, EDGES, 8)
    for _ in range(4):
        variation.add(_trials(generator, varying), np.zeros((40, 1), np.int16), RATE)
    return variation.modes(2)


def test_the_direction_that_varies_is_the_first_mode():
    modes = _found(varying=True)
    first = triangles(modes.matrix, 4)[1, 0]
    power = np.diag(first) * np.sign(first[0, 0])
    assert (power[:2] > 0.3).all()
    assert (power[2:] < -0.3).all()
    assert modes.kept[1, 0] > 0.8
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)


def test_noise_has_next_to_nothing_beyond_chance():
    assert _found(varying=False).kept.max() < 0.5


def test_scores_have_the_variance_beyond_chance():
    modes = _found(varying=True)
    departure = 0.7 * triangles(modes.matrix, 4)[1, 0][None, None]
    np.testing.assert_allclose(modes.scores(1, departure)[0, 0], [0.7 * modes.kept[1, 0], 0], atol=1e-5)


def test_gaussian_noise_has_the_spectrum_that_is_asked_for():
    noise = gaussian_like((50, 640), np.array([0.0, 0.0, 1.0, 0.0, 0.0]), RATE, np.random.default_rng(0))
    power = (abs(np.fft.rfft(noise)) ** 2).mean(axis=0)
    assert np.argmax(power) * RATE / 640 == pytest.approx(40, abs=3)
    assert power[:70].max() < 0.01 * power.max()


def test_file_gives_the_same_modes(tmp_path):
    modes = _found(varying=True)
    again = read_modes(write_modes(modes, tmp_path / "modes.npz"))
    assert (again.channels, again.edges_hz, again.frames) == (CHANNELS, EDGES, 8)
    np.testing.assert_allclose(again.matrix, modes.matrix * (modes.kept > 0)[:, :, None], atol=4e-3)
    np.testing.assert_allclose(again.kept, modes.kept, atol=1e-6)


def test_what_is_no_file_of_modes_is_refused(tmp_path):
    (tmp_path / "modes.npz").write_bytes(b"nothing")
    with pytest.raises(NeuroMotionError, match="cannot be read as modes"):
        read_modes(tmp_path / "modes.npz")
