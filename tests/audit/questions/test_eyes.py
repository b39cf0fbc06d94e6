"""The eyes: a slow movement at frontal electrodes that depends on the label is found; other electrodes are not read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neuromotion_gym.audit.answer import NotAsked, Options
from neuromotion_gym.audit.questions.eyes import ask

sys.path.insert(0, str(Path(__file__).parents[1]))

from materials import material, trials

FEW = Options(permutations=99)


@pytest.mark.parametrize(("channel", "seen"), [(1, True), (2, False)])
def test_a_saccade_is_found_at_electrodes_over_the_eyes(channel, seen):
    given = trials()
    given["windows"][given["labels"] == "left", channel, 20:] += 1
    (answer,) = ask(material(**given), FEW)
    assert (answer.p == 0.01) == seen
    assert (answer.figure.mean > 0.9) == seen
    assert answer.sentence.startswith("F7, F8, below 4 Hz, tell the label at ")


def test_without_electrodes_over_the_eyes_there_is_no_answer():
    assert isinstance(ask(material(channels=["a", "b", "c", "d"]), FEW), NotAsked)
