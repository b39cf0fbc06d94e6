"""Target achievement with muscles: bring the joints that they move into a hidden posture, and hold them there.

The rules are those of `neuromotion_gym.tasks.posture`. What differs is how the limb moves: a label names the muscle
that the wearer fires, one muscle may move several joints, and muscles pull in one direction only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from neuromotion_gym.limbs.excitations import lag_of_movement, moved_axes
from neuromotion_gym.tasks.posture import PostureLevel, PostureTask, WrongSelection, posture_level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.excitations import ExcitationDrive
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.tasks.task import Outcome, Timing


class LegPostureTask(PostureTask):
    """Target achievement for a batch of limbs that are moved by muscles.

    Selection, levels and reward are those of `PostureTask`: the reward of a step is ``d - d' + right - wrong -
    0.2 * control period / time limit``, with the distance ``d`` from the goal scaled to at most 0.75 from every start.
    The axes are the joints that the muscles of the labels move both ways. The delay of the muscles counts as lag: it
    makes the limb slower.

    Own figures of an episode so far:

    - ``mean_excitation``: excitation of the muscles of the labels, mean over muscles and time; 1 is all that a muscle
      can give;
    - ``cocontraction``: twice the part of the muscles' pull on an axis that is opposed by other muscles, as a share of
      all pulls, mean over axes and time; 0 if no two muscles ever pull against each other, 1 if all pulls cancel (the
      index of Falconer and Winter, Electromyogr. Clin. Neurophysiol. 25, 1985, with pulls in place of torques: both are
      divided by the same damping).

    Parameters
    ----------
    rules : PostureLevel
        Level of difficulty.
    limb : Limb
    drive : ExcitationDrive
        The drive that moves the limb.
    axes : tuple of str
        Degrees of freedom along which error is measured.
    control_s : float
        Control period.
    wrong_selection : {"end", "ignore"}, default "end"
        As in `PostureTask`.
    """

    def __init__(
        self,
        rules: PostureLevel,
        limb: Limb,
        drive: ExcitationDrive,
        axes: tuple[str, ...],
        control_s: float,
        wrong_selection: WrongSelection = "end",
    ) -> None:
        super().__init__(rules, limb, drive, axes, control_s, wrong_selection)
        self.facts = replace(self.facts, columns=("mean_excitation", "cocontraction"))
        self._muscles = drive

    @classmethod
    def from_level(  # type: ignore[override]  # without the option that has no effect any more
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[[tuple[str, ...], float], Drive],
        timing: Timing,
        *,
        wrong_selection: WrongSelection = "end",
    ) -> LegPostureTask:
        """See `neuromotion_gym.tasks.task.Task.from_level`, and the class for the options.

        Raises
        ------
        NeuroMotionError
            If the level is unknown, or the muscles of the labels move an axis in one direction only.
        """
        axes = moved_axes(limb, intents)
        lag_s = timing.lag_s + lag_of_movement(timing.control_s)
        rules = posture_level(level, len(axes), lag_s, timing.piece_s, intents.rest is not None)
        moved_by = cast("ExcitationDrive", drive(axes, rules.speed))
        return cls(rules, limb, moved_by, axes, timing.control_s, wrong_selection)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        super().start(num_rows)
        self._steps = np.zeros(num_rows)
        self._excited = np.zeros(num_rows)
        self._opposed = np.zeros(num_rows)
        self._pulled = np.zeros(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """See `PostureTask.reset`."""
        for total in (self._steps, self._excited, self._opposed, self._pulled):
            total[rows] = 0.0
        return super().reset(rows, generators, goals)

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""
        outcome = super().step(sensors)
        muscles = self._muscles
        pull = muscles.pull(sensors)
        pulls = muscles.share[:, :, None] * pull.pulls
        net, total = np.add.reduce(pulls, axis=1), np.add.reduce(np.abs(pulls), axis=(1, 2))
        self._steps += 1
        self._excited += np.add.reduce(muscles.share * pull.full, axis=1) / muscles.action_size
        self._opposed += total - np.add.reduce(np.abs(net), axis=1)
        self._pulled += total
        columns: dict[str, Any] = {
            "mean_excitation": self._excited / self._steps,
            "cocontraction": self._opposed / np.maximum(self._pulled, 1e-12),
        }
        return replace(outcome, columns=columns)
