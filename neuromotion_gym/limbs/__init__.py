"""Limbs: MJCF models with named degrees of freedom, actuators and sensors. Know nothing of tasks."""

from neuromotion_gym.limbs.limb import DegreeOfFreedom, Limb, limb_names

__all__ = ["DegreeOfFreedom", "Limb", "limb_names"]
