"""Metrics of a batch of episodes: pure functions on arrays.

Shapes: an axis ``episodes`` has one element per episode; an axis ``steps`` has one per control step, and is padded with
NaN (positions) or -1 (labels) after the end of an episode.
"""

from __future__ import annotations

import numpy as np

from neuromotion_gym.errors import NeuroMotionError


def median_time(time_s: np.ndarray, success: np.ndarray) -> float:
    """Median time to success over the successful episodes; NaN where there are none.

    Parameters
    ----------
    time_s : float array, shape (episodes,)
    success : bool array, shape (episodes,)
    """
    times = time_s[success]
    return float(np.median(times)) if len(times) else float("nan")


def bits_per_selection(accuracy: float, choices: float) -> float:
    """Bits per selection after Wolpaw; zero where the accuracy is not above chance.

    ``log2 N + P log2 P + (1 - P) log2((1 - P) / (N - 1))`` (Wolpaw et al., Clin. Neurophysiol. 113(6), 2002).

    Parameters
    ----------
    accuracy : float
        Probability P of the right selection, 0..1.
    choices : float
        Number N of goals, above 1. For a continuum of goals: 1 / success rate of the best policy without information.
    """
    if choices <= 1:
        raise NeuroMotionError(f"Information needs more than one choice, not {choices}.")
    if not 0 <= accuracy <= 1:
        raise NeuroMotionError(f"An accuracy lies in 0..1, not at {accuracy}.")
    if accuracy <= 1 / choices:
        return 0.0
    bits = np.log2(choices) + accuracy * np.log2(accuracy)
    if accuracy < 1:
        bits += (1 - accuracy) * np.log2((1 - accuracy) / (choices - 1))
    return float(bits)


def information_transfer_rate(success: np.ndarray, time_s: np.ndarray, choices: float) -> float:
    """Information transfer rate after Wolpaw, in bit/min.

    An episode without a selection counts as an error that took the whole time limit, so that waiting has a cost.

    Parameters
    ----------
    success : bool array, shape (episodes,)
    time_s : float array, shape (episodes,)
        Seconds to the end of the episode: to the selection, or to the time limit.
    choices : float
        See `bits_per_selection`.
    """
    if not len(success):
        return float("nan")
    return 60 * bits_per_selection(float(np.mean(success)), choices) / float(np.mean(time_s))


def path_efficiency(position: np.ndarray) -> np.ndarray:
    """Straight distance from the first to the last position, divided by the length of the path between them.

    Parameters
    ----------
    position : float array, shape (episodes, steps, axes)
        NaN after an episode's end.

    Returns
    -------
    float array, shape (episodes,), in 0..1; NaN where the limb did not move.
    """
    step = np.nan_to_num(np.linalg.norm(np.diff(position, axis=1), axis=2))
    length = step.sum(axis=1)
    last = (~np.isnan(position[:, :, 0])).sum(axis=1) - 1
    straight = np.linalg.norm(position[np.arange(len(position)), last] - position[:, 0], axis=1)
    return np.where(length > 1e-9, straight / np.maximum(length, 1e-9), np.nan)


def overshoots(position: np.ndarray, goal: np.ndarray, tolerance: float) -> np.ndarray:
    """How often the limb reached the goal's tolerance and then left it again.

    Parameters
    ----------
    position : float array, shape (episodes, steps, axes)
        NaN after an episode's end.
    goal : float array, shape (episodes, axes)
    tolerance : float
        Largest distance from the goal that still counts as reached, the same on every axis.

    Returns
    -------
    int array, shape (episodes,)
    """
    valid = ~np.isnan(position[:, :, 0])
    inside = (np.abs(np.nan_to_num(position) - goal[:, None, :]) <= tolerance).all(axis=2)
    return (inside[:, :-1] & ~inside[:, 1:] & valid[:, 1:]).sum(axis=1)


def false_activations_per_minute(intent: np.ndarray, decoded: np.ndarray, rest: int, control_s: float) -> float:
    """Onsets of a decoded movement while the person intends to rest, per minute of intended rest.

    Parameters
    ----------
    intent, decoded : int array, shape (episodes, steps)
        Labels; -1 after an episode's end.
    rest : int
        Index of the label for rest.
    control_s : float
        Control period.

    Returns
    -------
    float; NaN where rest was never intended.
    """
    wanted = intent == rest
    moving = decoded != rest
    onsets = wanted[:, 1:] & moving[:, 1:] & ~moving[:, :-1]
    minutes = wanted[:, 1:].sum() * control_s / 60
    return float(onsets.sum() / minutes) if minutes else float("nan")


