"""Questions about signals: a planted fault of each kind is found with its words, and noise gives nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.audit.answer import NotAsked, Options
from neuromotion_gym.audit.questions import cue, device, montage, muscle, sample_faults, scale, targets
from neuromotion_gym.audit.registry import QUESTIONS

sys.path.insert(0, str(Path(__file__).parents[1]))

from materials import material, trials

FEW = Options(permutations=99)
FACTS = (sample_faults, scale, targets)


def test_a_potential_after_the_cue_is_found():
    given = trials()
    assert isinstance(cue.ask(material(), FEW), NotAsked)
    (answer,) = cue.ask(material(from_onset=True), FEW)
    assert answer.p > 0.05
    given["windows"][given["labels"] == "left", 3, 10:30] += 2
    (answer,) = cue.ask(material(**given, from_onset=True), FEW)
    assert answer.p == 0.01
    assert answer.figure.mean > 0.9


def test_muscles_react_later_than_the_first_moments_after_a_cue():
    """Without a scalp, 0.15 s are read: what comes later is movement, and no finding."""
    for start, seen in ((0, True), (15, False)):
        given = trials()
        given["windows"][given["labels"] == "left", :, start : start + 15] *= 4
        (answer,) = cue.ask(material(**{**given, "channels": list("abcd")}, from_onset=True), FEW)
        assert (answer.p == 0.01) == seen


@pytest.mark.parametrize(("channel", "seen"), [(0, True), (2, False)])
def test_muscles_are_looked_for_at_frontal_and_temporal_electrodes(channel, seen):
    given = trials()
    given["windows"][given["labels"] == "left", channel] *= 3
    (answer,) = muscle.ask(material(**given), FEW)
    assert (answer.p == 0.01) == seen
    ((_, inner),) = answer.beside
    assert (inner.mean > 0.9) != seen
    assert isinstance(muscle.ask(material(channels=list("abcd")), FEW), NotAsked)


def test_names_of_electrodes_in_any_letters_are_understood():
    given = trials()
    given["windows"][given["labels"] == "left", 0] *= 3
    (answer,) = muscle.ask(material(**{**given, "channels": ["FP1", "fp2.", "c3", "C4.."]}), FEW)
    assert answer.p == 0.01


@pytest.mark.parametrize(("size", "clipped"), [(0.01, False), (0.2, True)])
def test_clipped_channels_are_found(size, clipped):
    given = trials()
    mine = given["people"] == "P3"
    low, high = np.quantile(given["windows"][mine, 2], [size / 2, 1 - size / 2])
    given["windows"][mine, 2] = np.clip(given["windows"][mine, 2], low, high)
    answer = sample_faults.ask(material(**given), FEW)[0]
    assert answer.fact == clipped
    if clipped:
        assert answer.figure.mean == pytest.approx(0.2, abs=0.01)
        assert "channel C3 of 'P3'" in answer.sentence


def test_standing_and_repeated_samples_are_found():
    given = trials()
    given["windows"][given["people"] == "P1", :, 10:30] = 0.5
    given["windows"][5:10] = given["windows"][15:20]
    _, still, twice = sample_faults.ask(material(**given), FEW)
    assert still.fact
    assert still.figure.mean == pytest.approx(20 / 50)
    assert twice.fact
    assert twice.figure.mean == pytest.approx(5 / 192)


@pytest.mark.parametrize(("times", "odd"), [(3, False), (50, True), (0.02, True)])
def test_a_session_in_another_unit_is_found(times, odd):
    given = trials()
    given["windows"][(given["people"] == "P2") & (given["sessions"] == "s1")] *= times
    answer, _ = scale.ask(material(**{**given, "windows": 1e-6 * given["windows"], "unit": "V"}), FEW)
    assert answer.fact == odd
    if odd:
        assert "P2 s1" in answer.sentence
        assert answer.figure.mean == pytest.approx(50, rel=0.1)


def test_a_unit_that_no_electrode_gives_is_found():
    _, answer = scale.ask(material(unit="V"), FEW)
    assert answer.fact
    assert "which no electrode gives" in answer.sentence
    assert len(scale.ask(material(), FEW)) == 1


def test_a_label_and_a_movement_among_the_channels_are_found():
    given = trials()
    number = (given["labels"] == "left").astype(np.float32)
    coded = given["windows"].copy()
    coded[:, 1] = number[:, None]
    (answer,) = targets.ask(material(**{**given, "windows": coded}), FEW)
    assert answer.fact
    assert "Channel F8 takes 2 values, and tells the label at 1.00" in answer.sentence
    smooth = given["windows"].copy()
    smooth[:, 1] = np.linspace(0, 1, 50) * (1 + number)[:, None]
    (answer,) = targets.ask(material(**{**given, "windows": smooth}), FEW)
    assert answer.fact
    assert "times smoother than the others, and tells the label at 1.00" in answer.sentence


def test_an_electrode_that_is_loose_in_one_session_is_no_movement():
    given = trials()
    loose = (given["people"] == "P2") & (given["sessions"] == "s1")
    given["windows"][loose, 1] += 300 * np.linspace(0, 1, 50, dtype=np.float32)
    (answer,) = targets.ask(material(**given), FEW)
    assert not answer.fact
    given["windows"][~loose, 1] += 300 * np.linspace(0, 1, 50, dtype=np.float32)
    (answer,) = targets.ask(material(**given), FEW)
    assert answer.fact
    assert "Channel F8 is" in answer.sentence


def sessions_of_two_kinds() -> dict:
    """Labels that differ between sessions."""
    given = trials(people=12, sessions=1)
    first = np.isin(given["people"], [f"P{i}" for i in range(0, 12, 2)])
    given["labels"] = np.where(first, np.tile(["a", "b"], 96), np.tile(["c", "d"], 96))
    return given


def test_a_filter_that_goes_with_labels_is_found():
    given = sessions_of_two_kinds()
    (answer,) = device.ask(material(**given), FEW)
    assert answer.p > 0.05
    first = np.isin(given["labels"], ["a", "b"])
    smoothed = (given["windows"] + np.roll(given["windows"], 1, axis=2)) / 2
    given["windows"] = np.where(first[:, None, None], smoothed, given["windows"]).astype(np.float32)
    (answer,) = device.ask(material(**given), FEW)
    assert answer.p == 0.01
    assert answer.figure.mean > answer.reference + 0.1


def test_rates_that_go_with_labels_are_named():
    given = sessions_of_two_kinds()
    given["rate_hz"] = np.where(np.isin(given["labels"], ["a", "b"]), 1000.0, 2000.0)
    (answer,) = device.ask(material(**given), FEW)
    assert answer.p == 0.01
    assert "a, b at 1000 Hz, c, d at 2000 Hz" in answer.sentence
    assert isinstance(device.ask(material(), FEW), NotAsked)


def worn(order: list[int], clear: float = 1.0, seed: int = 7) -> dict:
    """A ring of six electrodes, of which the labels move one each; one person wears it otherwise.

    Of that person's trials a share is clear, and the others are noise.
    """
    given = trials(people=5, sessions=2, count=24)
    generator = np.random.default_rng(seed)
    labels = np.tile(["a", "b", "c", "d"], 60)
    samples = generator.standard_normal((240, 6, 50)).astype(np.float32)
    samples[np.arange(240), np.tile([0, 1, 2, 4], 60)] *= 3
    mine = np.flatnonzero(given["people"] == "P4")
    noise = mine[generator.random(len(mine)) > clear]
    samples[noise] = generator.standard_normal((len(noise), 6, 50))
    samples[mine] = samples[mine][:, order]
    return {**given, "windows": samples, "labels": labels, "channels": list("uvwxyz")}


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([0, 1, 2, 3, 4, 5], ""),
        ([0, 5, 4, 3, 2, 1], "mirrored, turned by 0 of 6"),
        ([2, 3, 4, 5, 0, 1], "turned by 4 of 6"),
        ([0, 4, 2, 3, 1, 5], "exchanged channels"),
    ],
)
def test_channels_in_another_order_are_found(order, words):
    (answer,) = montage.ask(material(**worn(order), ring=True), FEW)
    if words:
        assert answer.p <= 0.02
        assert f"P4 ({words}" in answer.sentence
        assert answer.figure.mean > answer.reference + 0.3
    else:
        assert answer.p > 0.05
        assert answer.figure.mean == answer.reference


def test_a_person_with_few_clear_trials_is_found_too():
    """By accuracy p would be 0.08 here: a doubtful trial counts as much as a clear one."""
    (answer,) = montage.ask(material(**worn([2, 3, 4, 5, 0, 1], clear=0.35, seed=16), ring=True), FEW)
    assert answer.p == 0.01
    assert "P4 (turned by 4 of 6" in answer.sentence


def mirrored(*people: str) -> dict:
    """A ring of six electrodes, two of which tell two labels apart; some of nine people wear it mirrored."""
    given = trials(people=9, sessions=2, count=24)
    generator = np.random.default_rng(2)
    samples = generator.standard_normal((432, 6, 50)).astype(np.float32)
    samples[np.arange(432), np.where(given["labels"] == "left", 1, 5)] *= 1.2
    for name in people:
        mine = given["people"] == name
        samples[mine] = samples[mine][:, [0, 5, 4, 3, 2, 1]]
    return {**given, "windows": samples, "channels": list("uvwxyz")}


def test_others_who_are_mirrored_too_change_nothing():
    """They are put in order first, so that P5 is compared with the same model as if they were not mirrored."""
    (alone,) = montage.ask(material(**mirrored("P5"), ring=True), FEW)
    (among,) = montage.ask(material(**mirrored("P1", "P3", "P5"), ring=True), FEW)
    assert "1 of 9 people" in alone.sentence
    assert "3 of 9 people" in among.sentence
    told = "P5 (mirrored, turned by 0 of 6: 0.10 to 0.90)"
    assert told in alone.sentence
    assert told in among.sentence


def test_every_question_is_asked_by_its_module():
    assert set(QUESTIONS) == {
        path.stem for path in Path(montage.__file__).parent.glob("*.py") if path.stem != "__init__"
    }


@pytest.mark.parametrize("module", FACTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_noise_has_no_faults(module):
    assert not any(answer.fact for answer in module.ask(material(), FEW))
