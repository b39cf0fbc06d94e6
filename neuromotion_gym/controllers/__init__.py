"""Controllers: fixed rules and learned policies, from the decoder's output and the limb's state to an action."""

from neuromotion_gym.controllers.base import Controller, HandWritten
from neuromotion_gym.controllers.checks import check_controller
from neuromotion_gym.controllers.learned import Learned
from neuromotion_gym.controllers.registry import CONTROLLERS, make_controller, register_controller

__all__ = [
    "CONTROLLERS",
    "Controller",
    "HandWritten",
    "Learned",
    "check_controller",
    "make_controller",
    "register_controller",
]
