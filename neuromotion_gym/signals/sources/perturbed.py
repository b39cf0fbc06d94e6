"""Perturbations: sources that change the samples of another source on the way and leave everything else to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording
    from neuromotion_gym.signals.sources.cued import Cued


class Perturbed:
    """A `Cued` around a `Cued`; subclasses say what happens to the samples.

    Labels, restarts and trials are those of the inner source, whose random numbers stay what they are without it.
    Calibration runs are recorded before use and are not perturbed.

    Parameters
    ----------
    inner : Cued
        The source whose samples are changed.
    """

    def __init__(self, inner: Cued) -> None:
        self.inner = inner
        self.spec, self.labels, self.sessions = inner.spec, inner.labels, inner.sessions
        self.provenance: dict[str, Any] = dict(inner.provenance)

    def begin(self, rows: np.ndarray, generators: Sequence[np.random.Generator]) -> None:
        """Draw what the coming episodes of ``rows`` need, one generator a row."""

    def change(self, samples: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        """Samples of some rows (all where None), float32 of shape (m, channels, n), as they arrive at the decoder."""
        raise NotImplementedError

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self.inner.start(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> None:
        """Begin a new episode in ``rows``; see `Cued.reset`."""
        self.inner.reset(rows, generators, sessions)
        # After the inner source, whose own children then are the same with and without a perturbation
        self.begin(rows, [generator.spawn(1)[0] for generator in generators])

    def read(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Next samples of each row, float32 of shape (m, channels, n_samples); see `Cued.read`."""
        return np.asarray(self.change(self.inner.read(labels, n_samples, rows), rows), dtype=np.float32)

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None = None) -> None:
        """Go on without samples; see `Cued.pass_over`."""
        getattr(self.inner, "pass_over", self.inner.read)(labels, n_samples, rows)

    @property
    def session_index(self) -> np.ndarray:
        """Int array, shape (rows,): index into ``sessions`` of what each row plays."""
        return self.inner.session_index

    @property
    def playing(self) -> np.ndarray:
        """Int array, shape (rows,): label that plays."""
        return self.inner.playing

    @property
    def since_onset(self) -> np.ndarray:
        """Int array, shape (rows,): samples since the onset of the piece that plays."""
        return self.inner.since_onset

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials that ``row`` played since its last reset."""
        return self.inner.trials_played(row)

    def calibration(self, session: int) -> tuple[Recording, ...]:
        """Calibration recordings of ``sessions[session]``, as recorded."""
        return self.inner.calibration(session)

    def mean_piece_s(self) -> float:
        """Mean time between two restarts in seconds."""
        return self.inner.mean_piece_s()


class LostChannels(Perturbed):
    """Some electrodes fall off: their channels are zero from the first sample on.

    Parameters
    ----------
    inner : Cued
    channels : sequence of str
        Names of the lost channels.

    Raises
    ------
    NeuroMotionError
        If the source has no such channel.
    """

    def __init__(self, inner: Cued, channels: Sequence[str]) -> None:
        super().__init__(inner)
        missing = [name for name in channels if name not in inner.spec.channels]
        if missing or isinstance(channels, str):
            raise NeuroMotionError(
                f"Channels {channels!r} cannot be lost; the source has {', '.join(inner.spec.channels)}."
            )
        self._lost = [inner.spec.channels.index(name) for name in channels]

    def change(self, samples: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
        """Zero in the lost channels; see `Perturbed.change`."""
        samples[:, self._lost] = 0.0
        return samples


Factory = Callable[..., "Cued"]
"""Makes a perturbed source of a source; options are keyword arguments."""

_KNOWN: dict[str, Factory] = {"lost_channels": LostChannels}


def register_perturbation(name: str, factory: Factory) -> None:
    """Make a perturbation of another package known; the same one again changes nothing.

    Raises
    ------
    NeuroMotionError
        If another perturbation has this name.
    """
    if _KNOWN.setdefault(name, factory) is not factory:
        raise NeuroMotionError(f"There already is a perturbation {name!r}; choose another name.")


def perturbation_names() -> list[str]:
    """Names of all perturbations, sorted."""
    return sorted(_KNOWN)


def perturb(inner: Cued, name: str, options: dict[str, Any]) -> Cued:
    """``inner`` with a perturbation around it.

    Raises
    ------
    NeuroMotionError
        If there is no such perturbation, or it has no such option.
    """
    if name not in _KNOWN:
        raise NeuroMotionError(f"No perturbation is called {name!r}. Perturbations: {', '.join(perturbation_names())}.")
    factory = _KNOWN[name]
    try:
        inspect.signature(factory).bind(inner, **options)
    except TypeError as error:
        raise NeuroMotionError(f"Perturbation {name!r} does not take these options: {error}.") from error
    return factory(inner, **options)
