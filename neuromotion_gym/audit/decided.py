"""A decoder's decisions on trials, and a permutation test of them within sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.label_model import Told, by_group, permuted, scoring, told
from neuromotion_gym.audit.material import Units
from neuromotion_gym.training.evaluation import decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Session


def tells_by_decisions(
    decoder: Decoder, sessions: Sequence[Session], names: Sequence[str], options: Options
) -> Told | None:
    """Balanced accuracy of a decoder over whole trials of some labels; labels are permuted within recordings.

    Parameters
    ----------
    decoder : Decoder
    sessions : sequence of Session
        As the decoder is to read them.
    names : sequence of str
        Labels that are told apart; the posterior is renormalised over them.

    Returns
    -------
    Told, or None
        None if the decoder lacks one of the labels, or no recording has two of them.
    """
    if not set(names) <= set(decoder.spec.labels):
        return None
    decided, truth, people, blocks = [], [], [], []
    for session in sessions:
        for recording in session.recordings:
            alone = replace(session, recordings=(recording,))
            if not any(trial.label in names for trial in recording.trials):
                continue
            decisions = decide(decoder, [alone]).restricted(names).per_trial()
            decided.append(decisions.posterior.argmax(axis=1))
            truth.append(decisions.truth)
            people += [session.subject] * len(decisions.truth)
            blocks += [f"{session.subject}/{recording.session}/{recording.run}"] * len(decisions.truth)
    labels = np.concatenate(truth)
    units = Units(
        labels,
        np.unique(people, return_inverse=True)[1],
        np.unique(blocks, return_inverse=True)[1],
        np.full(len(labels), np.nan),
    )
    orders = permuted(units, options)
    if orders is None:
        return None
    groups, weights = scoring(units)
    shuffled = labels[orders]
    hits = np.concatenate(decided)[:, None] == shuffled
    scores = (hits * weights[groups[:, None], shuffled]).sum(axis=0)
    return told(scores, by_group(hits[:, 0], labels, groups, weights), "person")
