"""``recipe.yaml``: all settings that are needed to run a decoder and to train it again.

Four sections: ``decoder`` (`DecoderSpec`, the only one that the loop reads), ``data``, ``network`` and
``training``. To run a decoder, ``decoder`` is enough.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from neuromotion_gym.decoders.folders import RECIPE
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import parse_yaml, read_yaml
from neuromotion_gym.schema import Checked, from_mapping


class OverlappingSplit(Checked):
    """Windows set aside at random, see `neuromotion_gym.training.overlapping`: a split that leaks."""

    share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the windows of each label that are set aside."""
    seed: int = Field(default=0, ge=0, lt=2**32)


class TrialsAside(Checked):
    """Whole trials set aside at random, of the people that are trained on, see `neuromotion_gym.training.trials_aside`.

    Shares of the trials of each label; what is left is trained on.
    """

    tune: float = Field(default=0.1, gt=0, lt=1)
    """Share that is evaluated during training."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share that is neither trained on nor evaluated before the end."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _something_left(self) -> TrialsAside:
        if self.tune + self.test >= 1:
            raise NeuroMotionError(f"tune {self.tune:g} and test {self.test:g} leave no trials to train on")
        return self


class DataRecipe(Checked):
    """The data that a decoder is trained on.

    Windows are cut from labelled trials of the train part, ``stride_s`` apart. The first window of a trial begins
    ``start_s`` after the start of the trial; the last one ends at the latest with the trial, or ``stop_s`` after its
    start.
    """

    train: str = "train"
    """Part of the data set that the decoder is trained on."""
    also: tuple[str, ...] = ()
    """Further data sets whose train parts it is trained on, with other people and the same channels and labels; folds
    are trained on them, too."""
    tune: str | None = "tune"
    """Part that is evaluated during training (early stopping, choice of settings); never the test part."""
    overlapping: OverlappingSplit | None = None
    """Windows evaluated in place of a tune part, although they share samples with those that are trained on: only to
    repeat a published figure, with ``decoder.split: overlapping-windows``."""
    trials_aside: TrialsAside | None = None
    """Trials evaluated in place of a tune part, of people who are trained on: a figure for the same people alone, with
    ``decoder.split: trial``."""
    exclude: tuple[str, ...] = ()
    """People who are left out (folds)."""
    session_kind: str | None = None
    """Kind of session, for data sets with several kinds; the first of the table if left out."""
    preparation: str = Field(default="trials", pattern=r"^[a-z][a-z0-9_]*$")
    """How windows are made; see `neuromotion_gym.training.preparations`."""
    stride_s: float = Field(gt=0)
    start_s: float = Field(default=0.0, ge=0)
    stop_s: float | None = Field(default=None, gt=0)
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the preparation; unknown options are refused."""


