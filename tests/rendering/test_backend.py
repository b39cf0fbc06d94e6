"""The choice of a back end: respected if set, probed if not, explained if there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neuromotion_gym import opengl
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import backend


@pytest.fixture(autouse=True)
def forget():
    opengl.choose.cache_clear()
    yield
    opengl.choose.cache_clear()


@pytest.fixture
def bare_linux(monkeypatch):
    """A machine without any graphics library."""
    monkeypatch.setattr(opengl.platform, "system", lambda: "Linux")
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(opengl, "_egl_fault", lambda: "no egl")
    monkeypatch.setattr(opengl, "_osmesa_fault", lambda: "no osmesa")
    return monkeypatch


def test_without_any_library_the_packages_are_named(bare_linux):
    assert not backend.rendering_available()
    assert "libegl1" in backend.why_not()
    assert "libosmesa6" in backend.why_not()
    with pytest.raises(NeuroMotionError, match="libegl1"):
        backend.make_context(64, 64)


def test_egl_comes_before_osmesa(bare_linux):
    bare_linux.setattr(opengl, "_osmesa_fault", lambda: None)
    assert backend.backend_name() == "osmesa"
    opengl.choose.cache_clear()
    bare_linux.setattr(opengl, "_egl_fault", lambda: None)
    assert backend.backend_name() == "egl"


def test_a_display_is_the_last_resort(bare_linux):
    bare_linux.setenv("DISPLAY", ":0")
    assert backend.backend_name() == "native"


@pytest.mark.parametrize(
    ("value", "name"), [("egl", None), ("osmesa", None), ("off", None), ("foo", None), ("glfw", "native")]
)
def test_what_the_user_has_set_is_respected(bare_linux, value, name):
    bare_linux.setenv("MUJOCO_GL", value)
    bare_linux.setenv("DISPLAY", ":0")
    assert backend.backend_name() == name
    assert (backend.why_not() is None) == (name is not None)
    if name is None:
        assert f"MUJOCO_GL={value}" in backend.why_not()
        assert "unset" in backend.why_not()


def test_a_window_system_without_a_display_is_refused(bare_linux):
    bare_linux.setenv("MUJOCO_GL", "glfw")
    assert backend.why_not() == "MUJOCO_GL=glfw, but there is no display; unset MUJOCO_GL."


@pytest.mark.parametrize("value", ["foo", "osmesa"])
def test_a_wrong_back_end_stops_frames_and_nothing_else(value):
    """``import mujoco`` alone dies here: with an unknown name, and with OSMesa where its library is missing."""
    if value == "osmesa" and opengl._osmesa_fault() is None:
        pytest.skip("OSMesa is installed here")
    code = (
        "import os, gymnasium, neuromotion_gym\n"
        "env = gymnasium.make('NeuroArm-v0', render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "try:\n    env.render()\nexcept neuromotion_gym.NeuroMotionError as error:\n    print(error)\n"
        "print(os.environ['MUJOCO_GL'])"
    )
    environment = {**os.environ, "MUJOCO_GL": value}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    message, kept = done.stdout.splitlines()
    assert f"MUJOCO_GL={value}" in message
    assert f"{'not known' if value == 'foo' else 'libosmesa6'}" in message
    assert kept == value


def test_other_systems_are_left_to_mujoco(bare_linux):
    bare_linux.setattr(opengl.platform, "system", lambda: "Darwin")
    assert backend.backend_name() == "native"


def test_probing_sets_no_environment_variable():
    code = (
        "import os; before = dict(os.environ); from neuromotion_gym.rendering import rendering_available; "
        "rendering_available(); print(dict(os.environ) == before)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "True"
