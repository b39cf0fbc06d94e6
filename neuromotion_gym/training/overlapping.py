"""Windows set aside at random from those that are trained on, to repeat figures that were published that way.

Neighbouring windows share samples, so nearly every window set aside has its samples in the training windows too: the
figure says how well a network remembers, not how well it decodes anything new. Decoders that are trained so have
``split: overlapping-windows``, and every report repeats it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import ChosenWindows, sessions_of
from neuromotion_gym.training.evaluation import Decisions
from neuromotion_gym.training.preparations import prepared_windows

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.recipe import OverlappingSplit, Recipe
    from neuromotion_gym.training.data import TrainingWindows

OVERLAPPING = "overlapping_windows"
"""Name of these windows among the parts of a report."""
BATCH = 1024


def split_at_random(windows: TrainingWindows, split: OverlappingSplit) -> tuple[ChosenWindows, ChosenWindows]:
    """Windows to train on, and windows set aside: a random share of each label (scikit-learn's ``train_test_split``).

    Raises
    ------
    NeuroMotionError
        If a label has too few windows for both.
    """
    from sklearn.model_selection import train_test_split

    try:
        trained, aside = train_test_split(
            np.arange(len(windows.labels)), test_size=split.share, random_state=split.seed, stratify=windows.labels
        )
    except ValueError as error:
        raise NeuroMotionError(f"data.overlapping: windows cannot be split at random: {error}") from None
    return ChosenWindows(windows, trained), ChosenWindows(windows, aside)


def decide_overlapping(decoder: Decoder, recipe: Recipe, *, root: str | os.PathLike[str] | None = None) -> Decisions:
    """Decisions on the windows that ``data.overlapping`` set aside.

    Raises
    ------
    NeuroMotionError
        If the recipe sets none aside.
    """
    data, _, _ = recipe.trainable()
    if data.overlapping is None:
        raise NeuroMotionError(f"The recipe of {recipe.decoder.name!r} sets no windows aside: it has no overlapping.")
    sessions = sessions_of(recipe, data.train, root=root, exclude=data.exclude, calibration_apart=False)
    people = sorted({session.subject for session in sessions})
    aside = split_at_random(prepared_windows(recipe, sessions), data.overlapping)[1]
    return decide_windows(decoder, aside, recipe.decoder.labels, people)


def decide_windows(
    decoder: Decoder, windows: ChosenWindows, labels: tuple[str, ...], people: Sequence[str]
) -> Decisions:
    """Decisions on windows of a preparation, which numbers ``people``."""
    count = len(windows.rows)
    parts = np.array_split(np.arange(count), -(-count // BATCH))
    posterior = [decoder.predict_proba(windows.windows(part), windows.adaptation(part)) for part in parts]
    return Decisions(
        labels,
        np.concatenate(posterior),
        windows.labels,
        np.array(people)[windows.people],
        windows.trials,
        np.zeros(count),
        np.zeros(count, bool),
    )
