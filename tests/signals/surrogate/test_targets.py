"""A surrogate of recordings with continuous targets plays the targets of the trial whose samples it plays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Targets, Trial
from neuromotion_gym.signals.surrogate import SurrogateSource
from neuromotion_gym.signals.surrogate.courses import lines
from neuromotion_gym.signals.surrogate.fit import fit_surrogate
from neuromotion_gym.signals.surrogate.models import MODELS
from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters

SPEC = SignalSpec("emg", ("a", "b"), 100.0, "V")
LABELS = ("rest", "bend")
LENGTH = 200
MODEL = replace(
    MODELS["emg"], edges_hz=(0, 10, 50), frames=1, groups=2, patterns=2, levels=True, slow_hz=0.05, knots_hz=0.1,
    noise="tape", target_knots=5,
)  # fmt: skip
OPTIONS = {"pieces_s": (0.3, 0.6), "fade_s": 0.1}


def recording(run: str, seed: int, targets: bool = True) -> Recording:
    """Four trials of each label; in trial i of "bend" the joints rise to (i + 1) / 5 and fall to -(i + 1) / 5."""
    generator = np.random.default_rng(seed)
    values, trials = [], []
    for number in range(8):
        size = (number // 2 + 1) / 5 * (number % 2)
        values.append(np.outer([size, -size], np.minimum(np.arange(LENGTH) / 100, 1)))
        trials.append(Trial(LABELS[number % 2], number * LENGTH, (number + 1) * LENGTH, False))
    joints = np.concatenate(values, axis=1)
    samples = (1e-3 * (joints + generator.normal(0, 0.1, joints.shape))).astype(np.float32)
    made = Targets(("x", "y"), joints.astype(np.float32)) if targets else None
    return Recording(samples, SPEC, tuple(trials), "toy", "P1", run=run, targets=made)


def session(**options: bool) -> Session:
    return Session("toy", "P1", "0", (recording("1", 1, **options),), (recording("2", 2, **options),))


@pytest.fixture(scope="module")
def parameters() -> SurrogateParameters:
    return fit_surrogate([session()], LABELS, model=MODEL, part="tune")


def played(source: SurrogateSource, seeds: list[int], labels: np.ndarray, count: int) -> np.ndarray:
    """Targets after each read, shape (steps, rows, targets)."""
    source.start(len(seeds))
    source.reset(np.arange(len(seeds)), [np.random.default_rng(seed) for seed in seeds])
    found = []
    for asked in labels:
        source.read(asked, count)
        found.append(source.target)
    return np.array(found)


def test_lines_go_through_their_knots() -> None:
    share = lines(9, 3)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    np.testing.assert_allclose(share @ [0.0, 1.0, -1.0], [0, 0.25, 0.5, 0.75, 1, 0.5, 0, -0.5, -1])


def test_the_targets_that_play_are_those_of_the_trial_that_plays(parameters: SurrogateParameters) -> None:
    """Without a cross-fade two reads tell the line of one trial: its slope below, its end above the middle."""
    source = SurrogateSource(parameters, pieces_s=(0.3, 0.6), fade_s=0.0)
    found = played(source, list(range(20)), np.ones((40, 20), int), 10)
    assert source.targets == ("x", "y")
    np.testing.assert_allclose(found[..., 0], -found[..., 1], atol=0.01)
    assert found[..., 0].min() >= -0.01
    assert 0.75 < found[..., 0].max() <= 0.81
    # Ends of the four trials occur, values between two of them only where a joint is on its way
    held = found[..., 0][np.isclose(found[..., 0], np.roll(found[..., 0], 1, axis=0), atol=1e-3)]
    ends = np.unique(np.round(held[held > 0.1] * 5) / 5)
    np.testing.assert_allclose(ends, [0.2, 0.4, 0.6, 0.8])


def test_targets_are_those_of_the_place_in_the_trial_and_of_the_piece_that_fades_out(
    parameters: SurrogateParameters,
) -> None:
    """Pieces are as long as trials, so that each begins with the trial's first sample."""
    source = SurrogateSource(parameters, pieces_s=(1.9, 1.9), fade_s=0.1)
    found = played(source, [0, 1, 2], np.ones((210, 3), int), 1)[..., 0]
    course = np.minimum(np.arange(LENGTH) / 100, 1)
    first = np.round(found[150] * 5) / 5
    np.testing.assert_allclose(found[:190], np.outer(course[:190], first), atol=0.02)
    second = found[209] / course[19]
    weight = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 11) / 11)[:, None]
    fading = weight * np.outer(course[:10], second) + (1 - weight) * np.outer(course[190:], first)
    np.testing.assert_allclose(found[190:200], fading, atol=0.03)
    assert (found[190] > 0.9 * first).all()


