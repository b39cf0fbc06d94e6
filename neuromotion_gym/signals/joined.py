"""A recording that is put together from stretches with a label each, which are not neighbours in time."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.signals.recording import Recording, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import SignalSpec


def joined(
    stretches: Sequence[np.ndarray],
    labels: Sequence[str],
    spec: SignalSpec,
    *,
    dataset: str,
    subject: str,
    session: str,
) -> Recording:
    """Recording of steady stretches, one trial without an onset each, with a gap between two of them.

    Parameters
    ----------
    stretches : sequence of arrays, shape (channels, samples)
    labels : sequence of str
        Label of each.
    spec : SignalSpec
    dataset, subject, session : str
        As in `Recording`.
    """
    edges = [0, *accumulate(one.shape[1] for one in stretches)]
    trials = tuple(
        Trial(label, start, stop, has_onset=False) for label, (start, stop) in zip(labels, pairwise(edges), strict=True)
    )
    samples = np.ascontiguousarray(np.concatenate(stretches, axis=1), dtype=np.float32)
    return Recording(samples, spec, trials, dataset, subject, session, bad_spans=tuple((at, at) for at in edges[1:-1]))
