from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.datasets.eegmmidb.reader import channel_names
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.preprocessing import OCULAR_BAND_HZ, causal_bandpass, fit_ocular
from neuromotion_gym.signals.recording import Recording, SignalSpec

OCULAR = ("Fp1", "Fp2", "F7", "F8")
SPEC = SignalSpec("eeg", channel_names(), 160.0, "V")


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Noise of the size of EEG in which blinks and saccades reach every channel, less towards the back."""
    generator = np.random.default_rng(0)
    samples = 1e-5 * generator.standard_normal((64, 8000))
    slow = np.cumsum(generator.standard_normal((4, 8000)), axis=1) * 1e-6
    samples[[SPEC.channels.index(name) for name in OCULAR]] += 5 * slow
    samples += generator.uniform(-1, 1, (64, 4)) @ slow
    return Recording(samples.astype(np.float32), SPEC, (), "mock", "s", "0", "4")


def test_regression_is_that_of_mne(recording: Recording) -> None:
    mne = pytest.importorskip("mne")
    from scipy.signal import butter, sosfiltfilt

    def raw(samples: np.ndarray):
        instance = mne.io.RawArray(samples, mne.create_info(list(SPEC.channels), 160.0, "eeg"), verbose="ERROR")
        return instance.set_eeg_reference("average", verbose="ERROR")

    sections = butter(2, OCULAR_BAND_HZ, "bandpass", fs=160.0, output="sos")
    samples = recording.samples.astype(np.float64)
    model = mne.preprocessing.EOGRegression(picks="eeg", picks_artifact=list(OCULAR))
    model.fit(raw(sosfiltfilt(sections, samples, axis=1)))
    theirs = model.apply(raw(samples)).get_data()
    ours = fit_ocular([recording], OCULAR) @ samples
    # MNE takes the mean of the ocular channels out before it applies the weights: a constant for each channel
    theirs -= theirs.mean(axis=1, keepdims=True)
    ours -= ours.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * samples.std())


def test_regression_empties_the_ocular_channels_and_leaves_rank_59(recording: Recording) -> None:
    matrix = fit_ocular([recording], OCULAR)
    assert np.linalg.matrix_rank(matrix, tol=1e-9) == 59
    cleaned = recording.transformed(matrix)  # the flat channels that it leaves are no error
    emptied = cleaned.samples.std(axis=1) < 1e-5 * recording.samples.std()
    assert {name for name, empty in zip(SPEC.channels, emptied, strict=True) if empty} == set(OCULAR)


def test_regression_is_causal(recording: Recording) -> None:
    matrix = fit_ocular([recording], OCULAR)
    changed = recording.samples.copy()
    changed[:, 5000:] += 1
    cleaned, other = recording.transformed(matrix), Recording(changed, SPEC, (), "mock", "s").transformed(matrix)
    np.testing.assert_array_equal(cleaned.samples[:, :4992], other.samples[:, :4992])


def test_regression_says_what_is_missing(recording: Recording) -> None:
    with pytest.raises(NeuroMotionError, match="there is none"):
        fit_ocular([], OCULAR)
    with pytest.raises(NeuroMotionError, match="lacks Fp2"):
        fit_ocular([recording.pick([name for name in SPEC.channels if name != "Fp2"])], OCULAR)
    same = recording.samples.copy()
    same[SPEC.channels.index("Fp2")] = same[SPEC.channels.index("Fp1")]
    with pytest.raises(NeuroMotionError, match="not independent"):
        fit_ocular([Recording(same, SPEC, (), "mock", "s")], OCULAR)
    with pytest.raises(NeuroMotionError, match="differ in channels"):
        fit_ocular([recording, recording.resampled(128)], OCULAR)


def test_bandpass_in_pieces_is_the_bandpass_of_the_whole() -> None:
    samples = np.random.default_rng(1).standard_normal((2, 3, 900))
    whole, _ = causal_bandpass(samples, 160.0, (8.0, 30.0))
    first, state = causal_bandpass(samples[..., :331], 160.0, (8.0, 30.0))
    second, _ = causal_bandpass(samples[..., 331:], 160.0, (8.0, 30.0), state=state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=-1), whole, atol=1e-12)


def test_bandpass_passes_its_band_and_forgets_the_offset() -> None:
    time = np.arange(3200) / 160
    inside, outside = np.sin(2 * np.pi * 15 * time), np.sin(2 * np.pi * 2 * time)
    passed, _ = causal_bandpass(np.stack([inside, outside, 0 * time + 1]), 160.0, (8.0, 30.0))
    assert passed[0, 800:].std() == pytest.approx(inside.std(), rel=0.02)
    assert passed[1, 800:].std() < 0.01
    assert abs(passed[2]).max() < 1e-9


@pytest.mark.parametrize("band", [(0.0, 8.0), (8.0, 80.0), (10.0, 8.0)])
def test_bandpass_refuses_bands_that_cannot_be(band: tuple[float, float]) -> None:
    with pytest.raises(NeuroMotionError, match="half the sampling rate of 160 Hz"):
        causal_bandpass(np.zeros((2, 10)), 160.0, band)
