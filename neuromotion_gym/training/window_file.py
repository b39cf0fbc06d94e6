"""The windows of a recipe as a file, for training elsewhere or for ``neuromotion audit --windows``.

``.npz`` has the keys of the audit's files (docs/audit.md). ``.tfrecord`` has a `tf.train.Example` for each window:
``window`` (floats, channel after channel), ``shape``, ``label`` (number), ``label_name``, ``person``, ``trial``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.decoder import require_posterior
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.tfrecord import example, record

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.decoders.spec import DecoderSpec

SUFFIXES = (".npz", ".tfrecord")


@dataclass(frozen=True, eq=False)
class WindowSet:
    """Labelled windows of known people and trials.

    Parameters
    ----------
    spec : DecoderSpec
        Of the decoder that the windows are for: labels, channels, rate, unit, length.
    windows : float32 array, shape (n, channels, samples)
    labels : int array, shape (n,)
        Index into ``spec.labels``.
    people : str array, shape (n,)
    trials : int array, shape (n,)

    Raises
    ------
    NeuroMotionError
        If a shape is wrong, a value is not finite, or a label has no window.
    """

    spec: DecoderSpec
    windows: np.ndarray
    labels: np.ndarray
    people: np.ndarray
    trials: np.ndarray

    def __post_init__(self) -> None:
        expected = (len(self.labels), len(self.spec.channels), self.spec.window)
        if self.windows.shape != expected or self.windows.dtype != np.float32:
            raise NeuroMotionError(
                f"Windows of {self.spec.name!r} are {self.windows.dtype} of shape {self.windows.shape}; float32 of "
                f"shape {expected} is expected: windows, channels, samples."
            )
        if not len(self.labels) == len(self.people) == len(self.trials) > 0:
            raise NeuroMotionError(
                f"{len(self.labels)} labels, {len(self.people)} people and {len(self.trials)} trials do not belong to "
                "the same windows."
            )
        if wrong := int((~np.isfinite(self.windows)).any(axis=(1, 2)).sum()):
            raise NeuroMotionError(f"{wrong} windows of {self.spec.name!r} have values that are not finite.")
        if missing := [name for index, name in enumerate(self.spec.labels) if index not in self.labels]:
            raise NeuroMotionError(f"No window of {self.spec.name!r} has the label {', '.join(missing)}.")

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of windows of each label and person."""
        names = sorted(set(self.people.tolist()))
        return {
            label: {name: int(((self.labels == index) & (self.people == name)).sum()) for name in names}
            for index, label in enumerate(self.spec.labels)
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file; its suffix, one of `SUFFIXES`, says what kind.

        Raises
        ------
        NeuroMotionError
            If the suffix is another one.
        """
        target = checked_suffix(path)
        with replacing(target) as part:
            if target.suffix == ".npz":
                np.savez_compressed(
                    part,
                    windows=self.windows,
                    labels=np.array(self.spec.labels)[self.labels],
                    rate_hz=np.array(self.spec.rate_hz),
                    people=self.people,
                    groups=self.trials,
                    channels=np.array(self.spec.channels),
                    unit=np.array(self.spec.unit),
                )
                return target
            with part.open("wb") as file:
                for row in range(len(self.labels)):
                    file.write(record(self._example(row)))
        return target

    def _example(self, row: int) -> bytes:
        return example(
            {
                "window": self.windows[row],
                "shape": np.array(self.windows.shape[1:]),
                "label": int(self.labels[row]),
                "label_name": self.spec.labels[self.labels[row]].encode(),
                "person": str(self.people[row]).encode(),
                "trial": int(self.trials[row]),
            }
        )


def checked_suffix(path: str | os.PathLike[str]) -> Path:
    """The path, if its suffix is one of `SUFFIXES`.

    Raises
    ------
    NeuroMotionError
        If it is not.
    """
    if Path(path).suffix not in SUFFIXES:
        raise NeuroMotionError(f"A file of windows ends in {' or '.join(SUFFIXES)}, unlike {Path(path).name!r}.")
    return Path(path)


def windows_of(
    recipe: Recipe, part: str, *, root: str | os.PathLike[str] | None = None, exclude: Sequence[str] = ()
) -> WindowSet:
    """The windows that a recipe makes of one part of its data set.

    Parameters
    ----------
    recipe : Recipe
    part : str
        ``"all"``: everybody, for leaving people out with ``exclude``.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` if left out.
    exclude : sequence of str
        People left out, in addition to those that the recipe excludes.

    Raises
    ------
    NeuroMotionError
        If the decoder gives targets, recipe or data do not fit, or nobody is left.
    """
    data, _, _ = recipe.trainable()
    require_posterior(recipe.decoder, "A file of labelled windows")
    sessions = sessions_of(recipe, part, root=root, exclude=(*data.exclude, *exclude), calibration_apart=False)
    made = prepared_windows(recipe, sessions)
    names = sorted({session.subject for session in sessions})
    if int(made.people.max()) >= len(names):  # a preparation that numbers sessions
        names = [str(number) for number in range(int(made.people.max()) + 1)]
    return WindowSet(
        recipe.decoder,
        made.windows(np.arange(len(made.labels))),
        made.labels,
        np.array(names)[made.people],
        made.trials,
    )
