"""How a decoder is shown where the user does not say: level, controller, speed of the video, number of episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuromotion_gym.registration import ENVIRONMENTS, environment, task_class
from neuromotion_gym.tasks.task import middle_level

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

SLOW_WINDOW_S = 1.0
"""Decoders with a window of this length or more are shown on the easiest level, in a video faster than real time."""
FAST = 4
"""Times as fast as real time, of such a video."""
LONG_EPISODE_S = 60.0
"""Episodes that may last longer than this are shown faster than real time, too, and fewer of them."""
EPISODES, FEW_EPISODES = 15, 4
"""Episodes of a first look, and of one at long episodes: both take minutes."""


@dataclass(frozen=True)
class Setting:
    """How a decoder is shown.

    Parameters
    ----------
    environment, level, controller : str
    film : int
        Speed of the video, in multiples of real time.
    """

    environment: str
    level: str
    controller: str
    film: int


def usual_setting(spec: DecoderSpec, env_id: str | None = None) -> Setting:
    """The setting for a decoder, by the length of its window; a decoder of targets is followed.

    Parameters
    ----------
    spec : DecoderSpec
    env_id : str, optional
        The first environment if left out.

    Raises
    ------
    NeuroMotionError
        If there is no such environment.
    """
    name = env_id or next(iter(ENVIRONMENTS))
    levels = task_class(environment(name).task).levels
    if not spec.classifies:
        return Setting(name, middle_level(levels), "follow", 1)
    if spec.window_s >= SLOW_WINDOW_S:
        return Setting(name, levels[0], "bayes", FAST)
    return Setting(name, middle_level(levels), "argmax", 1)


def film_speed(setting: Setting, time_limit_s: float) -> int:
    """Speed of the video of one episode, in multiples of real time.

    Parameters
    ----------
    setting : Setting
    time_limit_s : float
        Longest duration of the episode.
    """
    return max(setting.film, FAST) if time_limit_s > LONG_EPISODE_S else setting.film


def usual_episodes(time_limit_s: float) -> int:
    """Number of episodes of a first look.

    Parameters
    ----------
    time_limit_s : float
        Longest duration of an episode.
    """
    return FEW_EPISODES if time_limit_s > LONG_EPISODE_S else EPISODES
