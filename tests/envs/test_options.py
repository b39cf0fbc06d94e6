"""From options to what is played: nothing that a decoder needs is lost on the way."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder, load_decoder
from neuromotion_gym.envs import NeuroEnv
from neuromotion_gym.envs.options import make_task
from neuromotion_gym.errors import UnknownOptionError

from .conftest import make_decoder, noise_source


class Counting:
    """Always the first label; counts the windows that it was given."""

    def __init__(self, labels: int) -> None:
        self.labels, self.windows = labels, 0

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        self.windows += len(windows)
        return np.eye(self.labels)[np.zeros(len(windows), int)]


def whole_trials(name: str, epoch_s: tuple[float, float]) -> ProbabilityDecoder:
    """A decoder of whole trials for the people of a shipped decoder."""
    spec = load_decoder(name).spec
    window = round((epoch_s[1] - epoch_s[0]) * spec.rate_hz)
    kept = spec.model_dump(exclude={"output", "effort", "adaptation", "control", "window", "pacing", "epoch_s", "name"})
    fields = {**kept, "name": "trials", "window": window, "pacing": "trial", "epoch_s": epoch_s}
    return ProbabilityDecoder(Counting(len(spec.labels)), DecoderSpec(**fields))


@pytest.mark.parametrize("vector", [False, True], ids=["make", "make_vec"])
def test_a_decoder_of_whole_trials_decodes_one_window_a_trial(vector: bool) -> None:
    decoder, rows, seconds = whole_trials("eeg_fists", (1.0, 3.0)), (2 if vector else 1), 30
    options = {"decoder": decoder, "level": "easy"}
    if vector:
        env = gym.make_vec("NeuroArm-v0", rows, vectorization_mode="vector_entry_point", **options)
    else:
        env = gym.make("NeuroArm-v0", **options)
    env.reset(seed=0)
    about = env.unwrapped.loop.about()
    for _ in range(seconds * 20):
        env.step(np.zeros(env.action_space.shape, np.float32))
    piece_s = env.unwrapped.loop.parts.source.mean_piece_s()
    assert about["pacing"] == "trial"
    assert piece_s == pytest.approx(3.1, abs=0.01)
    assert decoder.model.windows == pytest.approx(rows * seconds / piece_s, abs=2 * rows)
    env.close()


def test_the_cue_is_left_out_by_default_for_sliding_windows() -> None:
    """The eyes follow the cue: what is played by default begins 2 s after it."""
    env = gym.make("NeuroArm-v0", decoder="eeg_fists", level="easy")
    _, info = env.reset(seed=0)
    assert info["about"]["skip_cue"] == 2.0
    source = env.unwrapped.loop.parts.source
    assert (source.since_onset >= round(2.0 * source.spec.rate_hz)).all()
    _, kept = gym.make("NeuroArm-v0", decoder="eeg_fists", level="easy", skip_cue=0.0).reset(seed=0)
    assert kept["about"]["skip_cue"] == 0.0


def test_a_perturbation_is_played_and_said() -> None:
    lost = [{"name": "lost_channels", "options": {"channels": ["emg_1", "emg_2"]}}]
    env = gym.make("NeuroArm-v0", decoder="emg_armband", observe="signal", perturbations=lost)
    observation, info = env.reset(seed=0)
    assert not observation["signal"][:2].any()
    assert observation["signal"][2:].any()
    assert info["about"]["playing"]["perturbations"] == lost


@pytest.mark.parametrize(
    ("changes", "beyond_half_a_piece_s"),
    [
        ({}, 0.1 + 0.025),  # half a window of 0.2 s and half a hop of 0.05 s
        ({"hop_s": 0.2}, 0.1 + 0.1),
        ({"window": 80}, 0.2 + 0.025),
        ({"modality": "eeg", "pacing": "trial", "epoch_s": (0.5, 0.7)}, 0.7),  # the end of the epoch
    ],
)
def test_the_expected_lag_is_half_a_piece_and_that_of_the_decoder(changes, beyond_half_a_piece_s):
    decoder = make_decoder(**changes)
    source = noise_source(decoder.spec)
    env = NeuroEnv(decoder=decoder, source=source, level="easy")
    assert env.layout.lag_s == pytest.approx(source.mean_piece_s() / 2 + beyond_half_a_piece_s)
    decision_s = source.mean_piece_s() if decoder.spec.pacing == "trial" else decoder.spec.hop_s
    assert env.layout.hop_s == pytest.approx(decision_s)
    env.close()


def test_what_is_played_names_the_environment_and_every_figure_of_the_operator() -> None:
    env = gym.make("NeuroArm-v0", operator={"lapse": 0.5}, decoder="oracle")
    about = env.reset(seed=0)[1]["about"]
    assert about["environment"] == "NeuroArm-v0"
    assert about["operator"] == {"delay_s": 0.25, "hold_s": 0.3, "lapse": 0.5}
    env.close()


def test_an_option_of_the_loop_is_no_option_of_a_task() -> None:
    spec = load_decoder("emg_armband").spec
    with pytest.raises(UnknownOptionError, match=r"'part': no such option\. Options: .*wrong_selection"):
        make_task("NeuroArm-v0", spec, 0.5, part="test")


def test_what_controllers_are_given_cannot_be_written_to():
    """Goals are drawn from the candidates, and the drive moves by the directions, that a controller's layout shows."""
    layout = make_task("NeuroArm-v0", load_decoder("emg_armband").spec, 0.5).layout
    for array in (layout.candidates, layout.intents.directions, layout.moves):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
