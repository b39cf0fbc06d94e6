"""``neuromotion view``: keys stand for labels; and without a display the command says what to do instead."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from neuromotion_gym.cli import view
from neuromotion_gym.cli.view import KEYS, Pressed
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.envs.view import View
from neuromotion_gym.errors import NeuroMotionError

DIRECTIONS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0]])


def test_a_label_lasts_until_another_key_is_pressed_and_other_keys_change_nothing() -> None:
    pressed = Pressed(("rest", "up", "down"), rest=0)
    assert pressed.action(DIRECTIONS).tolist() == [[0, 0]]
    pressed.key(KEYS[2])
    pressed.key("x")
    pressed.key(KEYS[7])
    assert str(pressed) == "down"
    assert pressed.action(DIRECTIONS).tolist() == [[0, -1]]
    pressed.release()
    assert str(pressed) == "rest"


def test_without_a_label_for_rest_nothing_moves_before_the_first_key() -> None:
    pressed = Pressed(("up", "down"), rest=None)
    assert pressed.action(DIRECTIONS[1:]).tolist() == [[0, 0]]
    pressed.key(KEYS[0])
    assert pressed.action(DIRECTIONS[1:]).tolist() == [[1, 0]]


class Window:
    """A window that takes ten seconds to open and is closed after some pictures; it keeps the time, too."""

    def __init__(self, pictures: int) -> None:
        self.left, self.now, self.waits, self.said = pictures, 0.0, [], []

    @property
    def is_open(self) -> bool:
        return self.left > 0

    def show(self, *what: object) -> None:
        self.now += 10.0 if not self.said else 0.01
        self.left -= 1

    def say(self, left: str, right: str) -> None:
        self.said.append(dict(zip(left.split("\n"), right.split("\n"), strict=True)))

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_time_that_was_lost_is_not_made_up_for_and_the_goal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, window = ClosedLoop(assemble("NeuroHand-v0", decoder="blind:emg_armband"), keep_s=0.2), Window(4)
    loop.reset(np.zeros(1, dtype=int), [np.random.default_rng(0)])
    monkeypatch.setattr(view, "time", window)
    pressed = Pressed(loop.layout.intents.labels, rest=0)
    assert not view._play(loop, window, pressed, View(loop))
    np.testing.assert_allclose(window.waits, [0.0, 0.04, 0.04, 0.04])
    gesture = loop.parts.task.axes[int(loop.goal[0].argmax())].replace("_", " ")
    assert (window.said[-1]["goal"], window.said[-1]["key"], window.said[-1]["2"]) == (gesture, *pressed.labels[:2])
    loop.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_one_line_names_the_command_that_needs_none() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = (
        "from neuromotion_gym.rendering.viewer import Viewer; from neuromotion_gym.limbs import Limb; "
        "Viewer(Limb.load('arm'), None, print)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    last = done.stderr.strip().splitlines()[-1]
    assert NeuroMotionError.__name__ in last
    assert "needs a display" in last
    assert "neuromotion record" in last
    assert "GLFWError" not in done.stderr