class NetworkRecipe(Checked):
    """Name of the network, see `neuromotion_gym.training.architectures`, and its options."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    options: dict[str, Any] = Field(default_factory=dict)


class TrainingRecipe(Checked):
    """Settings of the training.

    ``method="gradient"`` trains with Lightning; ``"closed_form"`` calls the network's own ``fit`` once (features and
    linear discriminant analysis).
    """

    method: Literal["gradient", "closed_form"] = "gradient"
    seed: int = Field(default=0, ge=0, lt=2**31)
    epochs: int = Field(default=30, ge=1, le=10_000)
    fold_epochs: int | None = Field(default=None, ge=1, le=10_000)
    """Epochs of a fold; ``epochs`` if left out. A fold is trained on all runs, so an epoch has more steps."""
    batch: int = Field(default=64, ge=1, le=65_536)
    learning_rate: float = Field(default=1e-3, gt=0, le=10)
    weight_decay: float = Field(default=0.0, ge=0, le=10)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of all steps over which the learning rate rises; it then falls along a cosine. For ``schedule: steps``."""
    schedule: Literal["steps", "epochs", "milestones", "constant"] = "steps"
    """Whether the learning rate changes at every step, or once an epoch along a cosine of half a period ``t_max``, or
    falls to a tenth after each of some epochs, or stays as it is."""
    milestones: tuple[int, ...] = ()
    """For ``schedule: milestones``: epochs after which the learning rate is a tenth of what it was, rising."""
    t_max: int | None = Field(default=None, ge=1, le=10_000)
    """For ``schedule: epochs``: epochs until the learning rate is 0; ``epochs`` if left out."""
    decay: Literal["weights", "all"] = "weights"
    """Whether biases and scales are left out of the weight decay."""
    clip: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient; null for none."""
    clip_each: bool = False
    """Whether ``clip`` is the largest norm of each array of parameters alone, as ``clipnorm`` of Keras, and not of all
    together."""
    workers: int = Field(default=0, ge=0, le=64)
    """Processes that cut windows beside the training; 0: it cuts them itself."""
    start_from: str | None = Field(default=None, min_length=1)
    """Fine-tuning: a decoder, its folder, or a ``model.pt``, whose weights training begins with. Weights of another
    shape, such as those of a last layer for other labels, are left out, with a warning."""
    frozen: tuple[str, ...] = ()
    """Parts of the network whose parameters stay as they are, such as ``network.stem``; batch norms inside them still
    follow the mean and variance of the data."""
    tune_every: int | None = Field(default=None, ge=1)
    """Epochs between two evaluations on the tune windows; a fifth of all epochs if left out, 1 for ``keep: best``."""
    stop_at: float | None = Field(default=None, gt=0, le=1)
    """Share of right decisions on the tune windows at which training ends before its last epoch."""
    keep: Literal["last", "best"] = "last"
    """Epoch whose weights are kept: the last one, or the one with the best balanced accuracy on ``data.tune``."""
    seeds: int = Field(default=1, ge=1, le=32)
    """Networks trained from successive seeds and averaged into one graph."""

    @model_validator(mode="after")
    def _milestones_rise(self) -> TrainingRecipe:
        rising = list(self.milestones) == sorted(set(self.milestones)) and min(self.milestones, default=1) >= 1
        if bool(self.milestones) != (self.schedule == "milestones") or not rising:
            raise NeuroMotionError(
                "schedule 'milestones', and it alone, needs milestones: rising numbers of epochs from 1 on, not "
                f"{list(self.milestones)} with schedule {self.schedule!r}"
            )
        return self


class Recipe(Checked):
    """A whole ``recipe.yaml``."""

    decoder: DecoderSpec
    data: DataRecipe | None = None
    network: NetworkRecipe | None = None
    training: TrainingRecipe | None = None
    calibrated_as: str | None = None
    """Name of the decoder that `neuromotion calibrate` fits to a wearer in place of this one."""
    notes: str = ""
    """Text for readers; the card repeats it."""
    sources: tuple[str, ...] = ()
    """Citations of data and methods, repeated in the card."""

    @model_validator(mode="after")
    def _whole(self) -> Recipe:
        given = [name for name in ("data", "network", "training") if getattr(self, name) is not None]
        if 0 < len(given) < 3:
            raise NeuroMotionError(f"data, network and training belong together; there is only {' and '.join(given)}")
        data, split = self.data, self.decoder.split
        if data is not None and (self.decoder.dataset in data.also or len(set(data.also)) < len(data.also)):
            raise NeuroMotionError(
                f"data.also names further data sets, each once, not {', '.join(data.also)} beside decoder.dataset "
                f"{self.decoder.dataset}: a fold could not leave anybody out"
            )
        if data is not None and data.overlapping is not None and (split != "overlapping-windows" or data.tune):
            raise NeuroMotionError(
                "data.overlapping needs decoder.split 'overlapping-windows' and data.tune null, not "
                f"{split!r} and {data.tune!r}"
            )
        if data is not None and data.trials_aside is not None and (split != "trial" or data.tune):
            raise NeuroMotionError(
                f"data.trials_aside needs decoder.split 'trial' and data.tune null, not {split!r} and {data.tune!r}"
            )
        return self

    def trainable(self) -> tuple[DataRecipe, NetworkRecipe, TrainingRecipe]:
        """The sections data, network and training.

        Raises
        ------
        NeuroMotionError
            If the recipe has only the section ``decoder``.
        """
        if self.data is None or self.network is None or self.training is None:
            raise NeuroMotionError(f"The recipe of {self.decoder.name!r} has no sections data, network and training.")
        return self.data, self.network, self.training


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : path
        ``recipe.yaml``, or the folder that holds it.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read, is not YAML, or is not a valid recipe; the message names file and key.
    """
    path = Path(path)
    if path.is_dir():
        path = path / RECIPE
    return from_mapping(Recipe, read_yaml(path, "recipe"), str(path))


def load_spec(folder: str | Path) -> DecoderSpec:
    """The ``decoder:`` section of the recipe in ``folder``."""
    return load_recipe(folder).decoder


def with_scale(recipe: Recipe, scale: float | None) -> Recipe:
    """The recipe with another scale of its training data, see `DecoderSpec.scale`."""
    return recipe.model_copy(update={"decoder": recipe.decoder.model_copy(update={"scale": scale})})


def recipe_text(recipe: Recipe, before: str = "") -> str:
    """Text of ``recipe.yaml``.

    Parameters
    ----------
    recipe : Recipe
    before : str
        Text of the same recipe with another scale or none; its comments and order are kept where its section
        ``decoder`` is written line by line.
    """
    found = re.sub(r"(?m)^  scale:.*\n", "", before)
    found = re.sub(r"(?m)^(  unit: *[^\n]+\n)", rf"\g<1>  scale: {recipe.decoder.scale!r}\n", found, count=1)
    try:
        if before and from_mapping(Recipe, parse_yaml(found, RECIPE), RECIPE) == recipe:
            return found
    except NeuroMotionError:
        pass  # the line does not belong there, since the section is written in another way
    return yaml.safe_dump(recipe.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)


def recipe_digest(recipe: Recipe, *also: object) -> str:
    """Short hash of a recipe without its texts (and of ``also``); it names working folders and caches.

    What training does not depend on is left out: texts, the scale of the training data, which training finds, and what
    concerns wearers alone.
    """
    left_out: Any = {"calibrated_as": True, "notes": True, "sources": True, "decoder": {"scale", "ring"}}
    content = json.dumps([recipe.model_dump(mode="json", exclude=left_out, exclude_none=True), *also], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
