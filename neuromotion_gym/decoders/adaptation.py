"""`Adaptation`: how a decoder is adapted to its wearers while a loop runs, a state for each row.

Every kind of adaptation is started from the calibration run of the session that a row plays; the kinds "wearer" and
"day" may start from nothing. They and "running" go on with every window. They never get a label, and what a row's
state is depends on the windows of this row alone, so that a row of a batch has the same bits as a batch of one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.calibration import calibration_windows
from neuromotion_gym.decoders.population import MARGIN, Population
from neuromotion_gym.decoders.returning import Returning
from neuromotion_gym.decoders.running import PERIOD_S, Run
from neuromotion_gym.decoders.unlabelled import unlabelled_windows
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked, from_mapping
from neuromotion_gym.signals.fitting import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.population import Fit
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

FOLLOWS = ("wearer", "day")
"""Kinds whose last layer goes on adapting while they are used."""
RUNNING = "running"
"""The kind whose alignment does."""
CHUNK_S = 0.4
"""Time whose windows become one chunk, by the mean of their features."""
REFITTED = 5
"""Chunks from one fit to the next; later a share of the history, so that fits cost the same share of the time."""
MOST_CHUNKS = 512
"""Chunks that are kept, about 200 s; older ones are forgotten."""
CONSIDERED = 6
"""Candidates that are still compared after `SETTLED` chunks: the best ones."""
SETTLED = 25


class AdaptationOptions(Checked):
    """How a decoder is adapted in the loop; the options of ``gym.make(adaptation=…)``.

    Parameters
    ----------
    start : {"nothing", "calibration", "labels"}
        Whether an episode begins with what the calibration run of the session tells: its labels are not read, or, with
        "labels", they are. That is for the kind "wearer" alone. Where the model of people is
        `neuromotion_gym.decoders.returning.Returning`, labelled calibration runs are of earlier sessions of the person.
    update : bool
        Whether the adaptation goes on with every window.
    keep : {"episode", "session"}
        Whether what was learned is cleared with the episode, or kept for the next episode of the same person and
        session in the same row. What is kept is cleared by a reset with a seed.
    """

    start: Literal["nothing", "calibration", "labels"] = "nothing"
    update: bool = True
    keep: Literal["episode", "session"] = "episode"


FROM_CALIBRATION = AdaptationOptions(start="calibration", update=False)
"""What the kinds do that do not follow the wearer."""


def adaptation_options(given: AdaptationOptions | Mapping[str, Any] | None, spec: DecoderSpec) -> AdaptationOptions:
    """The options for a decoder.

    Raises
    ------
    NeuroMotionError
        If options are given that do not apply to the decoder, or are unknown.
    """
    if spec.adaptation.kind == RUNNING:
        # An alignment needs a run to begin with, so that is what an option that is not given means here
        start: dict[str, Any] = {"start": "calibration"}
        found = given if isinstance(given, AdaptationOptions) else AdaptationOptions(**start)
        if given is not None and not isinstance(given, AdaptationOptions):
            found = from_mapping(AdaptationOptions, {**start, **given}, "adaptation")
        if found.start != "calibration":
            raise NeuroMotionError(
                f"adaptation: start is {found.start!r}, but {spec.name!r} needs a calibration run to begin with, whose "
                f"labels are not read (adaptation of kind {RUNNING!r}): start has to be 'calibration'."
            )
        return found
    if spec.adaptation.kind in FOLLOWS:
        given = AdaptationOptions() if given is None else given
        found = given if isinstance(given, AdaptationOptions) else from_mapping(AdaptationOptions, given, "adaptation")
        if found.start == "labels" and spec.adaptation.kind != "wearer":
            raise NeuroMotionError(
                f"adaptation: start 'labels' is for the kind 'wearer'; {spec.name!r} is of kind "
                f"{spec.adaptation.kind!r}, whose calibration run is of other days: start has to be 'nothing' or "
                "'calibration'."
            )
        return found
    if given is not None and not (isinstance(given, AdaptationOptions) and given == FROM_CALIBRATION):
        raise NeuroMotionError(
            f"adaptation says how a decoder follows its wearer; {spec.name!r} does not, its adaptation is of kind "
            f"{spec.adaptation.kind!r}. Leave the option out."
        )
    return FROM_CALIBRATION


def reads_calibration(spec: DecoderSpec, options: AdaptationOptions) -> bool:
    """Whether a decoder needs a calibration run."""
    return spec.adaptation.kind != "none" and options.start != "nothing"


def reads_earlier_labels(decoder: object, options: AdaptationOptions) -> bool:
    """Whether a decoder, or the one that is bounded, reads the labels of earlier sessions of the wearer."""
    inner = getattr(decoder, "inner", decoder)
    return options.start == "labels" and isinstance(getattr(inner, "population", None), Returning)


class PeopleModel(Protocol):
    """What is known of people before one of them is met: `Population` or `neuromotion_gym.decoders.days.Days`."""

    @property
    def candidates(self) -> int:
        """Number of explanations that are compared; the first one is the usual one."""

    @property
    def calibration_tells_who(self) -> bool:
        """Whether a calibration run tells the candidate alone, and nothing of today."""

    @property
    def refitted_after(self) -> float:
        """Share of the history after which the last layer is fitted again."""

    def head(self, means: np.ndarray | None = None, candidate: int = 0) -> np.ndarray:
        """Last layer, float32 of shape (labels, features + 1); for what is expected if ``means`` is left out."""

    def fit(self, chunks: np.ndarray, candidates: np.ndarray) -> Fit:
        """Means and log posterior of each of ``candidates``, from chunks of shape (n, features)."""


class Adaptation(Protocol):
    """State of how a decoder is adapted, for each row."""

    @property
    def values(self) -> np.ndarray:
        """What the decoder is given with a window, float32 of shape (rows, *spec.adaptation.shape)."""

    def begin(self, row: int, session: int, calibration: Callable[[], Sequence[Recording]]) -> None:
        """Begin an episode.

        Parameters
        ----------
        row : int
        session : int
            Index of the source's session that is played.
        calibration : callable
            Gives the calibration runs of the session; called only where they are needed.

        Raises
        ------
        NeuroMotionError
            If they are needed, and there are none or they do not fit.
        """

    def update(self, rows: np.ndarray, windows: np.ndarray) -> None:
        """Go on with windows that were decoded, shape (m, channels, samples), of ``rows``, shape (m,)."""

    def forget(self, rows: np.ndarray) -> None:
        """Clear what was kept of earlier episodes of ``rows``, shape (m,)."""


def adaptation_in_use(decoder: Decoder, options: AdaptationOptions, num_rows: int) -> Adaptation | None:
    """The adaptation of a decoder for a batch; None if its kind is "none"."""
    if decoder.spec.adaptation.kind == "none":
        return None
    if decoder.spec.adaptation.kind in FOLLOWS:
        population_of(decoder)
        # Features are computed for all chunks of a fit in one call, which takes hardly longer than one chunk
        most = REFITTED * chunk_windows(decoder.spec)
        begun = partial(labelled_wearer_of if options.start == "labels" else wearer_of, decoder)
        return Following(decoder, options, num_rows, begun, partial(chunks_of, decoder), most)
    if decoder.spec.adaptation.kind == RUNNING:
        most = max(1, round(PERIOD_S / decoder.spec.hop_s))
        return Following(decoder, options, num_rows, partial(Run, decoder.spec), np.asarray, most)
    return Calibrated(decoder, num_rows)


class Calibrated:
    """Adaptation from the calibration run alone: it stays as it is."""

    def __init__(self, decoder: Decoder, num_rows: int) -> None:
        self._decoder = decoder
        self._known: dict[int, np.ndarray] = {}
        self.values: np.ndarray = np.zeros((num_rows, *decoder.spec.adaptation.shape), dtype=np.float32)

    def begin(self, row: int, session: int, calibration: Callable[[], Sequence[Recording]]) -> None:
        """Take the adaptation of the session."""
        if session not in self._known:
            spec = self._decoder.spec
            found = self._decoder.adapt([fitted(run, spec) for run in calibration()])
            assert found is not None
            self._known[session] = found
        self.values[row] = self._known[session]

    def update(self, rows: np.ndarray, windows: np.ndarray) -> None:
        """Nothing: it stays as it is."""

    def forget(self, rows: np.ndarray) -> None:
        """Nothing is kept of episodes."""


class State(Protocol):
    """What is known of one row."""

    @property
    def values(self) -> np.ndarray:
        """What the decoder is given, shape ``spec.adaptation.shape``."""

    def add(self, found: np.ndarray) -> None:
        """Go on with what was read of some windows."""

    def copy(self) -> Any:
        """The same state, which goes on apart."""


class Following:
    """Adaptation that goes on with every window: a state for each row.

    Parameters
    ----------
    decoder : Decoder
    options : AdaptationOptions
    num_rows : int
    begun : callable
        A state from calibration runs; from none of them if it starts from nothing.
    read : callable
        What a state goes on with, from successive windows of shape (most, channels, samples).
    most : int
        Windows that are collected before a state goes on: the costs of a call are shared by all of them.
    """

    def __init__(
        self,
        decoder: Decoder,
        options: AdaptationOptions,
        num_rows: int,
        begun: Callable[[Sequence[Recording]], State],
        read: Callable[[np.ndarray], np.ndarray],
        most: int,
    ) -> None:
        self._options, self._begun, self._read, self._most = options, begun, read, most
        self._started: dict[int, State] = {}
        self._kept: list[dict[int, State]] = [{} for _ in range(num_rows)]
        self._states: list[State | None] = [None] * num_rows
        shape, spec = decoder.spec.adaptation.shape, decoder.spec
        self.values: np.ndarray = np.zeros((num_rows, *shape), dtype=np.float32)
        self._windows: np.ndarray = np.zeros((num_rows, most, len(spec.channels), spec.window), np.float32)
        self._filled: np.ndarray = np.zeros(num_rows, dtype=int)

    def begin(self, row: int, session: int, calibration: Callable[[], Sequence[Recording]]) -> None:
        """Begin with nothing, with the calibration run, or with what was kept."""
        kept = self._kept[row].get(session) if self._options.keep == "session" else None
        if kept is None:
            kept = self._start(session, calibration)
        if self._options.keep == "session":
            self._kept[row][session] = kept
        self._states[row] = kept
        self.values[row] = kept.values
        self._filled[row] = 0

    def update(self, rows: np.ndarray, windows: np.ndarray) -> None:
        """Collect windows; where there are enough of them, go on with them."""
        if not self._options.update:
            return
        self._windows[rows, self._filled[rows]] = windows
        self._filled[rows] += 1
        for row in rows[self._filled[rows] == self._most].tolist():
            self._filled[row] = 0
            state = self._states[row]
            assert state is not None
            state.add(self._read(self._windows[row]))
            self.values[row] = state.values

    def forget(self, rows: np.ndarray) -> None:
        """Clear what was kept of earlier episodes."""
        for row in rows.tolist():
            self._kept[row].clear()

    def _start(self, session: int, calibration: Callable[[], Sequence[Recording]]) -> State:
        if self._options.start == "nothing":
            return self._begun(())
        if session not in self._started:
            self._started[session] = self._begun(calibration())
        found: State = self._started[session].copy()
        return found


class Wearer:
    """What is known of one wearer: chunks of features, the candidate, and the last layer.

    Parameters
    ----------
    population : PeopleModel
    known_as : int, optional
        The candidate, if it is known.
    """

    def __init__(self, population: PeopleModel, known_as: int | None = None) -> None:
        self.population = population
        self.candidate = 0 if known_as is None else known_as
        self.head: np.ndarray = population.head(None, self.candidate)
        self._chunks: list[np.ndarray] = []
        self._next = REFITTED
        self._candidates = np.arange(population.candidates) if known_as is None else np.array([known_as])

    @property
    def values(self) -> np.ndarray:
        """The last layer."""
        return self.head

    def copy(self) -> Wearer:
        """The same state, which goes on apart."""
        other = Wearer(self.population)  # which is never changed
        other.head, other.candidate, other._next = self.head, self.candidate, self._next
        other._chunks, other._candidates = list(self._chunks), self._candidates
        return other

    def add(self, chunks: np.ndarray) -> None:
        """Add chunks, shape (n, features), and fit again where there are enough new ones."""
        self._chunks += list(chunks)
        if len(self._chunks) >= self._next:
            self.refit()

    def refit(self) -> None:
        """Fit candidate and last layer to all chunks that are kept."""
        self._chunks = self._chunks[-MOST_CHUNKS:]
        count = len(self._chunks)
        found = self._fit()
        best = int(np.argmax(found.score))
        now = int(np.flatnonzero(self._candidates == self.candidate)[0])
        if found.score[best] > found.score[now] + MARGIN:
            now = best
        self.candidate = int(self._candidates[now])
        self.head = self.population.head(found.means[now], self.candidate)
        if count >= SETTLED and len(self._candidates) > CONSIDERED:
            order = np.argsort(-found.score, kind="stable")[:CONSIDERED]
            self._candidates = np.unique(np.append(self._candidates[order], self.candidate))
        self._next = count + max(REFITTED, int(count * self.population.refitted_after))

    def _fit(self) -> Fit:
        return self.population.fit(np.stack(self._chunks), self._candidates)


class LabelledWearer(Wearer):
    """A wearer of whom some labelled chunks are known; they are never forgotten.

    Parameters
    ----------
    population : Population
    chunks : float64 array, shape (k, features)
    labels : int array, shape (k,)
    """

    def __init__(self, population: Population, chunks: np.ndarray, labels: np.ndarray) -> None:
        super().__init__(population)
        self._told, self._labels, self._people = chunks, labels, population
        self.refit()
        # How the band lies is told by the labels
        self._candidates = np.array([self.candidate])
        self._next = REFITTED

    def copy(self) -> LabelledWearer:
        """The same state, which goes on apart."""
        other = LabelledWearer(self._people, self._told, self._labels)
        other.head, other.candidate, other._next = self.head, self.candidate, self._next
        other._chunks, other._candidates = list(self._chunks), self._candidates
        return other

    def _fit(self) -> Fit:
        every = np.concatenate([self._told, *(chunk[None] for chunk in self._chunks)])
        return self._people.fit(every, self._candidates, self._labels)


def labelled_wearer_of(decoder: Decoder, calibration: Sequence[Recording]) -> Wearer:
    """The wearer as labelled calibration runs tell: of today, or of earlier sessions if the model is `Returning`.

    Earlier sessions tell what is expected; how the band lies today is found without labels.

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder, or a label has fewer windows than a chunk.
    """
    model = population_of(decoder)
    assert isinstance(model, Population)
    if isinstance(model, Returning):
        sessions: dict[str, list[Recording]] = {}
        for recording in calibration:
            sessions.setdefault(recording.session, []).append(recording)
        told = [_labelled_chunks(decoder, one) for one in sessions.values()]
        count = len(decoder.spec.labels)
        return Wearer(model.known([np.stack([c[w == label].mean(axis=0) for label in range(count)]) for c, w in told]))
    return LabelledWearer(model, *_labelled_chunks(decoder, calibration))


def _labelled_chunks(decoder: Decoder, calibration: Sequence[Recording]) -> tuple[np.ndarray, np.ndarray]:
    """Chunks of labelled recordings, shape (n, features), and their labels, shape (n,)."""
    cut, each = calibration_windows([_after_cue(one) for one in calibration], decoder.spec), chunk_windows(decoder.spec)
    pieces: list[np.ndarray] = []
    labels: list[int] = []
    for trial in np.unique(cut.trials):
        rows = np.flatnonzero(cut.trials == trial)
        whole = len(rows) // each
        pieces.append(cut.windows[rows[: whole * each]])
        labels += [int(cut.labels[rows[0]])] * whole
    short = [name for label, name in enumerate(decoder.spec.labels) if label not in labels]
    if short:
        least_s = decoder.spec.window_s + (each - 1) * decoder.spec.hop_s
        raise NeuroMotionError(
            f"A labelled calibration run of {decoder.spec.name!r} needs a trial of {least_s:g} s or more of every "
            f"label; too short: {', '.join(short)}."
        )
    return chunks_of(decoder, np.concatenate(pieces)), np.array(labels)


def _after_cue(recording: Recording) -> Recording:
    """The recording without the beginning of trials whose label is a cue that people follow late."""
    known = registry.is_known(recording.dataset)
    late = round(registry.dataset(recording.dataset).skip_cue_s * recording.spec.rate_hz) if known else 0
    if not late:
        return recording
    begun = (replace(one, start=one.start + late) if one.has_onset else one for one in recording.trials)
    return replace(recording, trials=tuple(trial for trial in begun if trial.start < trial.stop))


def wearer_of(decoder: Decoder, calibration: Sequence[Recording]) -> Wearer:
    """The wearer as a calibration run tells; its labels are not read. Without a run, somebody of the population.

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder.
    """
    model = population_of(decoder)
    if model.calibration_tells_who:
        return Wearer(model, _known_as(decoder, model, calibration))
    wearer, found = Wearer(model), list(_chunks(decoder, calibration))
    for chunks in found:
        wearer.add(chunks)
    if found:
        wearer.refit()
    return wearer


def _known_as(decoder: Decoder, model: PeopleModel, calibration: Sequence[Recording]) -> int | None:
    """The candidate who made the recordings, each of another day; None without windows."""
    every, score = np.arange(model.candidates), np.zeros(model.candidates)
    for recording in calibration:
        if found := list(_chunks(decoder, [recording])):
            score += model.fit(np.concatenate(found)[-MOST_CHUNKS:], every).score
    return int(np.argmax(score)) if score.any() else None


def _chunks(decoder: Decoder, calibration: Sequence[Recording]) -> Iterator[np.ndarray]:
    """Chunks of recordings, at most `REFITTED` at once."""
    windows, each = unlabelled_windows(calibration, decoder.spec), chunk_windows(decoder.spec)
    whole = len(windows) // each * each
    for first in range(0, whole, REFITTED * each):
        yield chunks_of(decoder, windows[first : min(first + REFITTED * each, whole)])


def population_of(decoder: Decoder) -> PeopleModel:
    """The model of people of a decoder whose adaptation is of a kind of `FOLLOWS`.

    Raises
    ------
    NeuroMotionError
        If the decoder has none.
    """
    found: PeopleModel | None = getattr(decoder, "population", None)
    if found is None:
        raise NeuroMotionError(
            f"Decoder {decoder.spec.name!r} states an adaptation of kind {decoder.spec.adaptation.kind!r} but has no "
            "model of people."
        )
    return found


def chunk_windows(spec: DecoderSpec) -> int:
    """Number of windows of a chunk."""
    return max(1, round(CHUNK_S / spec.hop_s))


def chunks_of(decoder: Decoder, windows: np.ndarray) -> np.ndarray:
    """Mean features of each chunk of successive windows, float64 of shape (chunks, features).

    Windows of several rows are not computed together: ONNX Runtime's results depend on the number of windows by 1e-7.
    """
    features: np.ndarray = decoder.features(windows)  # type: ignore[attr-defined]
    return np.asarray(
        features.astype(np.float64).reshape(-1, chunk_windows(decoder.spec), features.shape[1]).mean(axis=1)
    )