def test_rest_has_targets_of_zero_and_a_movement_fades_in(parameters: SurrogateParameters) -> None:
    source = SurrogateSource(parameters, **OPTIONS)
    labels = np.repeat([[0], [1]], 60, axis=0) * np.ones(4, int)
    found = played(source, [0, 1, 2, 3], labels, 1)
    before = source.playing
    assert (found[:30] == 0).all()
    assert (before == 1).all()
    assert found[-1, :, 0].max() > 0.05
    jumps = np.abs(np.diff(found, axis=0)).max()
    assert jumps < 0.15  # a tenth of a second from one trial to another one, not at once


def test_a_row_of_a_batch_plays_what_it_plays_alone(parameters: SurrogateParameters) -> None:
    labels = np.random.default_rng(0).integers(2, size=(50, 3))
    batch = played(SurrogateSource(parameters, **OPTIONS), [4, 5, 6], labels, 7)
    for row in range(3):
        alone = played(SurrogateSource(parameters, **OPTIONS), [4 + row], labels[:, row : row + 1], 7)
        np.testing.assert_array_equal(batch[:, row], alone[:, 0])


def test_nothing_is_known_before_the_first_read_and_after_a_reset(parameters: SurrogateParameters) -> None:
    source = SurrogateSource(parameters, **OPTIONS)
    played(source, [0, 1], np.ones((30, 2), int), 10)
    assert (source.target != 0).all()
    source.reset(np.array([1]), [np.random.default_rng(2)])
    assert (source.target[0] != 0).all()
    assert (source.target[1] == 0).all()


def test_the_generated_calibration_run_has_targets_and_gaps_between_its_trials(parameters: SurrogateParameters) -> None:
    (run,) = SurrogateSource(parameters, **OPTIONS).calibration(0)
    assert run.targets.names == ("x", "y")
    bends = [trial for trial in run.trials if trial.label == "bend"]
    ends = sorted(float(run.targets.values[0, trial.stop - 1]) for trial in bends)
    np.testing.assert_allclose(ends, [0.2, 0.4, 0.6, 0.8], atol=0.02)
    assert [gap for gap, _ in run.bad_spans] == [trial.stop for trial in run.trials[:-1]]


def test_the_samples_are_those_of_a_surrogate_without_targets(parameters: SurrogateParameters, tmp_path) -> None:
    silent = fit_surrogate([session(targets=False)], LABELS, model=MODEL, part="tune")
    assert silent.targets == ()
    labels = np.random.default_rng(0).integers(2, size=(30, 2))

    def samples(one: SurrogateParameters) -> np.ndarray:
        source = SurrogateSource(one, **OPTIONS)
        source.start(2)
        source.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)])
        return np.concatenate([source.read(asked, 9) for asked in labels], axis=2)

    np.testing.assert_array_equal(samples(silent), samples(parameters))
    kept = SurrogateParameters.read(parameters.save(tmp_path / "kept.npz"))
    np.testing.assert_array_equal(kept.target_course, parameters.target_course)
    assert kept.targets == ("x", "y")
    source = SurrogateSource(SurrogateParameters.read(silent.save(tmp_path / "silent.npz")), **OPTIONS)
    assert source.targets == ()
    source.start(3)
    assert source.target.shape == (3, 0)
    assert source.calibration(0)[0].targets is None


def test_recordings_that_differ_in_their_targets_are_refused() -> None:
    other = replace(session(targets=False), subject="P2")
    with pytest.raises(NeuroMotionError, match="P2 has the targets none, others x, y"):
        fit_surrogate([session(), other], LABELS, model=MODEL)
    with pytest.raises(NeuroMotionError, match="P1 has recordings with the targets"):
        fit_surrogate([replace(session(), calibration=(recording("2", 2, targets=False),))], LABELS, model=MODEL)


def test_a_file_whose_courses_are_not_those_of_its_targets_is_refused(parameters: SurrogateParameters) -> None:
    with pytest.raises(NeuroMotionError, match="target_course is int8 of shape"):
        replace(parameters, target_course=parameters.target_course[:, :1])
    with pytest.raises(NeuroMotionError, match="have 1 knots; they need two or more"):
        replace(parameters, target_course=parameters.target_course[..., :1])
    with pytest.raises(NeuroMotionError, match="has to be of type list"):
        replace(parameters, meta={**parameters.meta, "targets": "x"})
