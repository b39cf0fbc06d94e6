"""NeuroMotion Gym: neural decoders judged by what a limb does.

Importing the package registers its environments with Gymnasium::

    import gymnasium as gym
    import neuromotion_gym

    env = gym.make("NeuroArm-v0", decoder="emg_armband", level="standard")
"""

from typing import TYPE_CHECKING

import lazy_loader

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.opengl import import_mujoco
from neuromotion_gym.plugins import load_plugins
from neuromotion_gym.registration import ENVIRONMENTS, register_environments

if TYPE_CHECKING:
    from neuromotion_gym.signals.reading import read_recordings
    from neuromotion_gym.signals.windows import windows

__all__ = ["ENVIRONMENTS", "NeuroMotionError", "NeuroMotionWarning", "__version__", "read_recordings", "windows"]
__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"signals.reading": ["read_recordings"], "signals.windows": ["windows"]}
)

import_mujoco()
register_environments()
load_plugins()
