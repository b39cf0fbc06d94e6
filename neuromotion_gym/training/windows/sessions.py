"""Windows inside labelled trials, numbered by session in place of by person: ``data.preparation: sessions``.

For networks that are fitted to how electrodes are worn, which differs between the sessions of one person.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.training.windows import trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session
    from neuromotion_gym.training.data import CutWindows


def training_windows(recipe: Recipe, sessions: Sequence[Session]) -> CutWindows:
    """Windows as `neuromotion_gym.training.windows.trials` cuts them; ``people`` are numbers of sessions.

    A calibration run belongs to the session that it calibrates.
    """
    cut = trials.training_windows(recipe, sessions)
    whole: dict[tuple[str, tuple[str, ...]], int] = {}
    numbers = []
    for session in sessions:
        calibrated = tuple(one.session for one in session.calibration) or (session.session,)
        number = whole.setdefault((session.subject, calibrated), len(whole))
        numbers += [number] * len(session.recordings)
    return replace(cut, people=np.array(numbers, np.int64)[cut.where[:, 0]])
