"""What is drawn for people, and what is never drawn for agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo

from neuromotion_gym.datasets import registry
from neuromotion_gym.envs import NeuroEnv
from neuromotion_gym.envs.view import View
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering.backend import rendering_available, why_not
from neuromotion_gym.rendering.panels import pick_channels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not rendering_available(), reason=f"cannot draw here: {why_not()}")


def test_frames_for_agents_do_not_show_the_goal(options: Callable[..., dict[str, object]]) -> None:
    plain = NeuroEnv(render_mode="rgb_array", **options(level="hard"))
    marked = NeuroEnv(render_mode="overlay", **options(level="hard"))
    pictures = {}
    for goal in (0.5, -0.8):
        for env in (plain, marked):
            env.reset(seed=0, options={"goal": [goal]})
            pictures[env, goal] = env.render()
    assert (pictures[plain, 0.5] == pictures[plain, -0.8]).all()
    assert (pictures[marked, 0.5] != pictures[marked, -0.8]).any()
    for env in (plain, marked):
        env.close()


def test_record_video_writes_a_file(options: Callable[..., dict[str, object]], tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    env = RecordVideo(NeuroEnv(render_mode="overlay", **options()), str(tmp_path), disable_logger=True)
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.zeros(1, np.float32))
    env.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


def test_channels_that_the_data_set_names_are_shown_first() -> None:
    env = NeuroEnv(decoder="eeg_fists", render_mode="overlay")
    env.reset(seed=0)
    snapshot = View(env.loop).snapshot(0)
    env.close()
    first = registry.dataset(env.loop.stream.spec.dataset).shown_first
    chosen = pick_channels(snapshot.channels, snapshot.shown_first)
    assert [snapshot.channels[index].upper() for index in chosen] == [name.upper() for name in first[: len(chosen)]]


def test_the_overlay_names_environment_level_decoder_bound_controller_person_and_outcome() -> None:
    for name, shown in (("emg_armband", "emg_armband"), ("oracle:emg_armband", "oracle for emg_armband")):
        env = NeuroEnv(decoder=name, level="easy", source="surrogate", render_mode="overlay")
        env.reset(seed=0)
        assert View(env.loop).snapshot(0).title == f"NeuroArm-v0 · easy · {shown}"
        view = View(env.loop, "a note", controller="majority")
        first = view.snapshot(0)
        assert first.title == f"NeuroArm-v0 · easy · {shown} · majority"
        person = env.loop.info_of(0)["subject"]
        assert first.subtitle.split(" · ") == [f"subject {person}", "surrogate, tune part", "a note"]
        assert (first.success, first.wrong, first.lowest) == (None, False, -1.0)
        np.testing.assert_array_equal(first.goals, env.loop.goal[0])
        np.testing.assert_array_equal(first.positions, env.loop.position[0])
        target, terminated = first.goals, False
        while not terminated:
            action = np.clip(10 * (target - env.loop.position[0]), -1, 1).astype(np.float32)
            _, _, terminated, truncated, _ = env.step(action)
            assert not truncated
        last = view.snapshot(0)
        assert (last.success, last.wrong) == (True, False)
        env.reset()
        assert view.snapshot(0).success is None
        env.close()


def test_the_overlay_has_the_words_of_the_task_and_shows_any_end() -> None:
    env = NeuroEnv(
        "NeuroHand-v0", decoder="oracle:emg_armband", level="easy", source="surrogate", render_mode="overlay"
    )
    env.reset(seed=0)
    view = View(env.loop)
    gesture = env.loop.parts.task.axes[int(env.loop.goal[0].argmax())]
    assert (view.snapshot(0).gauges, view.snapshot(0).goal) == ("Gestures", gesture)
    assert view.snapshot(0).lowest == 0.0  # nothing is on the other side of rest
    ended = False
    while not ended:
        assert view.snapshot(0).success is None
        _, _, terminated, truncated, _ = env.step(np.zeros(len(env.loop.goal[0]), np.float32))
        ended = terminated or truncated
    last = view.snapshot(0)
    assert (last.success, last.verdict) == (False, "Time is up")
    env.loop.wrong[0] = True
    assert view.snapshot(0).verdict == "Wrong gesture"
    env.close()


def test_a_window_shows_the_overlay_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    env = NeuroEnv(decoder="emg_armband", render_mode="overlay")
    env.reset(seed=0)
    view, before = View(env.loop), plt.get_fignums()
    with pytest.raises(NeuroMotionError, match="needs a display"):
        view.show(0)
    monkeypatch.setattr(plt, "get_backend", lambda: "a backend with windows")
    pictures = []
    for _ in range(2):
        view.show(0)
        (number,) = set(plt.get_fignums()) - set(before)
        pictures.append(np.array(plt.figure(number).axes[0].images[0].get_array()))
        np.testing.assert_array_equal(pictures[-1], view.frame(0, overlay=True))
        for _ in range(5):
            env.step(np.ones(3, np.float32))
    assert (pictures[0] != pictures[1]).any()
    view.close()
    assert plt.get_fignums() == before
    env.close()
