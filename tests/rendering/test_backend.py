"""The choice of a back end: respected if set, probed if not, explained if there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import backend


@pytest.fixture(autouse=True)
def forget():
    backend._choose.cache_clear()
    yield
    backend._choose.cache_clear()


@pytest.fixture
def bare_linux(monkeypatch):
    """A machine without any graphics library."""
    monkeypatch.setattr(backend.platform, "system", lambda: "Linux")
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(backend, "_egl_fault", lambda: "no egl")
    monkeypatch.setattr(backend, "_osmesa_fault", lambda: "no osmesa")
    return monkeypatch


def test_without_any_library_the_packages_are_named(bare_linux):
    assert not backend.rendering_available()
    assert "libegl1" in backend.why_not()
    assert "libosmesa6" in backend.why_not()
    with pytest.raises(NeuroMotionError, match="libegl1"):
        backend.make_context(64, 64)


def test_egl_comes_before_osmesa(bare_linux):
    bare_linux.setattr(backend, "_osmesa_fault", lambda: None)
    assert backend.backend_name() == "osmesa"
    backend._choose.cache_clear()
    bare_linux.setattr(backend, "_egl_fault", lambda: None)
    assert backend.backend_name() == "egl"


def test_a_display_is_the_last_resort(bare_linux):
    bare_linux.setenv("DISPLAY", ":0")
    assert backend.backend_name() == "native"


@pytest.mark.parametrize(("value", "name"), [("egl", None), ("osmesa", None), ("off", None), ("glfw", "native")])
def test_what_the_user_has_set_is_respected(bare_linux, value, name):
    bare_linux.setenv("MUJOCO_GL", value)
    assert backend.backend_name() == name
    assert (backend.why_not() is None) == (name is not None)
    if name is None:
        assert f"MUJOCO_GL={value}" in backend.why_not()


def test_other_systems_are_left_to_mujoco(bare_linux):
    bare_linux.setattr(backend.platform, "system", lambda: "Darwin")
    assert backend.backend_name() == "native"


def test_probing_sets_no_environment_variable():
    code = (
        "import os; before = dict(os.environ); from neuromotion_gym.rendering import rendering_available; "
        "rendering_available(); print(dict(os.environ) == before)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "True"