def intent_latencies(intent: np.ndarray, decoded: np.ndarray, control_s: float) -> np.ndarray:
    """Seconds from each change of intent to the first decision that agrees with it.

    Parameters
    ----------
    intent, decoded : int array, shape (episodes, steps)
        Labels; -1 after an episode's end.
    control_s : float
        Control period.

    Returns
    -------
    float array, shape (changes,), ordered by episode and time. NaN where the intent changed again, or the episode
    ended, before the intent was decoded.
    """
    episodes, steps = intent.shape
    changed = np.zeros_like(intent, dtype=bool)
    changed[:, 1:] = (intent[:, 1:] != intent[:, :-1]) & (intent[:, 1:] >= 0)
    index = np.arange(steps)
    # For each step: the first step from there on that agrees, and the first later step with another intent
    agrees = np.where((intent == decoded) & (intent >= 0), index, steps)
    first = np.minimum.accumulate(agrees[:, ::-1], axis=1)[:, ::-1]
    other = np.ones((episodes, steps), dtype=bool)
    other[:, 1:] = intent[:, 1:] != intent[:, :-1]
    ends = np.full((episodes, steps + 1), steps)
    ends[:, :-1] = np.where(other, index, steps)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1][:, 1:]
    row, step = np.nonzero(changed)
    waited = first[row, step] - step
    return np.where(first[row, step] < ends[row, step], waited * control_s, np.nan)


def throughput(start: np.ndarray, goal: np.ndarray, end: np.ndarray, time_s: np.ndarray) -> float:
    """Throughput of one distance and width in bit/s after ISO 9241-411, from effective distance and effective width.

    ``log2(De / We + 1) / mean time``. De is the mean distance travelled along the line from start to goal; We is 4.133
    times the standard deviation of the end points along that line.

    Parameters
    ----------
    start, goal, end : float array, shape (episodes, axes)
        Where the movement began, where it should have ended, and where it ended.
    time_s : float array, shape (episodes,)
        Movement times in seconds.

    Raises
    ------
    NeuroMotionError
        If there are fewer than two episodes, or a goal lies at its start.
    """
    if len(start) < 2:
        raise NeuroMotionError(f"An effective width needs two movements or more, not {len(start)}.")
    line = goal - start
    distance = np.linalg.norm(line, axis=1)
    if not (distance > 0).all():
        raise NeuroMotionError("The goal of a movement is also its start, so the movement has no direction.")
    unit = line / distance[:, None]
    miss = ((end - goal) * unit).sum(axis=1)
    return effective_throughput(distance + miss, miss, time_s)


def effective_throughput(travelled: np.ndarray, along: np.ndarray, time_s: np.ndarray) -> float:
    """Throughput of one distance and width, as in `throughput`, from distances along the line from start to goal.

    Parameters
    ----------
    travelled : float array, shape (episodes,)
        From the start to the end point.
    along : float array, shape (episodes,)
        From the goal to the end point; negative where the movement was too short.
    time_s : float array, shape (episodes,)
        Movement times in seconds.
    """
    width = 4.133 * along.std(ddof=1)
    effective = float(travelled.mean())
    if effective <= 0:
        return 0.0
    if width == 0:
        return float("inf")
    return float(np.log2(effective / width + 1) / time_s.mean())


def throughput_over_combinations(
    combinations: np.ndarray, travelled: np.ndarray, along: np.ndarray, time_s: np.ndarray, fewest: int = 10
) -> tuple[float, int]:
    """Mean over combinations of `effective_throughput`, and the number of combinations.

    All episodes count, whether the selection was right, wrong or missing: with the successful ones alone, the effective
    width could not exceed the width of the goal.

    Parameters
    ----------
    combinations : float array, shape (episodes, k)
        The figures that are combined, such as distance and width of the goal.
    travelled, along, time_s : float array, shape (episodes,)
        See `effective_throughput`.
    fewest : int, default 10
        Combinations with fewer episodes are left out.

    Returns
    -------
    throughput : float
        Bit/s; NaN without combinations.
    combinations : int
    """
    _, index, counts = np.unique(combinations, axis=0, return_inverse=True, return_counts=True)
    rates = [
        effective_throughput(travelled[members], along[members], time_s[members])
        for members in (index.ravel() == each for each in np.flatnonzero(counts >= max(2, fewest)))
    ]
    return (float(np.mean(rates)) if rates else float("nan")), len(rates)
