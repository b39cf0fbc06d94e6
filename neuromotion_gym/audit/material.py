"""What an audit reads: labelled excerpts of signal with their people, sessions, trials, times, and a split.

An excerpt is a whole trial where recordings are given (`Material.of_sessions`), and a window where arrays are given
(`Material.of_windows`). Excerpts of one trial have one label, so that the trial is the unit of every test.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from neuromotion_gym.audit.copies import Runs
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import is_electrode, near_eyes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

Claim = Literal["trial", "session", "subject"]
"""What the figure is said to hold for: other trials of the same session, other sessions, or other people."""
FLAT = 1e-3
"""A channel with a smaller standard deviation, as a share of the median channel's, is flat."""


class Units(NamedTuple):
    """Trials of a material, in order of block and time; entry i of every array is one trial.

    Parameters
    ----------
    labels : int array, shape (trials,)
        Index into `Material.names`.
    people, blocks : int array, shape (trials,)
        Number of the person; number of the person's session, in which trials may change places under the hypothesis
        that the signal says nothing.
    start_s : float array, shape (trials,)
        Start of the trial in its session; NaN where it is not known.
    """

    labels: np.ndarray
    people: np.ndarray
    blocks: np.ndarray
    start_s: np.ndarray


@dataclass(frozen=True, eq=False)
class Material:
    """Excerpts of signal with all that is known of them; entry i of every array is one excerpt.

    Parameters
    ----------
    excerpts : sequence of float array, each of shape (channels, samples)
    labels, people, sessions, trials : str array, shape (n,)
        ``sessions`` and ``trials`` are named within a person.
    test : bool array, shape (n,)
        Whether the excerpt belongs to the test part; all False where no split is given.
    rates_hz : float array, shape (n,)
    channels : tuple of str
    unit : str
    start_s : float array, shape (n,)
        Start of the excerpt in its session, in seconds; NaN where it is not known.
    from_onset : bool array, shape (n,)
        Whether the excerpt begins at the moment at which the person was asked to begin.
    claim : {"trial", "session", "subject"}
    rest_label : str or None
        Label for rest: questions on labels leave it out where two others remain.
    eyes : tuple of str
        Channels that record the eyes.
    ring : bool
        Whether the channels lie in a ring around a limb.
    recordings, tested : tuple of Recording
        Where the excerpts, and those of the test part, come from, if recordings were given; for fingerprints.
    sessions_read : tuple of Session
        The sessions of the test part, as a decoder reads them.
    decoder : Decoder, optional
    name : str
        What is audited, for reports.
    """

    excerpts: Sequence[np.ndarray]
    labels: np.ndarray
    people: np.ndarray
    sessions: np.ndarray
    trials: np.ndarray
    test: np.ndarray
    rates_hz: np.ndarray
    channels: tuple[str, ...]
    unit: str
    start_s: np.ndarray
    from_onset: np.ndarray
    claim: Claim = "subject"
    rest_label: str | None = None
    eyes: tuple[str, ...] = ()
    ring: bool = False
    recordings: tuple[Recording, ...] = ()
    tested: tuple[Recording, ...] = ()
    sessions_read: tuple[Session, ...] = ()
    decoder: Decoder | None = None
    name: str = "recordings"
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.claim not in get_args(Claim):
            raise NeuroMotionError(f"claim is {self.claim!r}; it has to be one of {', '.join(get_args(Claim))}.")
        n = len(self.excerpts)
        if not n:
            raise NeuroMotionError("There is nothing to audit: no window, and no trial with a label.")
        for what in ("labels", "people", "sessions", "trials", "test", "rates_hz", "start_s", "from_onset"):
            if np.shape(getattr(self, what)) != (n,):
                raise NeuroMotionError(
                    f"{what} has the shape {np.shape(getattr(self, what))}; there are {n} excerpts, so it has to be "
                    f"({n},)."
                )
        wrong = {
            excerpt.shape for excerpt in self.excerpts if excerpt.ndim != 2 or excerpt.shape[0] != len(self.channels)
        }
        if wrong:
            raise NeuroMotionError(
                f"An excerpt has the shape {wrong.pop()}; {len(self.channels)} channels are named, so it has to be "
                f"({len(self.channels)}, samples)."
            )
        if not (np.asarray(self.rates_hz) > 0).all():
            raise NeuroMotionError("The sampling rate has to be above 0 for every window.")
        asked = sorted(set(self.labels.tolist()))
        if self.rest_label in asked and len(asked) > 2:
            asked.remove(self.rest_label)
        object.__setattr__(self, "names", tuple(asked))
        self._check_trials()

    def _check_trials(self) -> None:
        """Refuse a trial with two labels."""
        _, inverse = self._numbered
        codes = np.unique(self.labels, return_inverse=True)[1]
        first = np.zeros(inverse.max() + 1, np.int64)
        first[inverse[::-1]] = codes[::-1]
        if (odd := np.flatnonzero(first[inverse] != codes)).size:
            row = odd[0]
            raise NeuroMotionError(
                f"Trial {str(self.trials[row])!r} of {str(self.people[row])!r} has more than one label; it has to "
                "have one. Name trials so that each stretch of one label has a name of its own."
            )

    @cached_property
    def _numbered(self) -> tuple[np.ndarray, np.ndarray]:
        """First excerpt of every trial, trials in order of person, session and time; and the trial of every excerpt."""
        keys = np.array([f"{p}\0{s}\0{t}" for p, s, t in zip(self.people, self.sessions, self.trials, strict=True)])
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        when = np.where(np.isnan(self.start_s[first]), first, self.start_s[first])
        order = np.lexsort((first, when, self.sessions[first], self.people[first]))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return first[order], place[inverse]

    @property
    def trial_of_excerpt(self) -> np.ndarray:
        """Number of the trial of every excerpt, int array of shape (n,); -1 for labels that are left out."""
        chosen = np.isin(self.labels[self._numbered[0]], self.names)
        place = np.where(chosen, np.cumsum(chosen) - 1, -1)
        return np.asarray(place[self._numbered[1]])

    @cached_property
    def units(self) -> Units:
        """The trials whose labels are asked about."""
        first = self._numbered[0]
        first = first[np.isin(self.labels[first], self.names)]
        people = np.unique(self.people[first], return_inverse=True)[1]
        keys = np.array([f"{p}\0{s}" for p, s in zip(self.people[first], self.sessions[first], strict=True)])
        return Units(
            np.searchsorted(np.array(self.names), self.labels[first]).astype(np.int64),
            people.astype(np.int64),
            np.unique(keys, return_inverse=True)[1].astype(np.int64),
            self.start_s[first],
        )

    @cached_property
    def runs(self) -> Runs:
        """Hashes of the runs of all excerpts, which find copies."""
        return Runs(self.excerpts)

    @property
    def people_names(self) -> list[str]:
        """Names of the people of `units`, in the order of their numbers."""
        return sorted(set(self.people[np.isin(self.labels, self.names)].tolist()))

    @property
    def scalp(self) -> bool:
        """Whether most channels are electrodes on the scalp, by their names."""
        return sum(map(is_electrode, self.channels)) > len(self.channels) / 2

    @property
    def eye_channels(self) -> np.ndarray:
        """Which channels record the eyes: those that are named or, where they are flat or there are none, near ones.

        After ocular regression the named channels are zero, and what is left of the eyes is in their neighbours.
        """
        spread = np.max([excerpt.std(axis=1) for excerpt in self.excerpts[:: max(1, len(self.excerpts) // 20)]], axis=0)
        alive = spread > FLAT * np.median(spread)
        named = np.isin(self.channels, self.eyes) & alive
        near = near_eyes(self.channels) if self.scalp else np.zeros(len(self.channels), bool)
        return named if named.any() else near & alive

    def per_trial(self, features: np.ndarray) -> np.ndarray:
        """Mean over the excerpts of every trial of `units`.

        Parameters
        ----------
        features : float array, shape (n, d)
            One row an excerpt.

        Returns
        -------
        float array, shape (trials, d)
        """
        trial = self.trial_of_excerpt
        kept = trial >= 0
        summed = np.zeros((trial.max() + 1, features.shape[1]))
        np.add.at(summed, trial[kept], features[kept])
        return summed / np.bincount(trial[kept])[:, None]

    def with_labels(self, labels: np.ndarray) -> Material:
        """The same material with other labels, shape (n,)."""
        return replace(self, labels=np.asarray(labels, str))

    @classmethod
    def of_windows(
        cls,
        windows: np.ndarray,
        labels: Iterable[Any],
        *,
        rate_hz: float | np.ndarray,
        test: Iterable[bool] | None = None,
        people: Iterable[Any] | None = None,
        sessions: Iterable[Any] | None = None,
        groups: Iterable[Any] | None = None,
        start_s: Iterable[float] | None = None,
        channels: Sequence[str] | None = None,
        unit: str = "",
        from_onset: bool = False,
        **facts: Any,
    ) -> Material:
        """Material from arrays.

        Parameters
        ----------
        windows : float array, shape (n, channels, samples)
        labels : sequence, length n
        rate_hz : float, or float array of shape (n,)
            Sampling rate; one for each window where they were recorded at different rates.
        test : sequence of bool, optional
            Whether each window is in the test part.
        people, sessions : sequence, optional
            Who was recorded, and when; one person and one session if left out.
        groups : sequence, optional
            Name of the trial that each window comes from; each window is a trial of its own if left out.
        start_s : sequence of float, optional
            Start of each window in its session, in seconds; not known if left out, then windows stand in order of time.
        channels : sequence of str, optional
            ``"0"``, ``"1"`` … if left out.
        unit : str
        from_onset : bool
            Whether every window begins at its cue.
        facts
            ``claim``, ``rest_label``, ``eyes``, ``ring``, ``name`` of this class.

        Raises
        ------
        NeuroMotionError
            If the arrays do not fit each other, or a sample is not finite.
        """
        array = np.asarray(windows)
        if array.ndim != 3 or array.dtype.kind not in "fiu" or not len(array):
            raise NeuroMotionError(
                f"Windows are {array.dtype} of shape {array.shape}; numbers of shape (n, channels, samples) are "
                "expected."
            )
        array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise NeuroMotionError("Some samples of the windows are NaN or infinite; every sample has to be finite.")
        n = len(array)

        def told(values: Iterable[Any] | None, default: Any) -> np.ndarray:
            return np.asarray([default] * n if values is None else list(values)).astype(str)

        return cls(
            excerpts=list(array),
            labels=told(labels, ""),
            people=told(people, "0"),
            sessions=told(sessions, "0"),
            trials=np.arange(n).astype(str) if groups is None else told(groups, ""),
            test=np.zeros(n, bool) if test is None else np.asarray(list(test), bool),
            rates_hz=np.broadcast_to(np.asarray(rate_hz, float), n) if np.ndim(rate_hz) == 0 else np.asarray(rate_hz),
            channels=tuple(map(str, range(array.shape[1]))) if channels is None else tuple(channels),
            unit=unit,
            start_s=np.full(n, np.nan) if start_s is None else np.asarray(list(start_s), float),
            from_onset=np.full(n, from_onset),
            **facts,
        )

    @classmethod
    def of_sessions(cls, test: Sequence[Session], train: Sequence[Session] = (), **facts: Any) -> Material:
        """Material from sessions: every labelled trial is one excerpt.

        Parameters
        ----------
        test, train : sequence of Session
            As recorded; ``train`` is what a decoder was, or will be, trained on.
        facts
            ``claim``, ``rest_label``, ``eyes``, ``ring``, ``decoder``, ``name`` of this class.

        Raises
        ------
        NeuroMotionError
            If the recordings differ in their channels, or there are no trials.
        """
        rows: list[tuple[np.ndarray, str, str, str, str, bool, float, float, bool]] = []
        found: dict[int, Recording] = {}
        several = len({session.dataset for session in (*train, *test)}) > 1
        for sessions, is_test in ((train, False), (test, True)):
            for session in sessions:
                for recording in session.recordings:
                    found[id(recording)] = recording
                    rate = recording.spec.rate_hz
                    person = f"{recording.dataset}/{recording.subject}" if several else recording.subject
                    for trial, samples in recording.trial_samples():
                        rows.append(
                            (
                                samples,
                                trial.label,
                                person,
                                f"{recording.session}/{recording.run}",
                                str(trial.start),
                                is_test,
                                rate,
                                trial.start / rate,
                                trial.has_onset,
                            )
                        )
        specs = {recording.spec.channels for recording in found.values()}
        if len(specs) > 1:
            raise NeuroMotionError(
                f"Recordings that are audited together have the same channels; there are {', '.join(specs.pop())} and "
                f"{', '.join(specs.pop())}."
            )
        if not rows:
            raise NeuroMotionError("There is nothing to audit: the recordings have no trial with a label.")
        columns = list(zip(*rows, strict=True))
        first = next(iter(found.values()))
        return cls(
            excerpts=columns[0],
            labels=np.array(columns[1]),
            people=np.array(columns[2]),
            sessions=np.array(columns[3]),
            trials=np.array(columns[4]),
            test=np.array(columns[5]) if train else np.zeros(len(rows), bool),
            rates_hz=np.array(columns[6], float),
            channels=first.spec.channels,
            unit=first.spec.unit,
            start_s=np.array(columns[7], float),
            from_onset=np.array(columns[8]),
            recordings=tuple(found.values()),
            tested=tuple(recording for session in test for recording in session.recordings),
            sessions_read=tuple(test),
            **facts,
        )
