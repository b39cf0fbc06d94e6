"""Tasks: goal, reward, success and termination. Know nothing of signals."""

from neuromotion_gym.tasks.posture import Outcome, PostureLevel, PostureTask, posture_level

__all__ = ["Outcome", "PostureLevel", "PostureTask", "posture_level"]
