"""Is a surrogate as hard to decode as recordings? The same decoder on both, and the differences over people.

For each person, the surrogate is fitted to one half of the recordings (see `halves`) and compared with a replay of the
other half; then the halves are swapped. Three figures: balanced accuracy and mean length of error runs (unbroken
sequences of wrong decisions) in a stream of labels that change every few seconds, and success in the closed loop. For a
decoder of continuous targets R² takes the place of the first two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.playing import play_sessions, play_surrogate, playing_for
from neuromotion_gym.datasets.sessions import regressed
from neuromotion_gym.datasets.surrogates import device_of, model_of
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import environments_for
from neuromotion_gym.registration import environment, task_class
from neuromotion_gym.statistics import Interval, studentised_bootstrap_interval
from neuromotion_gym.training.target_evaluation import explained

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Session
    from neuromotion_gym.signals.sources import Cued
    from neuromotion_gym.signals.sources.cued import Targeted
    from neuromotion_gym.signals.surrogate.autoregression import VectorAutoregression
    from neuromotion_gym.signals.surrogate.models import SurrogateModel

CONTROL_S = 0.05
HOLD_S = 3.0
"""Seconds for which the stream asks for the same label."""
BARS = {"accuracy": 0.05, "error_run": 0.10, "explained": 0.05, "success": 0.05}
"""Largest difference allowed; for ``error_run`` as a share of the mean on recordings."""


@dataclass(frozen=True)
class FidelityOptions:
    """Streams and episodes that are played.

    Parameters
    ----------
    rows : int
        Number of streams, and of limbs, that run side by side, each with its own labels.
    stream_s : float
        Length of each stream in seconds.
    episodes : int
        Episodes of the closed loop per person and half; 0 leaves success out.
    environment : str, optional
        Environment of the closed loop; the first one whose limb can express the decoder's labels if left out.
    level : str, optional
        Level of its task; the easiest one if left out.
    controller : str, optional
        ``argmax``, or ``follow`` for a decoder of targets, if left out.
    seed : int
    """

    rows: int = 8
    stream_s: float = 60.0
    episodes: int = 20
    environment: str | None = None
    level: str | None = None
    controller: str | None = None
    seed: int = 0

    def played(self, labels: Sequence[str], targets: Sequence[str] = ()) -> tuple[str, str]:
        """Environment and level for a decoder with these labels, and targets if it gives some.

        Raises
        ------
        NeuroMotionError
            If no environment is named, and none has a limb that can express them.
        """
        fits = [self.environment] if self.environment is not None else environments_for(labels, targets)
        if not fits:
            raise NeuroMotionError(
                f"No environment has a limb that can express {', '.join(labels)}: leave success out, with episodes=0 "
                "(--episodes 0)."
            )
        return fits[0], self.level or str(task_class(environment(fits[0]).task).levels[0])


@dataclass(frozen=True)
class FidelityRow:
    """One figure of one decoder.

    Parameters
    ----------
    figure : {"accuracy", "error_run", "explained", "success"}
        Balanced accuracy; mean length of error runs in seconds; R², mean over targets; success rate.
    real, surrogate : float
        Means over people.
    difference : Interval
        Surrogate minus real, paired over people; for ``error_run`` as a share of the mean on recordings.
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
        """Whether the difference is at most the one allowed in `BARS`."""
        return abs(self.difference.mean) <= BARS[self.figure]


def stream_figures(
    source: Cued, decoder: Decoder, session: int, *, rows: int = 8, seconds: float = 60.0, seed: int = 0
) -> tuple[float, float]:
    """Balanced accuracy, and mean length of error runs in seconds (0 without errors), in an open-loop stream.

    Parameters
    ----------
    source : Cued
    decoder : Decoder
    session : int
        Index into ``source.sessions``.
    rows : int
        Number of streams side by side.
    seconds : float
        Length of each stream.
    seed : int
        Seed of the labels that are asked for, and of the source.
    """
    truth, posterior = _decoded(source, decoder, session, rows, seconds, seed)
    right = posterior.argmax(axis=2) == truth
    accuracy = float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))
    return accuracy, mean_run(~right) * CONTROL_S


