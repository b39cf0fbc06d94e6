"""A calibration that learned nothing: it is refused with its accuracy and chance, or warned about in the loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.decoders.calibration import fitted_head
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Trial
from neuromotion_gym.training.calibrate import calibrate


def without_meaning(recording, seed=0):
    """The recording with noise in place of its samples; the labels stay."""
    samples = np.random.default_rng(seed).normal(size=recording.samples.shape).astype(np.float32)
    return replace(recording, samples=samples)


def long_recording(tiny, copies=4):
    one = tiny.recording()
    length = one.samples.shape[1]
    trials = [
        replace(trial, start=trial.start + number * length, stop=trial.stop + number * length)
        for number in range(copies)
        for trial in one.trials
    ]
    return replace(one, samples=np.tile(one.samples, copies), trials=tuple(trials))


def test_calibration_at_chance_is_refused_with_both_figures(tiny, head_folder, tmp_path):
    with pytest.raises(NeuroMotionError, match=r"at chance on the recording of P0: balanced accuracy 0\.\d\d .*0\.50"):
        calibrate(head_folder, without_meaning(long_recording(tiny)), tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_calibration_at_chance_is_warned_about_in_the_loop(tiny, head_folder):
    with pytest.warns(NeuroMotionWarning, match=r"to P0 is at chance: balanced accuracy 0\.\d\d .* chance 0\.50"):
        load_decoder(head_folder).adapt([without_meaning(long_recording(tiny))])


def test_trials_with_a_level_of_their_own_do_not_pass_for_labels(tiny, head_folder):
    # Each trial has a level of its own: parts of trials would say 0.9, whole trials say that the label is not in them
    levels = {0: ("left", (0, 0)), 1: ("right", (6, 0)), 2: ("left", (0, 30)), 3: ("right", (0, 42))}
    recording = without_meaning(tiny.recording())
    samples = recording.samples.copy()
    for number, (_, level) in levels.items():
        samples[:, 80 * number : 80 * number + 80] += np.array(level, np.float32)[:, None]
    trials = tuple(Trial(label, 80 * number, 80 * number + 80) for number, (label, _) in levels.items())
    decoder = load_decoder(head_folder)
    fit = fitted_head(decoder.features, [replace(recording, samples=samples, trials=trials)], decoder.spec)
    assert fit.accuracy < 0.6


def test_weak_calibration_is_written_with_a_warning(tiny, head_folder, tmp_path):
    recording = long_recording(tiny)
    noise = 20 * np.random.default_rng(0).normal(size=recording.samples.shape)
    weak = replace(recording, samples=(recording.samples + noise).astype(np.float32))
    with pytest.warns(NeuroMotionWarning, match=r"little better than chance .*: balanced accuracy 0\.[56]\d .*0\.50"):
        assert calibrate(head_folder, weak, tmp_path / "mine").is_dir()


def test_armband_whose_labels_belong_to_other_trials_is_refused(data_root, tmp_path):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    run = read_round("Male6", "training0", root=data_root)
    names = np.random.default_rng(0).permutation([trial.label for trial in run.trials])
    wrong = replace(
        run, trials=tuple(replace(one, label=str(name)) for one, name in zip(run.trials, names, strict=True))
    )
    with pytest.raises(NeuroMotionError, match=r"at chance on the recording of Male6: .*chance 0\.14"):
        calibrate("emg_armband_calibrated", wrong, tmp_path / "mine")
    assert calibrate("emg_armband_calibrated", run, tmp_path / "mine").is_dir()
