"""Limbs, MJCF models with named degrees of freedom, actuators and sensors, and drives. They know nothing of tasks."""

from neuromotion_gym.limbs.drives import Drive, SetPointDrive
from neuromotion_gym.limbs.limb import DegreeOfFreedom, Limb
from neuromotion_gym.registration import limb_names

__all__ = ["DegreeOfFreedom", "Drive", "Limb", "SetPointDrive", "limb_names"]
