"""Runs epoch by epoch: what is played, decoded and moved; the MATLAB file, its script in Octave, the video."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from neuromotion_gym.benchmark.epoch_run import DECODED, TRUE, run_epochs
from neuromotion_gym.benchmark.mat_file import write_mat
from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs import Limb
from neuromotion_gym.rendering import rendering_available

SPEC = DecoderSpec(
    name="sign", modality="eeg", dataset="eegmmidb", labels=("left_fist", "right_fist"), channels=("C3", "C4"),
    rate_hz=160, unit="µV", window=33, pacing="trial", epoch_s=(0.5, 0.7), split="subject", licence="CC0-1.0",
)  # fmt: skip


class Sign:
    """Left where the mean of C3 is above that of C4."""

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        left = (windows[:, 0].mean(axis=1) > windows[:, 1].mean(axis=1)).astype(float)
        return np.stack([left, 1 - left], axis=1)


def parts(decoder=None):
    return assemble("NeuroHand-v0", decoder=decoder or ProbabilityDecoder(Sign(), SPEC), part="test")


@pytest.fixture(scope="module")
def run():
    return run_epochs(parts(), 6, hold_s=1.0, seed=3)


def test_every_epoch_moves_the_limbs_by_its_decoded_and_its_true_label(run) -> None:
    assert run.epochs.shape == (6, 2, 33)
    assert (run.decoded, run.labels) == (pytest.approx(Sign().predict_proba(run.epochs).argmax(axis=1)), SPEC.labels)
    assert 5 < run.epochs.std() < 200  # µV
    assert sorted(run.truth[1:].tolist()) in ([0, 0, 0, 1, 1], [0, 0, 1, 1, 1])
    assert 2 <= run.trials <= 6
    assert run.time_s[[0, -1]] == pytest.approx([0.05, 6.0])
    assert run.epoch_of_step.tolist() == np.repeat(np.arange(6), 20).tolist()
    limb = Limb.load("hand")
    ends = np.flatnonzero(np.diff(run.epoch_of_step, append=6))
    for row, labels in ((DECODED, run.decoded), (TRUE, run.truth)):
        for epoch, step in enumerate(ends):
            posture = {"left_fist": "spread", "right_fist": "fist"}[run.labels[labels[epoch]]]
            wanted = limb.posture(posture)[0][1 : 1 + limb.model.nq]
            assert np.abs(run.states[row, step] - wanted).max() < 0.1, (row, epoch)
    assert (run.decoded != run.truth).any()
    apart = np.abs(run.positions[DECODED] - run.positions[TRUE]).max(axis=1)[ends]
    assert (apart > 0.5).tolist() == (run.decoded != run.truth).tolist()


def test_the_oracle_s_limb_does_what_the_true_one_does() -> None:
    found = run_epochs(parts(("oracle", ProbabilityDecoder(Sign(), SPEC))), 3, hold_s=0.2)
    np.testing.assert_array_equal(found.decoded, found.truth)
    np.testing.assert_array_equal(found.states[DECODED], found.states[TRUE])


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="'emg_armband' reads window after window"):
        run_epochs(assemble("NeuroHand-v0"), 3)
    with pytest.raises(NeuroMotionError, match=r"1 epoch or more.*not 0 and 1 s"):
        run_epochs(parts(), 0)


def test_the_matlab_file_holds_the_run(run, tmp_path) -> None:
    write_mat(tmp_path / "run.mat", run)
    assert (tmp_path / "run.mat").read_bytes()[:19] == b"MATLAB 5.0 MAT-file"
    found = loadmat(tmp_path / "run.mat", simplify_cells=True)
    np.testing.assert_array_equal(found["epochs"], run.epochs)
    np.testing.assert_array_equal(found["true_label"], run.truth + 1)
    np.testing.assert_array_equal(found["decoded_label"], run.decoded + 1)
    np.testing.assert_array_equal(found["decoded_joints"], run.positions[DECODED])
    np.testing.assert_array_equal(found["true_joints"], run.positions[TRUE])
    assert found["labels"].tolist() == list(run.labels)
    assert found["joints"].tolist() == list(run.joints)
    assert (found["rate_hz"], found["unit"], found["subject"]) == (160, "µV", run.subject)
    assert [path.name for path in tmp_path.iterdir()] == ["run.mat"]


@pytest.mark.skipif(not rendering_available(), reason="this machine cannot draw")
def test_the_video_shows_two_limbs_side_by_side(run, tmp_path) -> None:
    import imageio.v3 as imageio

    from neuromotion_gym.benchmark import beside

    beside.film_beside(tmp_path / "run.mp4", Limb.load("hand"), run, "a title", every=60)
    frames = imageio.imread(tmp_path / "run.mp4", plugin="FFMPEG")
    assert frames.shape == (2, 720, 1280, 3)
    inner = frames[:, 100:580].astype(int)
    for frame in inner:
        for half in (frame[:, :640], frame[:, 640:]):
            assert half.std() > 10
    assert np.abs(inner[0] - inner[1]).max() > 100


def test_the_script_for_matlab_runs_in_octave(tmp_path) -> None:
    octave = shutil.which("octave-cli") or shutil.which("octave")
    if octave is None:
        pytest.skip("GNU Octave is not installed")
    script = Path(__file__).resolve().parents[2] / "examples" / "matlab" / "hand_epochs.m"
    command = f'"{sys.executable}" -c "from neuromotion_gym.cli.main import main; main()"'
    ended = subprocess.run(
        [octave, "--no-gui", "--quiet", str(script)],
        cwd=tmp_path, env={**os.environ, "NEUROMOTION": command, "NEUROMOTION_EPOCHS": "2"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "of 2 epochs decoded right" in ended.stdout
    assert (tmp_path / "hand_epochs.mat").is_file()
    drawn = tmp_path / "hand_epochs.png"
    assert "No picture: " in ended.stdout or drawn.stat().st_size > 10_000
