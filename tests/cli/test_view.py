"""``neuromotion view``: keys stand for labels; and without a display the command says what to do instead."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from neuromotion_gym.cli.view import KEYS, Pressed
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
