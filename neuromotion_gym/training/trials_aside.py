"""Whole trials set aside at random, of people who are also trained on: ``data.trials_aside``.

Many figures are published so. They say how well a decoder does on other trials of people it knows, in the minutes in
which it was trained on them, and nothing of new people: reports name the people as seen in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import ChosenWindows, sessions_of
from neuromotion_gym.training.overlapping import decide_windows
from neuromotion_gym.training.preparations import prepared_windows

if TYPE_CHECKING:
    import os

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.recipe import Recipe, TrialsAside
    from neuromotion_gym.training.data import TrainingWindows
    from neuromotion_gym.training.evaluation import Decisions

TRIALS_ASIDE = "trials_aside"
"""Name of these trials among the parts of a report."""


def split_trials(windows: TrainingWindows, split: TrialsAside) -> tuple[ChosenWindows, ChosenWindows, ChosenWindows]:
    """Windows of the trials to train on, of those to tune with, and of those to test on.

    Trials of each label are drawn at random (scikit-learn's ``train_test_split``, twice).

    Raises
    ------
    NeuroMotionError
        If a label has too few trials for all three.
    """
    from sklearn.model_selection import train_test_split

    trials, first = np.unique(windows.trials, return_index=True)
    labels = windows.labels[first]
    try:
        rest, tune = train_test_split(
            np.arange(len(trials)), test_size=split.tune, random_state=split.seed, stratify=labels
        )
        share = split.test / (1 - split.tune)
        trained, test = train_test_split(rest, test_size=share, random_state=split.seed, stratify=labels[rest])
    except ValueError as error:
        raise NeuroMotionError(f"data.trials_aside: trials cannot be split at random: {error}") from None

    def chosen(some: np.ndarray) -> ChosenWindows:
        return ChosenWindows(windows, np.flatnonzero(np.isin(windows.trials, trials[some])))

    return chosen(trained), chosen(tune), chosen(test)


def decide_trials_aside(decoder: Decoder, recipe: Recipe, *, root: str | os.PathLike[str] | None = None) -> Decisions:
    """Decisions on the trials that ``data.trials_aside`` set aside to test on.

    Raises
    ------
    NeuroMotionError
        If the recipe sets none aside.
    """
    data, _, _ = recipe.trainable()
    if data.trials_aside is None:
        raise NeuroMotionError(f"The recipe of {recipe.decoder.name!r} sets no trials aside: it has no trials_aside.")
    sessions = sessions_of(recipe, data.train, root=root, exclude=data.exclude, calibration_apart=False)
    test = split_trials(prepared_windows(recipe, sessions), data.trials_aside)[2]
    return decide_windows(decoder, test, recipe.decoder.labels, sorted({session.subject for session in sessions}))
