"""Limbs: MJCF models with named degrees of freedom, actuators and sensors. Know nothing of tasks."""
