"""A process that has drawn pictures and closed nothing ends without a word."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuromotion_gym.rendering.backend import rendering_available, why_not

SCRIPT = """
import weakref

class Thing: ...
thing = Thing()
weakref.finalize(thing, int)  # registers weakref's hook before that of the back end, as threads of a loop do

import gymnasium as gym
import neuromotion_gym

env = gym.make("NeuroArm-v0", render_mode="rgb_array", width=160, height=120)
env.reset(seed=0)
print(env.render().shape)
"""


@pytest.mark.skipif(not rendering_available(), reason=f"cannot draw here: {why_not()}")
def test_nothing_is_printed_at_the_end_of_a_process_that_has_drawn() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == "(120, 160, 3)"
