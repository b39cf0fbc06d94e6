"""Which OpenGL library can draw without a display: EGL, then OSMesa; otherwise the name of the package to install.

Libraries are tried before one is chosen. With ``MUJOCO_GL=egl`` and no libEGL even ``import mujoco`` fails, and
PyOpenGL binds to one platform for the life of the process. So the libraries are loaded through ctypes before PyOpenGL
is imported, and no environment variable is set before this has succeeded. A value of ``MUJOCO_GL`` that the user has
set is respected; where nothing can draw with it, `import_mujoco` still brings the physics.

A leaf module: it imports nothing of the library.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import sys
from functools import cache

_EGL_PLATFORM_DEVICE = 0x313F
_EGL_OPENGL_API = 0x30A2
_EGL_VENDOR = 0x3053
VARIABLE = "MUJOCO_GL"
_OFF = ("disable", "disabled", "off", "false", "0")
_NATIVE = ("glfw", "glx", "enable", "enabled", "on", "true", "1")

PACKAGES = {"egl": "libegl1 and libgl1", "osmesa": "libosmesa6"}
"""What a minimal Debian needs for each back end; both bring Mesa's software renderer."""


def import_mujoco() -> None:
    """Import MuJoCo where a plain import would fail, because ``MUJOCO_GL`` names something that cannot draw here.

    It is imported as if rendering were switched off; `choose` keeps the reason. Does nothing in all other cases, so
    that MuJoCo is not loaded before it is needed.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted or "mujoco" in sys.modules or choose()[0] is not None:
        return
    os.environ[VARIABLE] = "disable"
    try:
        import mujoco  # noqa: F401
    finally:
        os.environ[VARIABLE] = wanted


@cache
def choose() -> tuple[str | None, str | None]:
    """The back end, and why there is none.

    Returns
    -------
    name : {"egl", "osmesa", "native", None}
        ``"native"`` is what MuJoCo itself picks.
    reason : str or None
        Why frames cannot be drawn on this machine, and what to do; None where there is a back end.
    """
    wanted = os.environ.get(VARIABLE, "").lower().strip()
    if wanted in _OFF:
        return None, f"{VARIABLE}={wanted} switches rendering off; unset it."
    if platform.system() != "Linux":
        return "native", None
    if wanted in ("egl", "osmesa"):
        fault = _egl_fault() if wanted == "egl" else _osmesa_fault()
        remedy = f"install the Debian packages {PACKAGES[wanted]}, or unset {VARIABLE}"
        return (wanted, None) if fault is None else (None, f"{VARIABLE}={wanted}, but {fault}; {remedy}.")
    if wanted in _NATIVE:
        fault = _display_fault()
        return ("native", None) if fault is None else (None, f"{VARIABLE}={wanted}, but {fault}; unset {VARIABLE}.")
    if wanted:
        return None, f"{VARIABLE}={wanted} is not known; set it to egl, osmesa or glfw, or unset it."
    egl = _egl_fault()
    if egl is None:
        return "egl", None
    osmesa = _osmesa_fault()
    if osmesa is None:
        return "osmesa", None
    display = _display_fault()
    if display is None:
        return "native", None
    return None, f"{egl}, {osmesa}, and {display}; install the Debian packages {', or '.join(PACKAGES.values())}."


def _display_fault() -> str | None:
    """Why there is no display to draw with; None if there is one."""
    return None if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") else "there is no display"


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
