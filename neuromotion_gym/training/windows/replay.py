"""Training on windows as a running loop sees them: ``data.preparation: replay``.

The preparation `trials` cuts windows inside trials. In the loop most windows hold a join between two trials, of
the same label or of two labels, and the onset may lie anywhere in the window. A decoder that recognises labels by the
time of an event in the window (eyes that jump to a cue) has to be trained on such windows. So the trials of every
session are streamed by a `ReplaySource`. Labels are asked for at random, each for some time. A window gets the label
that plays for most of its last ``label_s`` seconds.

``data.start_s`` is the source's ``skip_cue``, ``data.stride_s`` the time from one window to the next; the options are
those of `training_windows`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.sources.replay import ReplaySource
from neuromotion_gym.training.data import CutWindows, session_adaptations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session

READ_S = 0.05
"""Time from one read of the stream to the next, as in the loop."""


def training_windows(
    recipe: Recipe,
    sessions: Sequence[Session],
    *,
    seconds: float = 240.0,
    hold_s: tuple[float, float] = (1.0, 6.0),
    label_s: float = 1.5,
    seed: int = 0,
) -> CutWindows:
    """Windows of one stream for each session; see the module.

    Parameters
    ----------
    recipe : Recipe
    sessions : sequence of Session
    seconds : float
        Length of each stream.
    hold_s : (float, float)
        Shortest and longest time for which a label is asked for.
    label_s : float
        Length of the last stretch of a window, which decides its label; at most the whole window.
    seed : int
        Seed of the labels and of the stream.

    Raises
    ------
    NeuroMotionError
        If an option is out of range, ``data.stop_s`` is given, or a session lacks a label.
    """
    spec = recipe.decoder
    data, _, _ = recipe.trainable()
    shortest, longest = hold_s
    if not (
        spec.window_s <= seconds <= 86_400 and 0 < shortest <= longest <= 86_400 and label_s >= READ_S and seed >= 0
    ):
        raise NeuroMotionError(
            f"data.options: seconds has to be at least a window ({spec.window_s:g} s), hold_s two times above 0, the "
            f"shorter first, label_s at least {READ_S:g}, and seed not negative; got seconds {seconds:g}, "
            f"hold_s {shortest:g} and {longest:g}, label_s {label_s:g}, seed {seed}."
        )
    if data.stop_s is not None:
        raise NeuroMotionError("Preparation 'replay' has no data.stop_s: pieces are as long as the source plays them.")
    stride = max(1, round(data.stride_s * spec.rate_hz))
    people = sorted({session.subject for session in sessions})
    streams, where, labels, persons = [], [], [], []
    generators = np.random.default_rng(seed).spawn(len(sessions))
    for index, (session, generator) in enumerate(zip(sessions, generators, strict=True)):
        # Train on all given recordings, also on calibration runs, which a source would leave out
        recordings = tuple(fitted(recording, spec) for recording in session.recordings)
        played = replace(session, recordings=recordings, calibration=())
        source = ReplaySource([played], spec.labels, skip_cue=data.start_s)
        samples, playing = _stream(source, seconds, hold_s, generator)
        ends = np.arange(spec.window, samples.shape[1] + 1, stride)
        streams.append(samples)
        where.append(np.stack([np.full(len(ends), index), ends - spec.window], axis=1))
        labels.append(_most_played(playing, ends, min(round(label_s * spec.rate_hz), spec.window), len(spec.labels)))
        persons.append(np.full(len(ends), people.index(session.subject)))
    adaptations = session_adaptations(spec, sessions)
    if adaptations is not None:  # one per recording, but here every session is one stream
        first = np.cumsum([0, *(len(session.recordings) for session in sessions[:-1])])
        adaptations = adaptations[first]
    places = np.concatenate(where).astype(np.int64)
    return CutWindows(
        tuple(streams),
        places,
        np.concatenate(labels).astype(np.int64),
        np.concatenate(persons).astype(np.int64),
        places[:, 0],
        spec.window,
        adaptations,
    )


def _stream(
    source: ReplaySource, seconds: float, hold_s: tuple[float, float], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples, float32 of shape (channels, samples), of one row of ``source``, and each sample's label."""
    source.start(1)
    source.reset(np.zeros(1, np.int64), [generator], np.zeros(1, np.int64))
    count = round(READ_S * source.spec.rate_hz)
    wanted, left = np.zeros(1, np.int64), 0.0
    samples, playing = [], []
    for _ in range(round(seconds / READ_S)):
        if left <= 0:
            wanted = generator.integers(len(source.labels), size=1)
            left += generator.uniform(*hold_s)
        left -= READ_S
        samples.append(source.read(wanted, count)[0])
        playing.append(np.repeat(source.playing, count))
    return np.concatenate(samples, axis=1), np.concatenate(playing)


def _most_played(playing: np.ndarray, ends: np.ndarray, stretch: int, labels: int) -> np.ndarray:
    """Label that plays for most of the ``stretch`` samples before each of ``ends``, shape (windows,)."""
    sums = np.zeros((labels, len(playing) + 1), np.int64)
    np.cumsum(playing == np.arange(labels)[:, None], axis=1, out=sums[:, 1:])
    most: np.ndarray = (sums[:, ends] - sums[:, ends - stretch]).argmax(axis=0)
    return most
