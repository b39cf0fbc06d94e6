"""The specification of a decoder: the ``decoder:`` section of a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.units import unit_name

OutputKind = Literal["logits", "log_probabilities", "probabilities", "logit", "probability", "class_index", "targets"]
ONE_VALUE: tuple[OutputKind, ...] = ("logit", "probability")
"""Kinds of output with one value for each window, which stands for the label ``positive``."""
WindowLayout = Literal[
    "(n, channels, samples)",
    "(n, 1, channels, samples)",
    "(n, samples, channels)",
    "(n, 1, samples, channels)",
    "(n, channels, samples, 1)",
    "(n, samples, channels, 1)",
    "(n, channels * samples)",
    "(n, samples * channels)",
]
LONGEST_WINDOW_S = 3600.0
LONGEST_HOP_S = 60.0
HOP_STEP_S = 0.05


class AdaptationSpec(Checked):
    """How a decoder is adapted to a person.

    ``kind="euclidean"``: the adaptation is the inverse square root of the mean covariance of the unlabelled calibration
    run in ``band_hz``, shape (channels, channels). ``kind="head"``: the adaptation is the last layer, fitted to the
    labelled calibration run, shape (labels, features + 1), the bias in the last column; for ``output: targets`` fitted
    to its continuous targets, shape (targets, features + 1).

    ``kind="turned"``, for a grid of electrodes around a limb, ``rows`` rows of them: the adaptation comes from the
    unlabelled calibration run, shape (3, features): mean and factor of every feature, and the rows by which the grid is
    turned, see `neuromotion_gym.decoders.turned`.

    ``kind="wearer"``: the adaptation is the last layer, shape (labels, features + 1), as for "head", but it is found
    without labels and follows the wearer in the loop, from nothing or from a calibration run; see
    `neuromotion_gym.decoders.adaptation` and `neuromotion_gym.decoders.population`.

    ``kind="day"``: the same for people who are known and put the electrodes on anew each day; calibration runs, of
    earlier days, tell who the wearer is, see `neuromotion_gym.decoders.days`.

    ``kind="running"``: as "euclidean", but the covariance goes on with the run, see `neuromotion_gym.decoders.running`.
    """

    kind: Literal["none", "euclidean", "head", "turned", "wearer", "day", "running"] = "none"
    band_hz: tuple[float, float] | None = None
    shrinkage: float = Field(default=0.01, ge=0, le=1)
    """Share of the identity in the covariance (of the alignments: of the identity times the mean variance)."""
    shape: tuple[int, ...] = ()
    rows: int | None = Field(default=None, ge=2)
    """For ``turned``: rows of the grid, around the limb; channels are listed row by row."""

    @property
    def reads_features(self) -> bool:
        """Whether it is computed from the features of the decoder, which its graph has to give."""
        return self.kind in ("head", "turned", "wearer", "day")

    @model_validator(mode="after")
    def _consistent(self) -> AdaptationSpec:
        if (self.rows is None) == (self.kind == "turned"):
            raise NeuroMotionError(f"kind 'turned', and it alone, needs rows; kind {self.kind!r} has rows {self.rows}")
        if self.kind == "none" and self.shape:
            raise NeuroMotionError("kind 'none' has no shape")
        if self.kind != "none" and (len(self.shape) != 2 or min(self.shape) < 1):
            raise NeuroMotionError(f"kind {self.kind!r} needs a shape of two positive lengths, not {self.shape}")
        if self.kind in ("euclidean", "running") and self.band_hz is None:
            raise NeuroMotionError(f"kind {self.kind!r} needs band_hz")
        if self.band_hz is not None and not 0 < self.band_hz[0] < self.band_hz[1]:
            raise NeuroMotionError(f"band_hz must be two rising positive frequencies, not {self.band_hz}")
        return self


class DecoderSpec(Checked):
    """Everything that the loop needs to know about a decoder."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$", max_length=100)
    modality: Modality
    dataset: str = Field(default="user", min_length=1, max_length=200)
    """Data set that it was trained on; "user" if it is none that the library knows."""
    labels: tuple[str, ...] = Field(max_length=1000)
    """Labels that it distinguishes, two or more; may be empty if ``output`` is "targets". A map
    from the model's own names, or from the numbers of its columns, to labels is taken, too."""
    renamed: tuple[tuple[str, str], ...] | None = None
    """Names of the model's own that differ from its labels, each with its label; None if there are none."""
    targets: tuple[str, ...] = ()
    """For ``output: targets``: names of the axes along which it gives values from -1 to 1."""
    channels: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    """Channels of the recording in the order in which they are read. A mapping from the decoder's own names to those
    of the recording is taken too."""
    ring: bool = False
    """Whether the channels lie in a ring around a limb, in this order: a band can be worn turned or mirrored."""
    rate_hz: float = Field(gt=0, le=1_000_000)
    unit: str = Field(max_length=50)
    window: int = Field(ge=1, le=1_000_000)
    """Number of samples that one decision reads."""
    resample_to: int | None = Field(default=None, ge=1, le=1_000_000)
    """Number of samples that the model gets, if every window is stretched or shortened to another length first."""
    layout: WindowLayout | None = None
    """Axes of the model's input, for a model from elsewhere; None: as its fixed dimensions say."""
    hop_s: float = Field(gt=0, le=LONGEST_HOP_S)
    """Seconds between two decisions, for ``pacing: sliding``; an eighth of the window if left out."""
    pacing: Literal["sliding", "trial"] = "sliding"
    epoch_s: tuple[float, float] | None = None
    """For ``pacing: trial``: start and end of the window, in seconds after the onset."""
    output: OutputKind = "probabilities"
    """Output of the model: a posterior over ``labels`` in one of several forms, or continuous ``targets``."""
    positive: str | None = None
    """For ``output: logit`` or ``probability``: the label, one of two, that a high value stands for."""
    output_name: str | None = Field(default=None, min_length=1, max_length=1000)
    """Name of the output that a graph from elsewhere gives this in; None: the only one that fits."""
    effort: bool = False
    """Whether the graph has an output ``effort`` (n,) in 0..1."""
    adaptation: AdaptationSpec = AdaptationSpec()
    ocular: Literal["keep", "regress"] = "keep"
    """Treatment of the ocular channels in training; by default the source of the loop does the same."""
    control: bool = False
    """Whether it is a control (such as the eye control), not a decoder to be ranked."""
    scale: float | None = Field(default=None, gt=0)
    """Typical amplitude of the training data in ``unit`` (`neuromotion_gym.signals.amplitude.typical_amplitude`)."""
    split: Literal["trial", "block", "session", "run", "subject", "overlapping-windows", "unknown"] = "unknown"
    licence: str = Field(default="not stated", min_length=1)

    @field_validator("unit")
    @classmethod
    def _one_name(cls, unit: str) -> str:
        name = unit_name(unit)
        if not name:
            raise NeuroMotionError(f"the unit of the samples is needed, such as 'V', 'µV' or 'count', not {unit!r}")
        return name

    @field_validator("rate_hz", "window", "resample_to", "hop_s", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise NeuroMotionError(f"a number is needed, not {value}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _label_map(cls, content: Any) -> Any:
        """Turn a map of labels into labels in the order of the columns, and note what it renames."""
        given = content.get("labels") if isinstance(content, dict) else None
        if not isinstance(given, Mapping):
            return content
        numbers = [name for name in given if isinstance(name, int) and not isinstance(name, bool)]
        if numbers and sorted(given, key=str) != sorted(range(len(given)), key=str):
            raise NeuroMotionError(
                f"in 'labels', numbers of columns have to be 0 to {len(given) - 1}, not {', '.join(map(str, given))}"
            )
        columns = sorted(given) if numbers else list(given)
        before = dict(content.get("renamed") or ())
        known_as = {new: name for name, new in before.items()}  # a label that was renamed before keeps its first name
        changed = [] if numbers else [(known_as.get(name, name), given[name]) for name in columns]
        told: dict[str, Any] = {"labels": [given[name] for name in columns]}
        told["renamed"] = [(name, label) for name, label in changed if name != label] or None
        if content.get("positive") is not None:
            told["positive"] = given.get(
                content["positive"], dict(changed).get(content["positive"], content["positive"])
            )
        return {**content, **told}

    @model_validator(mode="before")
    @classmethod
    def _default_hop(cls, content: Any) -> Any:
        """Fill in the hop: an eighth of the window in whole control periods of 50 ms, at least one."""
        if not isinstance(content, dict) or "hop_s" in content:
            return content
        window, rate_hz = content.get("window"), content.get("rate_hz")
        if not isinstance(window, int | float) or not isinstance(rate_hz, int | float):
            return content
        if not 0 < window < math.inf or not 0 < rate_hz < math.inf:
            return content  # the window or the rate is wrong; it is reported beside the missing hop
        steps = max(1, math.floor(min(window / rate_hz / 8, LONGEST_HOP_S) / HOP_STEP_S + 1e-9))
        return {**content, "hop_s": round(steps * HOP_STEP_S, 2)}

    @field_validator("channels", mode="before")
    @classmethod
    def _read_from(cls, value: Any) -> Any:
        return tuple(value.values()) if isinstance(value, dict) else value

    @field_validator("labels", "targets", "channels")
    @classmethod
    def _unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(names) or len(set(names)) < len(names):
            raise NeuroMotionError(f"names must be unique and not empty, not {', '.join(map(repr, names))}")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> DecoderSpec:
        if self.output == "targets" and not self.targets:
            raise NeuroMotionError("output 'targets' needs targets, the names of the axes that it gives values for")
        if self.output != "targets":
            if self.targets:
                raise NeuroMotionError(f"targets belong to output 'targets', not to {self.output!r}")
            if len(self.labels) < 2:
                raise NeuroMotionError(f"labels have to be two or more, not {len(self.labels)}")
        self._check_positive()
        if self.window_s > LONGEST_WINDOW_S:
            raise NeuroMotionError(
                f"window {self.window} at {self.rate_hz:g} Hz lasts {self.window_s:g} s; "
                f"the longest window is {LONGEST_WINDOW_S:g} s"
            )
        if self.pacing == "trial" and self.epoch_s is None:
            raise NeuroMotionError("pacing 'trial' needs epoch_s, first and last second after onset")
        if self.epoch_s is not None:
            samples = round((self.epoch_s[1] - self.epoch_s[0]) * self.rate_hz)
            if abs(samples - self.window) > 1:
                raise NeuroMotionError(
                    f"epoch_s {self.epoch_s} holds {samples} samples at {self.rate_hz:g} Hz, "
                    f"but window is {self.window}"
                )
        shape, band = self.adaptation.shape, self.adaptation.band_hz
        if self.adaptation.kind in ("euclidean", "running") and shape != (len(self.channels),) * 2:
            raise NeuroMotionError(f"adaptation.shape must be channels by channels, {(len(self.channels),) * 2}")
        if self.adaptation.kind == "turned":
            self._check_turned()
        kind = self.adaptation.kind
        if kind in ("wearer", "day") and self.output == "targets":
            raise NeuroMotionError(f"adaptation.kind {kind!r} fits labels; it does not apply to output 'targets'")
        if kind in ("head", "wearer", "day") and shape[0] != len(self.decoded):
            what = "labels" if self.classifies else "targets"
            raise NeuroMotionError(f"adaptation.shape must begin with the number of {what}, {len(self.decoded)}")
        if kind == "wearer":
            self._check_wearer()
        if kind == "running" and self.pacing != "sliding":
            raise NeuroMotionError(f"adaptation.kind 'running' needs pacing 'sliding', not {self.pacing!r}")
        if kind == "day" and (shape[1] < 2 or self.pacing != "sliding"):
            raise NeuroMotionError(
                f"adaptation.kind 'day' needs pacing 'sliding' and a shape with a column more than features, not "
                f"{self.pacing!r} and {shape}"
            )
        if band is not None and band[1] >= self.rate_hz / 2:
            raise NeuroMotionError(f"adaptation.band_hz {band} must end below half of rate_hz, {self.rate_hz / 2:g}")
        return self

    def _check_wearer(self) -> None:
        features, channels = self.adaptation.shape[1] - 1, len(self.channels)
        if features < 1 or features % channels or self.pacing != "sliding":
            raise NeuroMotionError(
                f"adaptation.kind 'wearer' needs pacing 'sliding', some features of each channel and a column more; "
                f"{channels} channels have pacing {self.pacing!r} and the shape {self.adaptation.shape}"
            )

    def _check_turned(self) -> None:
        rows, shape, channels = self.adaptation.rows or 0, self.adaptation.shape, len(self.channels)
        if channels % rows or shape[0] != 3 or shape[1] % channels:
            raise NeuroMotionError(
                f"adaptation.kind 'turned' needs channels in equal rows and a shape of 3 by some features of each "
                f"channel; {channels} channels have {rows} rows and the shape {shape}"
            )
        if not self.classifies:
            raise NeuroMotionError("adaptation.kind 'turned' needs a posterior; it does not apply to output 'targets'")

    def _check_positive(self) -> None:
        if self.output not in ONE_VALUE:
            if self.positive is not None:
                raise NeuroMotionError(f"positive belongs to output {' or '.join(ONE_VALUE)}, not to {self.output!r}")
        elif len(self.labels) != 2:
            raise NeuroMotionError(f"output {self.output!r} tells two labels apart, not {len(self.labels)}")
        elif self.positive not in self.labels:
            raise NeuroMotionError(
                f"output {self.output!r} needs positive, the label that a high value stands for: "
                f"{' or '.join(self.labels)}, not {self.positive!r}"
            )

    @property
    def samples_in(self) -> int:
        """Number of samples that the model gets: ``resample_to``, or ``window``."""
        return self.resample_to or self.window

    @property
    def channel_count(self) -> str:
        """Number of channels in words: ``8 channels``."""
        return "1 channel" if len(self.channels) == 1 else f"{len(self.channels)} channels"

    @property
    def window_s(self) -> float:
        """Length of the window in seconds."""
        return self.window / self.rate_hz

    @property
    def own_labels(self) -> tuple[str, ...]:
        """The model's own name of each label, which differs from it where ``renamed`` says so."""
        own = {label: name for name, label in self.renamed or ()}
        return tuple(own.get(label, label) for label in self.labels)

    @property
    def classifies(self) -> bool:
        """Whether it gives a posterior over labels; otherwise it gives values of targets."""
        return self.output != "targets"

    @property
    def decoded(self) -> tuple[str, ...]:
        """Names of the columns in the output of `Decoder.decode`: labels, or targets."""
        return self.labels if self.classifies else self.targets
