"""Checks of one cell before anything is run: level, options of the task, controller and perturbations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.controllers.learned import PREFIX
from neuromotion_gym.controllers.registry import checked_controller, make_controller
from neuromotion_gym.envs.options import make_task
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment, task_class
from neuromotion_gym.signals.sources.perturbed import checked_perturbation
from neuromotion_gym.signals.sources.pieces import TRIAL_MARGIN_S

if TYPE_CHECKING:
    from neuromotion_gym.benchmark.config import Cell
    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.decoders.spec import DecoderSpec


def check_cell(cell: Cell, spec: DecoderSpec, piece_s: float) -> None:
    """Refuse a cell whose level, task options, controller or perturbations are unknown or out of range.

    Parameters
    ----------
    cell : Cell
    spec : DecoderSpec
        Specification of its decoder.
    piece_s : float
        Mean time between two restarts, see `mean_piece_s`.

    Raises
    ------
    NeuroMotionError
    """
    levels = task_class(environment(cell.environment).task).levels
    if cell.level not in levels:
        raise NeuroMotionError(f"{cell.environment} has no level {cell.level!r}; levels: {', '.join(levels)}.")
    layout = make_task(cell.environment, spec, piece_s, cell.level, **cell.task_options).layout
    name, options = cell.controller.name, cell.controller.options
    checked_controller(name, options)
    if not name.startswith(PREFIX):  # a policy is compared with the exact clocks of its source when it begins
        make_controller(name, layout, **options)
    for one in cell.perturbations:
        checked_perturbation(one.name, one.options)


def mean_piece_s(playing: Playing) -> float:
    """Mean time between two restarts of a source, unless it shortens its pieces to fit into its trials."""
    if playing.epoch_s is not None:
        return playing.epoch_s[1] + TRIAL_MARGIN_S
    shortest, longest = playing.facts().pieces_s
    return (shortest + longest) / 2
