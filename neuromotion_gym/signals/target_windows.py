"""Where windows with continuous targets lie in a recording, and which movement each of them belongs to.

A decoder of targets reads the whole recording, rests and ways between movements too, so that its windows are not cut
from trials. A window may not reach over a gap, and its targets are those of its last sample.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording


class Blocks(NamedTuple):
    """Which movement some samples belong to.

    Parameters
    ----------
    label : str array, shape (n,)
        Label of the movement; empty where the recording has none.
    trial : int array, shape (n,)
        Number of its trial, counted over the trials of movements in the recording; 0 where there is none.
    since : int array, shape (n,)
        Samples since that trial began; negative before.
    """

    label: np.ndarray
    trial: np.ndarray
    since: np.ndarray


def window_ends(recording: Recording, window: int, hop: int) -> np.ndarray:
    """Ends of all windows that reach over no gap and no bad span, int array of shape (n,).

    A window that ends at ``e`` has the samples ``e - window`` to ``e - 1``.

    Parameters
    ----------
    recording : Recording
    window, hop : int
        Length of a window, and samples from one to the next.
    """
    edges = [0, *(edge for span in sorted(recording.bad_spans) for edge in span), recording.samples.shape[1]]
    bad = {span for span in recording.bad_spans if span[0] < span[1]}
    pieces = [(start, stop) for start, stop in pairwise(edges) if (start, stop) not in bad]
    return np.concatenate([np.arange(start + window, stop + 1, hop) for start, stop in pieces]).astype(np.int64)


def targets_at(recording: Recording, names: Sequence[str], ends: np.ndarray) -> np.ndarray:
    """Targets at the last samples of windows, float32 of shape (n, targets).

    Raises
    ------
    NeuroMotionError
        If the recording lacks a target.
    """
    known = () if recording.targets is None else recording.targets.names
    if lacking := [name for name in names if name not in known]:
        raise NeuroMotionError(
            f"{recording.name} has no target {', '.join(lacking)} (it has {', '.join(known) or 'none'}). A decoder of "
            "targets is fitted to recordings with Recording(targets=...), what the person did meanwhile."
        )
    assert recording.targets is not None
    rows = [known.index(name) for name in names]
    return np.ascontiguousarray(recording.targets.values[rows][:, ends - 1].T, dtype=np.float32)


def blocks_at(recording: Recording, ends: np.ndarray, rest: str | None) -> Blocks:
    """The movement that the last sample of each window belongs to: the one that is made there, or the next one.

    So the rest and the way before a movement belong to it; what comes after the last one belongs to the last one.

    Parameters
    ----------
    recording : Recording
    ends : int array, shape (n,)
        From `window_ends`.
    rest : str or None
        Label for rest, which is no movement.
    """
    made = [trial for trial in recording.trials if trial.label != rest]
    if not made:
        nothing = np.zeros(len(ends), np.int64)
        return Blocks(np.full(len(ends), ""), nothing, nothing)
    stops = np.array([trial.stop for trial in made])
    which = np.minimum(np.searchsorted(stops, ends), len(made) - 1)
    starts = np.array([trial.start for trial in made])
    return Blocks(np.array([trial.label for trial in made])[which], which, ends - 1 - starts[which])
