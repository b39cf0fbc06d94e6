"""NeuroMotion Gym: neural decoders judged by what a limb does.

Importing the package registers its environments with Gymnasium::

    import gymnasium as gym
    import neuromotion_gym

    env = gym.make("NeuroArm-v0", decoder="emg_armband", level="standard")
"""

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.opengl import import_mujoco
from neuromotion_gym.plugins import load_plugins
from neuromotion_gym.registration import ENVIRONMENTS, register_environments
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.windows import windows

__all__ = ["ENVIRONMENTS", "NeuroMotionError", "NeuroMotionWarning", "__version__", "read_recordings", "windows"]
__version__ = "0.1.0"

import_mujoco()
register_environments()
load_plugins()
