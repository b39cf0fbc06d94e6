"""How fast a video of one episode is, and how many episodes a first look has."""

from __future__ import annotations

import pytest

from neuromotion_gym.benchmark.settings import FAST, LONG_EPISODE_S, Setting, film_speed, usual_episodes, usual_setting
from neuromotion_gym.decoders.zoo import load_decoder


@pytest.mark.parametrize(
    ("usual", "time_limit_s", "speed"),
    [(1, LONG_EPISODE_S, 1), (1, LONG_EPISODE_S + 1, FAST), (8, 2 * LONG_EPISODE_S, 8), (4, 20.0, 4)],
)
def test_long_episodes_are_shown_faster_and_none_slower(usual: int, time_limit_s: float, speed: int) -> None:
    assert film_speed(Setting("", "", "argmax", usual), time_limit_s) == speed


@pytest.mark.parametrize(("time_limit_s", "episodes"), [(LONG_EPISODE_S, 15), (LONG_EPISODE_S + 1, 4)])
def test_a_first_look_has_fewer_long_episodes(time_limit_s: float, episodes: int) -> None:
    """The help of ``neuromotion demo`` states both numbers."""
    assert usual_episodes(time_limit_s) == episodes


def test_a_decoder_of_targets_is_followed_on_the_middle_level() -> None:
    found = usual_setting(load_decoder("emg_finger_joints").spec, "NeuroHand-v0")
    assert (found.controller, found.level) == ("follow", "standard")
