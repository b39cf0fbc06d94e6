"""Curves of a training: loss and accuracy after every epoch, written to ``history.json`` of the decoder's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

HISTORY = "history.json"
CURVES = ("loss", "accuracy", "tune_loss", "tune_accuracy", "tune_balanced_accuracy", "seconds")
"""Values of an epoch: on the training windows while they are trained on (with dropout), on the tune windows, and the
processor time that it took."""
DIGITS = 5
"""Decimal places of these values."""


class History:
    """The curves of one network, written after each epoch; a resumed training continues them.

    Parameters
    ----------
    path : path
        A JSON file: a list with ``epoch`` (1 for the first) and those of `CURVES` that the epoch has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, epoch: int, values: Mapping[str, float]) -> None:
        """Write the curves with one more epoch; later epochs, of a training that was stopped, are dropped."""
        before = read_history(self.path) if self.path.is_file() else []
        rows = [row for row in before if row["epoch"] < epoch]
        rows.append({"epoch": epoch, **{name: round(float(values[name]), DIGITS) for name in CURVES if name in values}})
        write_text(self.path, json.dumps(rows) + "\n")


def read_history(path: Path) -> list[dict[str, Any]]:
    """Curves of one network.

    Raises
    ------
    NeuroMotionError
        If the file holds none.
    """
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NeuroMotionError(f"{path} holds no curves of a training: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "epoch" in row for row in rows):
        raise NeuroMotionError(f"{path} holds no curves of a training: a list of epochs is expected.")
    return rows