def stream_explained(
    source: Targeted, decoder: Decoder, session: int, *, rows: int = 8, seconds: float = 60.0, seed: int = 0
) -> float:
    """R² of a decoder of targets in an open-loop stream, mean over the targets that move; see `stream_figures`."""
    truth, said = _decoded(source, decoder, session, rows, seconds, seed)
    truth, said = (values.reshape(-1, values.shape[2]) for values in (truth, said))
    shares = explained(said, truth)
    moves = np.isfinite(shares)
    return float(shares[moves].mean()) if moves.any() else float("nan")


def log_odds_variance(
    source: Cued, decoder: Decoder, session: int, *, rows: int = 8, seconds: float = 60.0, seed: int = 0
) -> float:
    """Variance of the decoder's log posterior in an open-loop stream, summed over labels; see `stream_figures`.

    The mean over labels is subtracted in every step. The variance includes the differences between the labels that
    play.
    """
    _, posterior = _decoded(source, decoder, session, rows, seconds, seed)
    odds = np.log(np.maximum(posterior, 1e-6))
    odds -= odds.mean(axis=2, keepdims=True)
    return float(odds.reshape(-1, odds.shape[2]).var(axis=0).sum())


def _decoded(
    source: Cued, decoder: Decoder, session: int, rows: int, seconds: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels played (rows, steps) and posteriors (rows, steps, labels) in an open-loop stream.

    For a decoder of targets: targets that play and that are decoded, both of shape (rows, steps, targets).
    """
    from neuromotion_gym.envs.stream import Stream

    labels = decoder.spec.labels
    rest = _rest(decoder.spec)
    stream = Stream(source, decoder, CONTROL_S, rest, seconds, rows)
    generator = np.random.default_rng(seed)
    asked = generator.integers(len(labels), size=(rows, int(seconds / HOLD_S) + 1))
    stream.reset(np.arange(rows), generator.spawn(rows), np.full(rows, session))
    of_source = {source.labels.index(label): i for i, label in enumerate(labels)}
    steps = round(seconds / CONTROL_S)
    posterior = np.zeros((rows, steps, len(decoder.spec.decoded)))
    truth = np.zeros((rows, steps), np.int64) if decoder.spec.classifies else np.zeros_like(posterior)
    columns = [cast("Targeted", source).targets.index(name) for name in decoder.spec.targets]
    for step in range(steps):
        stream.step(asked[:, int(step * CONTROL_S / HOLD_S)])
        if decoder.spec.classifies:
            truth[:, step] = [of_source[label] for label in source.playing.tolist()]
        else:
            truth[:, step] = cast("Targeted", source).target[:, columns]
        posterior[:, step] = stream.posterior
    return truth, posterior


def _rest(spec: DecoderSpec) -> int | None:
    """Index of the label for rest; None if the decoder has none."""
    rest = registry.dataset(spec.dataset).rest
    return spec.labels.index(rest) if rest in spec.labels else None


def mean_run(errors: np.ndarray) -> float:
    """Mean length of unbroken sequences of True in the rows of ``errors``, bool of shape (rows, steps); 0 for none."""
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
    """Table rows of one decoder: surrogates fitted to one half of each person's recordings, compared with the other.

    Parameters
    ----------
    decoder : Decoder or callable
        A decoder, or a function that returns the decoder for a person, such as the one trained without that person.
    part : {"train", "tune", "test", "all"}
        Part whose people are compared; see `halves`.
    model : SurrogateModel or VectorAutoregression, optional
        Model of the surrogate; that of the data set if left out.
    ocular, skip_cue
        As in `neuromotion_gym.datasets.playing.playing_for`.
    subjects : sequence of str, optional
        Only these people.
    root : path, optional
        Folder of the data sets.
    options : FidelityOptions, optional
        Streams and episodes that are played.
    tick : callable
        Called with each person's name when that person is done.

    Raises
    ------
    NeuroMotionError
        If no person has two halves, the data are missing, episodes are wanted but no environment fits the decoder, or
        ``decoder`` is a function and ``subjects`` is left out.
    """
    options = options or FidelityOptions()
    found: dict[str, list[np.ndarray]] = {"real": [], "surrogate": []}
    if not callable(decoder):
        spec = decoder.spec
    elif subjects:
        spec = decoder(subjects[0]).spec
    else:
        raise NeuroMotionError("Pass subjects when each person has a decoder of their own.")
    if options.episodes:
        options.played(spec.labels, spec.targets)
    playing = playing_for(spec, ocular=ocular, skip_cue=skip_cue)
    chosen = model or model_of(spec.dataset)
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
    """A source that plays a model fitted to a session."""
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
    """Find the ``spread`` of a model at which a decoder's log-odds vary as much as on recordings.

    Parameters
    ----------
    decoder : callable
        Returns the decoder for a person, trained without that person. It has to be one that reads log variances.
    subjects : sequence of str
        People to compare, none of them from the test part.
    spreads : sequence of float
        Spreads to try, rising; see `spread_of_equal_variance`.
    model, ocular, skip_cue, root, tick
        See `check_surrogate`.

    Returns
    -------
    spread : float
    shares : list of float
        For each spread, variance on the surrogate divided by that on recordings, both summed over people.
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
    """The spread at which both variances are the same, interpolated between ``spreads``.

    Parameters
    ----------
    spreads : sequence of float
        Rising.
    shares : sequence of float
        Variance on the surrogate divided by that on recordings, for each spread. Rising.

    Returns
    -------
    float; the first spread if all shares are above 1, the last if all are below.

    Raises
    ------
    NeuroMotionError
        If one of the two does not rise, or their lengths differ.
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
    """Two sessions with different recordings for each person of a part, as recorded, with the calibration run.

    If a session holds several runs, the first run is one half and the others are the other half. If every run is a
    session of its own, the halves are the person's run in this part and another run that is not the calibration run.

    Raises
    ------
    NeuroMotionError
        If no person has two such sessions.
    """
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
    """Apply the ocular regression of ``playing`` to a session as recorded, and pick its channels."""
    if playing.ocular == "regress":
        session = regressed(session, registry.dataset(playing.dataset).ocular_channels)
    return session if playing.channels is None else session.pick(playing.channels)


def _figures(source: Cued, decoder: Decoder, options: FidelityOptions) -> np.ndarray:
    """Figures in the order of `BARS` in the only session of ``source``; NaN for those that it does not have."""
    accuracy = run = shared = np.nan
    manner: dict[str, Any] = {"rows": options.rows, "seconds": options.stream_s, "seed": options.seed}
    if decoder.spec.classifies:
        accuracy, run = stream_figures(source, decoder, 0, **manner)
    else:
        shared = stream_explained(cast("Targeted", source), decoder, 0, **manner)
    success = _success(source, decoder, options) if options.episodes else np.nan
    return np.array([accuracy, run, shared, success])


def _success(source: Cued, decoder: Decoder, options: FidelityOptions) -> float:
    """Success rate in the closed loop."""
    from neuromotion_gym.benchmark.episodes import episode_keys, play
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble

    environment_id, level = options.played(decoder.spec.labels, decoder.spec.targets)
    parts = assemble(environment_id, decoder=decoder, source=source, level=level)
    loop = ClosedLoop(parts, min(options.rows, options.episodes))
    try:
        usual = "argmax" if decoder.spec.classifies else "follow"
        controller = make_controller(options.controller or usual, loop.layout)
        episodes, _ = play(loop, controller, episode_keys(source.sessions, options.episodes), options.seed)
    finally:
        loop.close()
    return float(np.mean([episode["success"] for episode in episodes]))


def _rows(decoder: str, model: str, condition: str, real: np.ndarray, surrogate: np.ndarray) -> list[FidelityRow]:
    """Rows from figures of shape (people, figures), in the order of `BARS`."""
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
