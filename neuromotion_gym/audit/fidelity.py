"""Is a surrogate as hard as the people it was fitted to? The same decoder on both, and the differences over people.

For each person the surrogate is fitted to one half of the recordings (a run, or a round) and compared with a replay of
the other half, then the other way round. Three figures: balanced accuracy and mean length of runs of errors in a
stream of labels that change every few seconds, and success in the closed loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.playing import play_sessions, play_surrogate, playing_for
from neuromotion_gym.datasets.sessions import regressed
from neuromotion_gym.datasets.surrogates import device_of
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS, environment, task_class
from neuromotion_gym.statistics import Interval, studentised_bootstrap_interval

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Session
    from neuromotion_gym.signals.sources import Cued
    from neuromotion_gym.signals.surrogate.autoregression import VectorAutoregression
    from neuromotion_gym.signals.surrogate.models import SurrogateModel

CONTROL_S = 0.05
HOLD_S = 3.0
"""How long a label is asked for in the stream."""
BARS = {"accuracy": 0.05, "error_run": 0.10, "success": 0.05}
"""Largest difference allowed; of the runs of errors as a share of the real ones."""


@dataclass(frozen=True)
class FidelityOptions:
    """How much is played.

    Parameters
    ----------
    rows : int
        Streams and limbs at a time, each with labels of its own.
    stream_s : float
        Length of each stream.
    episodes : int
        Episodes of the closed loop a person and half; 0 leaves success out.
    environment : str
        Of the closed loop; the first environment where left out.
    level : str, optional
        Its task's easiest one where left out.
    controller : str
    seed : int
    """

    rows: int = 8
    stream_s: float = 60.0
    episodes: int = 20
    environment: str = field(default_factory=lambda: next(iter(ENVIRONMENTS)))
    level: str | None = None
    controller: str = "argmax"
    seed: int = 0

    @property
    def level_played(self) -> str:
        """The level given, or the easiest."""
        return self.level or str(task_class(environment(self.environment).task).levels[0])


@dataclass(frozen=True)
class FidelityRow:
    """One figure of one decoder.

    Parameters
    ----------
    figure : {"accuracy", "error_run", "success"}
        Balanced accuracy; mean length of runs of errors in seconds; success rate.
    real, surrogate : float
        Means over people.
    difference : Interval
        Surrogate less real, paired over people; of ``error_run`` as a share of the mean real one.
    """

    decoder: str
    model: str
    condition: str
    figure: str
    people: int
    real: float
    surrogate: float
    difference: Interval

    @property
    def within(self) -> bool:
        """Whether the difference lies within its bar."""
        return abs(self.difference.mean) <= BARS[self.figure]


def stream_figures(
    source: Cued, decoder: Decoder, session: int, *, rows: int = 8, seconds: float = 60.0, seed: int = 0
) -> tuple[float, float]:
    """Balanced accuracy, and mean length of runs of errors in seconds (0 without errors), in an open stream.

    Parameters
    ----------
    source : Source
    decoder : Decoder
    session : int
        Index into ``source.sessions``.
    rows : int
        Streams side by side.
    seconds : float
        Length of each.
    seed : int
        Of the labels that are asked for and of the source.
    """
    truth, posterior = _decoded(source, decoder, session, rows, seconds, seed)
    right = posterior.argmax(axis=2) == truth
    accuracy = float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))
    return accuracy, mean_run(~right) * CONTROL_S


def log_odds_variance(
    source: Cued, decoder: Decoder, session: int, *, rows: int = 8, seconds: float = 60.0, seed: int = 0
) -> float:
    """Variance of the decoder's log posterior about its mean over labels, in an open stream; see `stream_figures`.

    Summed over labels, with the differences between the labels that play left in.
    """
    _, posterior = _decoded(source, decoder, session, rows, seconds, seed)
    odds = np.log(np.maximum(posterior, 1e-6))
    odds -= odds.mean(axis=2, keepdims=True)
    return float(odds.reshape(-1, odds.shape[2]).var(axis=0).sum())


def _decoded(
    source: Cued, decoder: Decoder, session: int, rows: int, seconds: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels played (rows, steps) and posteriors (rows, steps, labels) in an open stream."""
    from neuromotion_gym.envs.stream import Stream

    labels = decoder.spec.labels
    rest = _rest(decoder.spec)
    stream = Stream(source, decoder, CONTROL_S, rest, seconds, rows)
    generator = np.random.default_rng(seed)
    asked = generator.integers(len(labels), size=(rows, int(seconds / HOLD_S) + 1))
    stream.reset(np.arange(rows), generator.spawn(rows), np.full(rows, session))
    of_source = {source.labels.index(label): i for i, label in enumerate(labels)}
    steps = round(seconds / CONTROL_S)
    truth = np.zeros((rows, steps), np.int64)
    posterior = np.zeros((rows, steps, len(labels)))
    for step in range(steps):
        stream.step(asked[:, int(step * CONTROL_S / HOLD_S)])
        truth[:, step] = [of_source[label] for label in source.playing.tolist()]
        posterior[:, step] = stream.posterior
    return truth, posterior


