"""Shared samples and shared people: overlapping windows, people on both sides, the same person under two names."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.audit.answer import NotAsked, Options
from neuromotion_gym.audit.material import Material
from neuromotion_gym.audit.questions import shared_people, shared_samples

sys.path.insert(0, str(Path(__file__).parents[1]))

from materials import material, trials


def sliding(test: np.ndarray) -> Material:
    """Overlapping windows of slow noise with a label for each stretch, as they are split at random in many papers."""
    generator = np.random.default_rng(0)
    signal = np.cumsum(generator.standard_normal((3, 620)), axis=1).astype(np.float32)
    starts = np.arange(600)
    return Material.of_windows(
        np.stack([signal[:, start : start + 10] for start in starts]),
        np.where(starts // 100 % 2, "left", "right"),
        rate_hz=100,
        groups=starts // 100,
        test=test,
    )


def test_overlapping_windows_are_found_with_what_they_buy():
    (answer,) = shared_samples.ask(sliding(np.random.default_rng(1).random(600) < 0.2), Options())
    assert answer.fact
    assert answer.figure.mean > 0.95
    (_, known), (_, given), (_, blocked) = answer.beside
    assert known.mean > 0.95
    assert given.mean > 0.95
    assert blocked.mean < given.mean - 0.1


def test_whole_stretches_share_nothing():
    (answer,) = shared_samples.ask(sliding(np.arange(600) < 100), Options())
    # Only the last nine windows before the border overlap the first ones after it, and half a window has to be shared
    assert answer.figure.mean < 0.06
    given = trials()
    (answer,) = shared_samples.ask(material(test=given["people"] == "P0"), Options())
    assert not answer.fact
    assert answer.figure.mean == 0


def test_without_a_split_there_is_no_answer():
    assert isinstance(shared_samples.ask(material(), Options()), NotAsked)


@pytest.mark.parametrize(("claim", "fact"), [("subject", True), ("session", False), ("trial", False)])
def test_people_on_both_sides_matter_if_the_claim_is_about_people(claim, fact):
    given = trials()
    by_name, _ = shared_people.ask(material(claim=claim, test=given["sessions"] == "s1"), Options())
    assert by_name.fact == fact
    assert by_name.figure.mean == float(fact)


def test_a_person_under_two_names_is_found():
    given = trials()
    given["windows"][given["people"] == "P5"] = 1e6 * given["windows"][given["people"] == "P2"]
    (names,) = shared_people.ask(material(**given), Options())
    assert names.fact
    assert names.figure.mean == pytest.approx(2 / 6)
    assert "P2 and P5" in names.sentence
    (names,) = shared_people.ask(material(), Options())
    assert not names.fact
