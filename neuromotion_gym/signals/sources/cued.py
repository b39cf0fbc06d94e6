"""The protocol of sources that play what they are asked for: replay, surrogate, perturbed and live ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from neuromotion_gym.signals.recording import Recording, SignalSpec

Pacing = Literal["sliding", "trial"]


class Cued(Protocol):
    """Streams samples for the labels that the operators of a batch of limbs have picked.

    A source is built once. `start` tells it the size of the batch; then rows are reset and read, some of them or all at
    once. Everything random comes from the generators that `reset` is given, one a row, in an order that does not depend
    on the labels that are asked for later: row ``i`` of a batch gives the same samples as a batch of one with the same
    generator.
    """

    spec: SignalSpec
    labels: tuple[str, ...]
    """Labels that it can play; `read` takes indices into this tuple."""
    sessions: tuple[tuple[str, str], ...]
    """(subject, session) of all that it can play."""
    provenance: dict[str, Any]
    """For ``info`` and reports: kind, data set, part, split unit, ocular, skip_cue, onset or steady state."""

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``.

        Parameters
        ----------
        rows : int array, shape (m,)
            Rows to reset; the others go on undisturbed.
        generators : sequence of m numpy.random.Generator
            One a row. The source keeps a child of it (``generator.spawn(1)[0]``) for the episode.
        sessions : int array, shape (m,), optional
            Index into ``self.sessions`` for each row; drawn at random when left out.
        """

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next ``n_samples`` samples of each row.

        Parameters
        ----------
        labels : int array, shape (m,)
            The label that each row's operator wants now; taken up at that row's next restart.
        n_samples : int
            How many samples.
        rows : int array, shape (m,), optional
            Rows to read; all when left out.

        Returns
        -------
        float32 array, shape (m, channels, n_samples)

        Raises
        ------
        NeuroMotionError
            If a row was never reset, or passed over since.
        """

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Go on as `read` would, without generating samples: for bounds that look at labels alone.

        Labels, restarts and trials are those of a `read`. Rows that were passed over can be read again after a reset. A
        source may leave this method out; it is then read, and the samples are dropped.
        """

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of what each row plays."""

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label index of the piece that the last read sample of each row came from.

        -1 where nothing has been read since the reset.
        """

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples read since the onset of the piece that plays now.

        The last sample read lies ``since_onset - 1`` samples after the onset; ``skip_cue`` is counted in, and
        without onsets the piece's first sample stands for it. An epoch that ends at sample ``e`` after onset is
        whole in the first read after which ``since_onset > e``, and ended ``since_onset - 1 - e`` samples ago.
        """

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials (numbered within the source) that ``row`` played since its last reset."""

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``; empty where there are none."""

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds; a change of label waits for half of it on average."""