def _rest(spec: DecoderSpec) -> int | None:
    """Index of the label of rest; None where the decoder has none."""
    rest = registry.dataset(spec.dataset).rest
    return spec.labels.index(rest) if rest in spec.labels else None


def mean_run(errors: np.ndarray) -> float:
    """Mean length of the unbroken runs of True in the rows of ``errors``, bool of shape (rows, steps); 0 for none."""
    edges = np.diff(np.pad(errors.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    runs = int((edges == 1).sum())
    return float(errors.sum() / runs) if runs else 0.0


def check_surrogate(
    decoder: Decoder | Callable[[str], Decoder],
    *,
    part: str = "test",
    model: SurrogateModel | VectorAutoregression | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    subjects: Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    options: FidelityOptions | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> list[FidelityRow]:
    """Table rows of one decoder, with the surrogate fitted on one half of each person and checked on the other.

    Parameters
    ----------
    decoder : Decoder or callable
        A decoder, or a function that gives the decoder of a person, such as the one that was trained without them.
    part : {"train", "tune", "test", "all"}
        People compared; see `halves`.
    model : SurrogateModel or VectorAutoregression, optional
        The default of the modality where left out.
    ocular, skip_cue
        See `ReplaySource`; ``ocular`` as the decoder was trained where left out.
    subjects : sequence of str, optional
        Some people alone.
    root : path, optional
        Data folder.
    options : FidelityOptions, optional
        How much is played.
    tick : callable
        Called with each person's name when that person is done.

    Raises
    ------
    NeuroMotionError
        If nobody has two halves, or the data are not there.
    """
    from neuromotion_gym.signals.surrogate.models import MODELS

    options = options or FidelityOptions()
    found: dict[str, list[np.ndarray]] = {"real": [], "surrogate": []}
    if not callable(decoder):
        spec = decoder.spec
    elif subjects:
        spec = decoder(subjects[0]).spec
    else:
        raise NeuroMotionError("Pass subjects when each person has a decoder of their own.")
    playing = playing_for(spec, ocular=ocular, skip_cue=skip_cue)
    chosen = model or MODELS[spec.modality]
    for subject, pair in halves(spec.dataset, part, subjects=subjects, root=root).items():
        own = decoder(subject) if callable(decoder) else decoder
        figures: dict[str, list[np.ndarray]] = {"real": [], "surrogate": []}
        for fitted, played in (pair, pair[::-1]):
            surrogate = _surrogate(fitted, chosen, playing)
            real = play_sessions([_as_played(played, playing)], playing)
            for name, source in (("real", real), ("surrogate", surrogate)):
                figures[name].append(_figures(source, own, options))
        for name, values in figures.items():
            found[name].append(np.mean(values, axis=0))
        tick(subject)
    onset = registry.dataset(spec.dataset).has_onset
    condition = f"{playing.ocular}, skip_cue {playing.skip_cue:g} s" if onset else "steady state"
    return _rows(spec.name, chosen.name, condition, np.array(found["real"]), np.array(found["surrogate"]))


def _surrogate(fitted: Session, model: SurrogateModel | VectorAutoregression, playing: Playing) -> Cued:
    """What plays a model fitted to a session."""
    from neuromotion_gym.signals.surrogate.fit import fit_surrogate
    from neuromotion_gym.signals.surrogate.models import SurrogateModel

    if not isinstance(model, SurrogateModel):
        return play_sessions([model.generate(_as_played(fitted, playing), playing.labels)], playing)
    return play_surrogate(
        fit_surrogate([fitted], playing.labels, model=model, device=device_of(playing.dataset)), playing
    )


def matched_spread(
    decoder: Callable[[str], Decoder],
    subjects: Sequence[str],
    spreads: Sequence[float],
    *,
    model: SurrogateModel,
    ocular: Ocular = "regress",
    skip_cue: float = 2.0,
    root: str | os.PathLike[str] | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> tuple[float, list[float]]:
    """The spread of the scores at which a decoder's log-odds vary as much as on recordings.

    Parameters
    ----------
    decoder : callable
        Gives the decoder of a person, trained without them; one that reads log variances.
    subjects : sequence of str
        People, not those of the test part.
    spreads : sequence of float
        Tried, rising; see `spread_of_equal_variance`.
    model, ocular, skip_cue, root, tick
        See `check_surrogate`.

    Returns
    -------
    spread : float
    shares : list of float
        For each spread tried, variance on the surrogate over that on recordings, of sums over people.
    """
    spec = decoder(subjects[0]).spec
    playing = playing_for(spec, ocular=ocular, skip_cue=skip_cue)
    real, made = 0.0, np.zeros(len(spreads))
    for subject, pair in halves(spec.dataset, "all", subjects=subjects, root=root).items():
        own = decoder(subject)
        for fitted, played in (pair, pair[::-1]):
            replay = play_sessions([_as_played(played, playing)], playing)
            real += log_odds_variance(replay, own, 0)
            for i, spread in enumerate(spreads):
                source = _surrogate(fitted, replace(model, spread=spread), playing)
                made[i] += log_odds_variance(source, own, 0)
        tick(subject)
    shares = made / real
    return spread_of_equal_variance(spreads, shares), shares.tolist()


def spread_of_equal_variance(spreads: Sequence[float], shares: Sequence[float] | np.ndarray) -> float:
    """The spread at which the share of variances is 1, interpolated between those tried.

    Parameters
    ----------
    spreads : sequence of float
        Rising.
    shares : sequence of float
        Variance on the surrogate over that on recordings at each spread; rises with it.

    Returns
    -------
    float; the first or last spread where the shares do not reach 1.

    Raises
    ------
    NeuroMotionError
        If one of the two does not rise.
    """
    for name, values in (("spreads", spreads), ("shares of variance", shares)):
        if len(values) != len(spreads) or not (np.diff(values) > 0).all():
            raise NeuroMotionError(f"The {name} have to rise, and do not: {', '.join(f'{one:g}' for one in values)}.")
    return float(np.interp(1.0, shares, spreads))


def halves(
    dataset: str,
    part: str,
    *,
    subjects: Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> dict[str, tuple[Session, Session]]:
    """For each person of a part two sessions of different recordings, as recorded, with the calibration run.

    Where a session holds several runs, the first against the others; where every round is a session of its own, the
    person's round of this part against another that is no calibration run.

    Raises
    ------
    NeuroMotionError
        If nobody has two.
    """
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.datasets.sessions import load_sessions

    table = registry.dataset(dataset).table
    mine = load_sessions(dataset, part, root=root, subjects=subjects, calibration_apart=True)  # type: ignore[arg-type]
    found: dict[str, tuple[Session, Session]] = {}
    others = mine
    if table.one_session_per == "run":
        people = sorted({session.subject for session in mine})
        others = load_sessions(dataset, "all", root=root, subjects=people, calibration_apart=True)
    for session in mine:
        if session.subject in found:
            continue
        if len(session.recordings) > 1:
            first, second = replace(session, recordings=session.recordings[:1]), session.recordings[1:]
            found[session.subject] = (first, replace(session, recordings=second))
            continue
        for other in others:
            if other.subject == session.subject and other.session != session.session:
                found[session.subject] = (session, other)
                break
    if not found:
        raise NeuroMotionError(f"Nobody in part {part!r} of {dataset} has two recordings to compare.")
    return found


def _as_played(session: Session, playing: Playing) -> Session:
    """A session as recorded, with the ocular regression and the channels of ``playing``."""
    if playing.ocular == "regress":
        session = regressed(session, registry.dataset(playing.dataset).ocular_channels)
    return session if playing.channels is None else session.pick(playing.channels)


def _figures(source: Cued, decoder: Decoder, options: FidelityOptions) -> np.ndarray:
    """Accuracy, run of errors and (NaN if no episodes are wanted) success of the only session of ``source``."""
    accuracy, run = stream_figures(source, decoder, 0, rows=options.rows, seconds=options.stream_s, seed=options.seed)
    success = _success(source, decoder, options) if options.episodes else np.nan
    return np.array([accuracy, run, success])


def _success(source: Cued, decoder: Decoder, options: FidelityOptions) -> float:
    """Success rate in the closed loop."""
    from neuromotion_gym.benchmark.episodes import episode_keys, play
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble

    parts = assemble(options.environment, decoder=decoder, source=source, level=options.level_played)
    loop = ClosedLoop(parts, min(options.rows, options.episodes))
    try:
        controller = make_controller(options.controller, loop.layout)
        episodes, _ = play(loop, controller, episode_keys(source.sessions, options.episodes), options.seed)
    finally:
        loop.close()
    return float(np.mean([episode["success"] for episode in episodes]))


def _rows(decoder: str, model: str, condition: str, real: np.ndarray, surrogate: np.ndarray) -> list[FidelityRow]:
    """Rows from figures of shape (people, 3)."""
    rows = []
    for column, figure in enumerate(BARS):
        mine, other = real[:, column], surrogate[:, column]
        if np.isnan(mine).any():
            continue
        scale = max(float(mine.mean()), 1e-9) if figure == "error_run" else 1.0
        interval = studentised_bootstrap_interval((other - mine) / scale)
        rows.append(
            FidelityRow(decoder, model, condition, figure, len(mine), float(mine.mean()), float(other.mean()), interval)
        )
    return rows
