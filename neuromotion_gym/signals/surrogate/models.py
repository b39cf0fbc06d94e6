"""Models of signals: the default of each modality, and the models that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from neuromotion_gym.signals.surrogate.autoregression import VectorAutoregression

if TYPE_CHECKING:
    from neuromotion_gym.signals.modality import Modality

Mixing = Literal["label", "trial"]

SPREAD = 2.1
"""Factor on the scores of EEG. The modes hold only a part of the variation; with this factor the log-odds of a
log-variance decoder have the same variance as on recordings. `neuromotion_gym.audit.fidelity.matched_spread`
computes it, with eeg_csp_lda, every person decoded by the fold trained without them, S006 to S021 of the train part,
ocular channels regressed out and two seconds skipped. Spreads of 1, 1.5, 2 and 2.5 gave 0.63, 0.80, 0.98 and 1.16 of
the variance."""


@dataclass(frozen=True)
class SurrogateModel:
    """Settings of the model.

    Parameters
    ----------
    name : str
        Name in tables and in the file.
    edges_hz : tuple of float
        Edges of the bands.
    mixing : {"label", "trial"}
        Unit that has its own covariance: each person and label, or each trial.
    frames : int
        Number of frames of a trial, each with its own amplitudes; with 1, the amplitude is constant in a trial.
    groups : int
        Number of groups of sources; the sources of a group have a common amplitude.
    patterns, course_rank : int
        Number of spatial patterns of the response to the cue, and the rank of their time courses over trials.
    levels : bool
        Whether the patterns are fitted to trials without onset too. With ``slow_hz`` below one period in a trial they
        are then the trial's mean level in each channel, which an envelope has and a raw signal has not.
    parts : int
        Number of equal parts of a trial, from its onset, each with its own mixing.
    modes : int
        Number of modes by which covariances vary from frame to frame.
    spread : float
        Factor on the scores of the modes.
    noise : {"fresh", "tape"}
        Whether every piece gets new noise, or stretches of tapes (see `neuromotion_gym.signals.surrogate.tape`).
    knots_hz : float
        Number of values per second of the time courses.
    slow_hz : float
        Highest frequency of the response to the cue.
    stretch_s : float, optional
        For trials without onset whose lengths differ much: every trial is cut into stretches of this length, evenly
        spaced from its beginning to its end, and each is fitted as a trial of its own. By default the beginning of
        each trial is fitted, as long as nine of ten trials are.
    target_knots : int
        For recordings with continuous targets: number of places of a trial, or stretch, between which the course of a
        target is straight.
    """

    name: str
    edges_hz: tuple[float, ...]
    mixing: Mixing
    frames: int
    groups: int
    patterns: int = 4
    course_rank: int = 3
    levels: bool = False
    parts: int = 1
    modes: int = 0
    spread: float = 1.0
    noise: Literal["fresh", "tape"] = "fresh"
    knots_hz: float = 8.0
    slow_hz: float = 3.0
    stretch_s: float | None = None
    target_knots: int = 4


MODELS: dict[Modality, SurrogateModel] = {
    "eeg": SurrogateModel(
        "banded, covariances by label, modes of variation",
        (0, 1.5, 4, 8, 13, 30, 80),
        "label",
        frames=8,
        groups=1,
        parts=2,
        modes=64,
        spread=SPREAD,
        noise="tape",
    ),
    "emg": SurrogateModel("banded, covariances by trial", (0, 20, 45, 70, 100), "trial", frames=10, groups=8),
}

ONE_ELECTRODE = replace(
    MODELS["emg"],
    name="one electrode, fine bands by trial",
    # So fine that each trial keeps its spectrum: nothing else tells which muscle the electrode lies on
    edges_hz=(0, 5, 10, 20, 30, 45, 60, 80, 100, 130, 170, 220, 290, 380, 440, 470, 500),
    groups=1,
)
"""Model of recordings of a single electrode at 1000 Hz whose label is the muscle."""


def model_variants(default: SurrogateModel) -> dict[str, SurrogateModel | VectorAutoregression]:
    """A model (``"default"``) and simpler ones, for the table that compares them."""
    stationary = replace(default, name="stationary", mixing="label", frames=1, groups=1, parts=1, modes=0)
    loudness = replace(default, name="banded, amplitudes of groups of sources", groups=8, modes=0)
    trial = replace(default, name="banded, covariances by trial", mixing="trial", parts=1, modes=0)
    return {
        "default": default,
        "stationary": stationary,
        "amplitudes": loudness,
        "trial": trial,
        "autoregression": VectorAutoregression(),
    }


class Device(NamedTuple):
    """Facts about the recordings of a data set that a surrogate needs.

    Parameters
    ----------
    integer_range : (int, int) or ()
        Lowest and highest integer that the device gives; empty if it does not give integers.
    ocular_channels : tuple of str
        Channels that record eye movements.
    calibration_labelled : bool
        Whether the labels of calibration runs are used.
    """

    integer_range: tuple[int, int] | tuple[()] = ()
    ocular_channels: tuple[str, ...] = ()
    calibration_labelled: bool = True
