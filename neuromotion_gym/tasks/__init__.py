"""Tasks: goal, reward, success and termination. Know nothing of signals."""

from neuromotion_gym.tasks.posture import PostureLevel, PostureTask, posture_level
from neuromotion_gym.tasks.task import GoalSpace, Outcome, Task, TaskFacts, Timing

__all__ = ["GoalSpace", "Outcome", "PostureLevel", "PostureTask", "Task", "TaskFacts", "Timing", "posture_level"]
