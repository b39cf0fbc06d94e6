"""`WearerFit`: a decoder that was fitted to one wearer, and the folder that is written for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.decoders.calibration import left_out
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import MODEL, RECIPE
from neuromotion_gym.decoders.onnx_decoder import FIXED_ADAPTATION, OnnxDecoder
from neuromotion_gym.decoders.onnx_file import read_onnx
from neuromotion_gym.decoders.recipe import recipe_text
from neuromotion_gym.decoders.seen import record_of
from neuromotion_gym.decoders.target_head import TargetHeadFit, explained_of_left_out
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import filling
from neuromotion_gym.training.fitted_on import fitted_on_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.arrangement import ArrangementFit
    from neuromotion_gym.decoders.calibration import HeadFit
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Recording

CARD = "card.md"
_LONGEST_NAME = 100


@dataclass(frozen=True, eq=False)
class WearerFit:
    """A decoder for one wearer, before it is written.

    Parameters
    ----------
    decoder : OnnxDecoder
        The decoder whose graph the wearer's decoder runs.
    recordings : tuple of Recording
        The wearer's labelled recordings.
    channels : tuple of str
        Channels of the recordings in the order in which they are read.
    head : HeadFit or TargetHeadFit, optional
        The last layer, if one was fitted; without it a last layer that the decoder has already is kept.
    arrangement : ArrangementFit, optional
        How the band is worn; None if that was not compared.
    """

    decoder: OnnxDecoder
    recordings: tuple[Recording, ...]
    channels: tuple[str, ...]
    head: HeadFit | TargetHeadFit | None
    arrangement: ArrangementFit | None

    @property
    def wearer(self) -> str:
        """Name of the person whose recordings they are."""
        return self.recordings[0].subject

    @property
    def findings(self) -> list[str]:
        """What was found, a sentence each."""
        found = []
        if self.arrangement is not None:
            fit = self.arrangement
            worn = fit.best.words(len(self.channels)) if fit.differs else "as the decoder expects it"
            order = f"; channels are read in the order {', '.join(self.channels)}" if fit.differs else ""
            gain = f" instead of {fit.given_score:.2f}" if fit.differs else ""
            score = fit.score if fit.differs else fit.given_score
            found.append(f"The band is worn {worn}{order}: balanced accuracy {score:.2f}{gain} before any fit.")
        if self.head is not None:
            if isinstance(self.head, TargetHeadFit):
                how_well = explained_of_left_out(self.head.explained)
            else:
                how_well = left_out(self.head.accuracy, len(self.decoder.spec.labels))
            found.append(f"A last layer is fitted to {self.wearer}: {how_well}.")
        return found

    def write(self, out: str | Path) -> Path:
        """Write the wearer's decoder to the folder ``out``.

        Raises
        ------
        NeuroMotionError
            If ``out`` is the folder of the decoder itself, or cannot be written.
        """
        folder, source = Path(out), self.decoder.path.parent
        if folder.resolve() == source.resolve():
            raise NeuroMotionError(f"{folder} is the decoder's own folder; choose another to write to.")
        recipe = _wearer_recipe(self, self.decoder.recipe())
        record = _with_calibration(record_of(self.decoder), self.recordings)
        adaptation = self.decoder.fixed_adaptation if self.head is None else self.head.head
        with filling(folder) as temporary:
            (temporary / MODEL).write_bytes(read_onnx(self.decoder.path, "decoder").content)
            (temporary / RECIPE).write_text(recipe_text(recipe), encoding="utf-8")
            (temporary / CARD).write_text(_card(self, recipe), encoding="utf-8")
            if adaptation is not None:
                np.save(temporary / FIXED_ADAPTATION, adaptation, allow_pickle=False)
            write_fitted_on(temporary, record)
        if adaptation is None:
            (folder / FIXED_ADAPTATION).unlink(missing_ok=True)  # an earlier calibration may have written one here
        return folder


def _wearer_recipe(fit: WearerFit, recipe: Recipe) -> Recipe:
    """The recipe of the decoder that was fitted, under a name with the wearer's, and with the order of channels."""
    name = f"{recipe.decoder.name}@{re.sub(r'[^A-Za-z0-9_.-]+', '_', fit.wearer)}"[:_LONGEST_NAME]
    decoder = recipe.decoder.model_copy(update={"name": name, "channels": fit.channels})
    notes = " ".join([f"{recipe.decoder.name}, fitted to {fit.wearer} and meant for nobody else.", *fit.findings])
    return recipe.model_copy(update={"decoder": decoder, "notes": notes})


def _card(fit: WearerFit, recipe: Recipe) -> str:
    """Markdown text of the card."""
    spec, expected = recipe.decoder, fit.decoder.spec.channels
    seconds = sum(recording.duration_s for recording in fit.recordings)
    lines = [
        f"# {spec.name}",
        "",
        recipe.notes,
        "",
        (
            f"{'Labels' if spec.classifies else 'Targets'}: {', '.join(spec.decoded)}. Fitted to "
            f"{len(fit.recordings)} recording(s), {seconds:.0f} s:"
        ),
        "",
        *(f"- {recording.name}" for recording in fit.recordings),
        "",
        f"The decoder was trained on {spec.dataset}, licence {spec.licence}.",
    ]
    if fit.channels != expected:
        lines += ["", "| channel of the decoder | channel of the recording |", "|---|---|"]
        lines += [f"| {own} | {read} |" for own, read in zip(expected, fit.channels, strict=True)]
    return "\n".join([*lines, ""])


def _with_calibration(before: FittedOn | None, recordings: Sequence[Recording]) -> FittedOn:
    """The record of what the decoder was fitted on, with the wearer's calibration run added."""
    # A user's recordings may all have the same name, but fingerprints are stored by name
    numbered = [replace(one, run=f"{one.run} ({number})") for number, one in enumerate(recordings)]
    found = {"fingerprints": fingerprints_of(numbered).to_json(), "wearer": True}
    calibration = fitted_on_of(recordings).model_copy(update=found)
    if before is None:
        return calibration.model_copy(update={"complete": False})
    return before.model_copy(update={"also": (*before.also, calibration)})
