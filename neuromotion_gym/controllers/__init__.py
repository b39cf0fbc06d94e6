"""Controllers: posterior and limb state to action. A stable-baselines3 policy is one too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuromotion_gym.controllers.base import Controller, HandWritten
from neuromotion_gym.controllers.bayesian import Bayes
from neuromotion_gym.controllers.blind import Blind
from neuromotion_gym.controllers.direct import Argmax, Proportional, Velocity
from neuromotion_gym.controllers.kalman import Kalman
from neuromotion_gym.controllers.learned import PREFIX, Learned
from neuromotion_gym.controllers.smoothed import Evidence, HiddenMarkov, Majority, Rejection
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuromotion_gym.envs.layout import ObservationLayout

CONTROLLERS: Mapping[str, type[HandWritten]] = {
    "argmax": Argmax,
    "majority": Majority,
    "rejection": Rejection,
    "evidence": Evidence,
    "hmm": HiddenMarkov,
    "velocity": Velocity,
    "proportional": Proportional,
    "kalman": Kalman,
    "bayes": Bayes,
    "blind": Blind,
}
"""All hand-written ones by name. ``blind`` ignores the decoder: a bound, not a controller to be ranked."""


def make_controller(name: str, layout: ObservationLayout, **options: Any) -> Controller:
    """Controller ``name`` for observations laid out as ``layout``.

    Parameters
    ----------
    name : str
        One of `CONTROLLERS`, or ``learned:`` and a shipped policy's name or the path of one.
    layout : ObservationLayout
        All that a controller may know of environment and decoder; an environment's ``layout``.
    **options
        Of that controller; see its class.

    Raises
    ------
    NeuroMotionError
        If there is no such controller, or it has no such option.
    """
    if name not in CONTROLLERS and not name.startswith(PREFIX):
        raise NeuroMotionError(
            f"Unknown controller {name!r}. Controllers: {', '.join(CONTROLLERS)}, {PREFIX}NAME or {PREFIX}PATH."
        )
    try:
        if name.startswith(PREFIX):
            return Learned(layout, name.removeprefix(PREFIX), **options)
        return CONTROLLERS[name](layout, **options)
    except TypeError as error:
        raise NeuroMotionError(f"Controller {name!r} does not take these options: {error}.") from error


__all__ = ["CONTROLLERS", "Controller", "HandWritten", "Learned", "make_controller"]
