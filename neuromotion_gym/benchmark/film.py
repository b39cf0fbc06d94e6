"""Videos of single episodes of a benchmark: one that lasted as long as the median success, and one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.benchmark.episodes import EpisodeKey
    from neuromotion_gym.controllers.base import Controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop, Parts
    from neuromotion_gym.envs.view import View
    from neuromotion_gym.rendering import VideoWriter

LINGER_S = 1.5
"""Seconds for which the video shows the outcome of an episode."""
PICTURES = 80
"""Pictures of an episode that are drawn: enough to follow it, and a few seconds' work without a graphics card."""
TRIES = 3
"""Episodes that are played again until one ends as before: a batch of one may round a posterior differently."""


def film_episode(
    loop: ClosedLoop,
    controller: Controller,
    key: EpisodeKey,
    seed: int,
    video: VideoWriter,
    view: View,
    every: int = 1,
    hold: int = 1,
) -> None:
    """Play one episode again and add its frames, with the overlay for people, to a video.

    Parameters
    ----------
    loop : ClosedLoop
        A batch of one that keeps enough signal for the overlay.
    controller : Controller
    key, seed
        See `neuromotion_gym.benchmark.episodes.play`.
    video : VideoWriter
        At the rate of the control periods.
    view : View
        Of ``loop``.
    every : int
        Every n-th control period is shown: the video is that many times as fast as real time.
    hold : int
        Frames for which each picture is shown: fewer are drawn, which takes most of the time.
    """
    loop.reset(np.zeros(1, dtype=int), [key.generator(seed)], sessions=np.array([key.session]))
    state, ended = None, False
    while not ended:
        if loop.steps[0] % (every * hold) == 0:
            picture = view.frame(0, overlay=True)
            for _ in range(hold):
                video.add(picture)
        action, state = controller.predict(np.asarray(loop.observation()), state)
        result = loop.step(action)
        ended = bool(result.terminated[0] or result.truncated[0])
    last = view.frame(0, overlay=True)
    for _ in range(round(LINGER_S / loop.layout.control_s)):
        video.add(last)


def film_first(parts: Parts, controller: str, seed: int, video: VideoWriter, every: int = 1) -> tuple[str, float]:
    """Add the first episode of the first person to a video, as `film_episode` does.

    Parameters
    ----------
    parts : Parts
        Of a loop that is made for this, and closed.
    controller : str
        Name of the controller.
    seed, video, every
        As in `film_episode`.

    Returns
    -------
    verdict : str
        How the episode ended, in words.
    seconds : float
        When it ended.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw.
    """
    from neuromotion_gym.benchmark.episodes import episode_keys
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.neuro_env import VISIBLE_S
    from neuromotion_gym.envs.view import View

    loop = ClosedLoop(parts, keep_s=VISIBLE_S)
    view = View(loop, _speed_of(every), controller=controller)
    try:
        key = episode_keys(parts.source.sessions, 1)[0]
        film_episode(loop, make_controller(controller, loop.layout), key, seed, video, view, every)
        return view.snapshot(0).verdict, float(loop.steps[0] * loop.layout.control_s)
    finally:
        view.close()
        loop.close()


def _speed_of(every: int) -> str:
    """What the overlay says of a video that is faster than real time."""
    return f"shown {every} times as fast" if every > 1 else ""


def film_examples(
    loop: ClosedLoop,
    controller: Controller,
    episodes: Sequence[dict[str, Any]],
    keys: Sequence[EpisodeKey],
    seeds: Sequence[int],
    folder: Path,
    name: str = "",
    every: int = 1,
) -> dict[str, Path]:
    """Film an episode of median length that succeeded, and one that failed.

    Parameters
    ----------
    loop : ClosedLoop
        A batch of one that keeps enough signal for the overlay.
    controller : Controller
    episodes : sequence of dict
        What was played: all of ``keys`` with the first seed, then all with the second, and so on.
    keys, seeds
        See `neuromotion_gym.benchmark.episodes.play`.
    folder : path
        Folder for ``median.mp4`` and ``failed.mp4``; an older one of them is removed where there is nothing to show.
    name : str
        Name of the controller, for the overlay.
    every : int
        Speed of the video, in multiples of real time.

    Returns
    -------
    dict of str to path
        ``median`` and ``failed``, where there is such an episode.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw; `neuromotion_gym.rendering.why_not` says why.
    """
    found = {}
    for kind, order in candidates(episodes).items():
        path = folder / f"{kind}.mp4"
        path.unlink(missing_ok=True)
        for index in order[:TRIES]:
            key, seed = keys[index % len(keys)], seeds[index // len(keys)]
            if _filmed(loop, controller, key, seed, episodes[index], path, name, every):
                found[kind] = path
                break
    return found


def candidates(episodes: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    """Indices of episodes to film, the best first.

    Returns
    -------
    dict
        ``median``: successes, those next to their median time first. ``failed``: the others, wrong selections next to
        the median time of wrong selections first, then those without a selection.
    """
    time_s = np.array([episode["time_s"] for episode in episodes])
    success = np.array([episode["success"] for episode in episodes])
    wrong = np.array([episode["wrong_selection"] for episode in episodes])
    none = np.flatnonzero(~success & ~wrong).tolist()
    return {"median": _by_median(time_s, success), "failed": [*_by_median(time_s, wrong & ~success), *none]}


def _by_median(time_s: np.ndarray, chosen: np.ndarray) -> list[int]:
    """Indices of the chosen episodes, by their distance from the median time of them."""
    picks = np.flatnonzero(chosen)
    if not picks.size:
        return []
    away = np.abs(time_s[picks] - np.median(time_s[picks]))
    return [int(index) for index in picks[np.argsort(away, kind="stable")]]


def _filmed(
    loop: ClosedLoop,
    controller: Controller,
    key: EpisodeKey,
    seed: int,
    episode: dict[str, Any],
    path: Path,
    name: str,
    every: int,
) -> bool:
    """Film one episode; False, and no file, if it does not end as it did before."""
    from neuromotion_gym.envs.view import View
    from neuromotion_gym.rendering import VideoWriter

    view = View(loop, _speed_of(every), controller=name)
    try:
        with VideoWriter(path, fps=1 / loop.layout.control_s) as video:
            hold = max(1, round(episode["time_s"] / loop.layout.control_s / every / PICTURES))
            film_episode(loop, controller, key, seed, video, view, every, hold)
            same = bool(loop.success[0]) == episode["success"] and bool(loop.wrong[0]) == episode["wrong_selection"]
            if not same:
                raise _AnotherEndError
    except _AnotherEndError:
        return False
    finally:
        view.close()
    return True


class _AnotherEndError(Exception):
    """An episode that was played again ended in another way; no video of it is kept."""
