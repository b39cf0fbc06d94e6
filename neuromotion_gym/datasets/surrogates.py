"""Fit a surrogate to a part of a data set, and find the modes by which its people vary."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.sessions import iter_sessions
from neuromotion_gym.signals.surrogate.fit import find_modes, fit_surrogate
from neuromotion_gym.signals.surrogate.models import MODELS, Device

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.parts import Part
    from neuromotion_gym.signals.surrogate.models import SurrogateModel
    from neuromotion_gym.signals.surrogate.modes import Modes
    from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters


def device_of(dataset: str) -> Device:
    """What a surrogate has to know about the recording device of a data set."""
    facts = registry.dataset(dataset)
    return Device(facts.integer_range, facts.ocular_channels, facts.calibration_labelled)


def model_of(dataset: str) -> SurrogateModel:
    """The model of the surrogates of a data set: its own, or the default of its modality."""
    facts = registry.dataset(dataset)
    return facts.surrogate or MODELS[facts.table.modality]


def fit_part(
    dataset: str,
    part: Part,
    labels: Sequence[str] | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    model: SurrogateModel | None = None,
) -> SurrogateParameters:
    """Fit a surrogate to a part of a data set.

    Parameters
    ----------
    dataset, part, root
        See `neuromotion_gym.datasets.sessions.load_sessions`.
    labels : sequence of str, optional
        Labels of the surrogate; if left out all labels that occur, sorted by name, with the label for rest first.
    model : SurrogateModel, optional
        See `fit_surrogate`; by default that of the data set, see `model_of`.
    """
    facts = registry.dataset(dataset)
    table = facts.table
    sessions = list(iter_sessions(dataset, part, root=root, calibration_apart=True))
    if labels is None:
        found = {trial.label for session in sessions for one in session.recordings for trial in one.trials}
        labels = sorted(found, key=lambda label: (label != facts.rest, label))
    return fit_surrogate(
        sessions,
        labels,
        model=model or model_of(dataset),
        part=part,
        split=table.split,
        licence=table.licence,
        cite=table.cite,
        device=device_of(dataset),
    )


def find_part_modes(
    dataset: str,
    part: Part,
    labels: Sequence[str] | None = None,
    *,
    every: int = 1,
    root: str | os.PathLike[str] | None = None,
) -> Modes:
    """Modes by which covariances vary between the people of a part, for the default model of the data set's modality.

    Parameters
    ----------
    dataset, part, labels, root
        See `fit_part`.
    every : int
        Only every n-th session is used, beginning with the first.
    """
    sessions = iter_sessions(dataset, part, root=root, calibration_apart=True)
    return find_modes(islice(sessions, 0, None, every), labels)
