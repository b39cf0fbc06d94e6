"""An OpenGL context without a display: EGL, then OSMesa, otherwise an error that names the package to install.

Libraries are tried before one is chosen. With ``MUJOCO_GL=egl`` and no libEGL even ``import mujoco`` fails, and
PyOpenGL binds to one platform for the life of the process. So the libraries are loaded through ctypes before PyOpenGL
is imported, and no environment variable is set before this has succeeded. A value of ``MUJOCO_GL`` that the user has
set is respected.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
from functools import cache
from typing import Any

from neuromotion_gym.errors import NeuroMotionError

_EGL_PLATFORM_DEVICE = 0x313F
_EGL_OPENGL_API = 0x30A2
_EGL_VENDOR = 0x3053
_OFF = ("disable", "disabled", "off", "false", "0")

PACKAGES = "the Debian packages libegl1 and libgl1, or libosmesa6"
"""What a minimal Debian needs; both bring Mesa's software renderer."""


def rendering_available() -> bool:
    """Whether frames can be drawn on this machine; `why_not` says what is missing."""
    return why_not() is None


def why_not() -> str | None:
    """Why frames cannot be drawn on this machine; None if they can."""
    return _choose()[1]


def backend_name() -> str | None:
    """``"egl"``, ``"osmesa"``, or ``"native"`` for what MuJoCo itself picks; None if there is none."""
    return _choose()[0]


def make_context(width: int, height: int) -> Any:
    """Create an OpenGL context that can draw ``width`` x ``height`` pixels.

    Returns
    -------
    An object with ``make_current()`` and ``free()``.

    Raises
    ------
    NeuroMotionError
        If this machine has no way to draw without a display; the message names the packages to install.
    """
    name, reason = _choose()
    if name is None:
        raise NeuroMotionError(f"Frames cannot be drawn here: {reason}")
    try:
        if name == "egl":
            from mujoco.egl import GLContext
        elif name == "osmesa":
            from mujoco.osmesa import GLContext
        else:
            from mujoco import GLContext
        return GLContext(width, height)
    except Exception as error:  # drivers raise AttributeError, ImportError, RuntimeError, GLError ...
        raise NeuroMotionError(f"Frames cannot be drawn here: the {name} back end failed ({error}).") from error


@cache
def _choose() -> tuple[str | None, str | None]:
    wanted = os.environ.get("MUJOCO_GL", "").lower().strip()
    if wanted in _OFF:
        return None, f"MUJOCO_GL={wanted} switches rendering off; unset it."
    if wanted in ("egl", "osmesa"):
        missing = _egl_fault() if wanted == "egl" else _osmesa_fault()
        return (wanted, None) if missing is None else (None, f"MUJOCO_GL={wanted}, but {missing}.")
    if wanted or platform.system() != "Linux":
        return "native", None
    egl = _egl_fault()
    if egl is None:
        return "egl", None
    osmesa = _osmesa_fault()
    if osmesa is None:
        return "osmesa", None
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return "native", None
    return None, f"{egl}, {osmesa}, and there is no display; install {PACKAGES}."


def _egl_fault() -> str | None:
    """Why EGL cannot initialise a device; None if it can."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
    except OSError:
        return "libEGL.so.1 is not installed"
    if not _loads("libGL.so.1", "libOpenGL.so.0"):
        return "libGL.so.1 is not installed"
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    query, display = (egl.eglGetProcAddress(name) for name in (b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT"))
    if not query or not display:
        return "libEGL has no device extension"
    pointer, number = ctypes.c_void_p, ctypes.c_int
    query_devices = ctypes.CFUNCTYPE(ctypes.c_uint, number, ctypes.POINTER(pointer), ctypes.POINTER(number))(query)
    get_display = ctypes.CFUNCTYPE(pointer, ctypes.c_uint, pointer, pointer)(display)
    egl.eglInitialize.argtypes = [pointer, pointer, pointer]
    devices, count = (pointer * 16)(), number(0)
    if not query_devices(16, devices, ctypes.byref(count)):
        return "libEGL finds no device"
    for device in devices[: count.value]:
        opened = get_display(_EGL_PLATFORM_DEVICE, device, None)
        # The display is not terminated: EGL has one per device, and another renderer may be drawing on it
        if opened and egl.eglInitialize(opened, None, None) and egl.eglBindAPI(_EGL_OPENGL_API):
            return None
    return "libEGL has no driver that starts (Mesa's are in libgl1-mesa-dri)"


def _osmesa_fault() -> str | None:
    """Why OSMesa cannot draw; None if it can."""
    name = ctypes.util.find_library("OSMesa")
    if not _loads(*([name] if name else []), "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
        return "libOSMesa is not installed"
    return None


def _loads(*names: str) -> bool:
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
