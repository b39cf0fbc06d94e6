"""The data set whose signals a decoder from elsewhere can read, where the decoder names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from neuromotion_gym.datasets import registry
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import misfits
from neuromotion_gym.signals.surrogate import SurrogateParameters
from neuromotion_gym.signals.surrogate.parameters import shipped_surrogates

if TYPE_CHECKING:
    from neuromotion_gym.signals.fitting import Wanted

    class Listened(Wanted, Protocol):
        """The fields of a decoder's specification that `suitable_dataset` reads."""

        dataset: str
        labels: tuple[str, ...]


FOREIGN = "user"
"""Data set that a specification names if the decoder belongs to none."""


def suitable_dataset(spec: Listened) -> str:
    """The decoder's own data set or, if it names none, the one data set whose surrogate it can read.

    Parameters
    ----------
    spec : DecoderSpec

    Raises
    ------
    NeuroMotionError
        If the decoder's data set is unknown; or if it names none, and no data set or several fit: the message says, for
        each, what does not fit.
    """
    if spec.dataset != FOREIGN:
        registry.dataset(spec.dataset)
        return spec.dataset
    fit, reasons = [], []
    for name in registry.dataset_names():
        surrogate = next((one for one in shipped_surrogates() if one.startswith(f"{name}_")), None)
        if surrogate is None:
            continue
        parameters = SurrogateParameters.find(surrogate)
        wrong = misfits(parameters.spec, spec)
        if missing := [label for label in spec.labels if label not in parameters.meta["labels"]]:
            wrong.append(f"it has no label {', '.join(missing)} (it has {', '.join(parameters.meta['labels'])})")
        if wrong:
            reasons.append(f"{name}: {'; '.join(wrong)}")
        else:
            fit.append(name)
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} names no data set and can read several: {', '.join(fit)}. Say which with dataset."
        )
    raise NeuroMotionError(
        f"Decoder {spec.name!r} belongs to no data set of the library, and none fits it, so that there is nothing to "
        f"play: pass recordings of your own as source= (--recording). {'. '.join(reasons)}."
    )
