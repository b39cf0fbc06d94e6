"""Fine-tuning: training that begins with the weights of another network, and leaves some parts of them as they are.

What the other network was fitted on counts as fitted on here, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.decoders.fitted_on_record import FittedOn, fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

WEIGHTS = "model.pt"


def weights_file(name: str) -> Path:
    """The file with the weights of a decoder, by its name or folder, or ``name`` itself where it is such a file."""
    path = Path(name)
    return path if path.suffix == ".pt" else decoder_folder(name) / WEIGHTS


def also_fitted_on(record: FittedOn, name: str) -> FittedOn:
    """``record`` with what the network that training starts from was fitted on; incomplete where that is not known."""
    before = fitted_on(weights_file(name).parent)
    if before is None:
        return record.model_copy(update={"complete": False})
    also = (*record.also, before.model_copy(update={"also": ()}), *before.also)
    return record.model_copy(update={"also": also, "complete": record.complete and before.complete})


def refuse_if_seen(name: str, dataset: str, held_out: Sequence[str]) -> None:
    """Refuse to hold out people (or runs) that the network that training starts from was fitted on.

    Raises
    ------
    NeuroMotionError
        If it was, or it is not known what it was fitted on.
    """
    before = fitted_on(weights_file(name).parent)
    advice = "Fine-tune it from a network that was trained without them (training.start_from)."
    if before is None or not all(one.complete for one in (before, *before.also)):
        raise NeuroMotionError(
            f"Training starts from {name!r}, of which it is not known what it was fitted on, so that "
            f"{', '.join(held_out)} cannot be held out. {advice}"
        )
    seen: set[str] = set()
    for one in (before, *before.also):
        if one.dataset == dataset:
            seen.update(one.people, *one.runs.values())
    if both := [one for one in held_out if one in seen]:
        raise NeuroMotionError(
            f"Training starts from {name!r}, which was fitted on {', '.join(both)}: they cannot be held out. {advice}"
        )


def start_from(network: nn.Module, name: str) -> None:
    """Set the weights of ``network`` to those of another one.

    Parameters
    ----------
    network : torch.nn.Module
    name : str
        A decoder, its folder, or a file with a state dict. Weights that ``network`` lacks, or has in another shape, are
        left out, with a warning.

    Raises
    ------
    NeuroMotionError
        If there is no such file, it is no state dict, or no weight of it fits.
    """
    import torch

    path = weights_file(name)
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 -- torch raises many classes on broken files
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NeuroMotionError(f"Training cannot start from {path}: {text}") from None
    if not isinstance(stored, dict):
        raise NeuroMotionError(f"Training cannot start from {path}: it holds no weights by name.")
    own = network.state_dict()
    fitting = {key: value for key, value in stored.items() if key in own and own[key].shape == value.shape}
    left_out = [key for key in stored if key not in fitting]
    if not fitting:
        raise NeuroMotionError(
            f"Training cannot start from {path}: none of its {len(stored)} weights fits; the network has "
            f"{', '.join(list(own)[:4])} and others."
        )
    if left_out:
        warn(f"Training starts from {path} without {', '.join(left_out)}: the network lacks them, or has other shapes.")
    network.load_state_dict(fitting, strict=False)


def freeze(network: nn.Module, parts: tuple[str, ...]) -> None:
    """Let training leave the parameters of some parts of a network as they are.

    Batch norms inside these parts still follow the mean and variance of what they are given, which are no parameters.

    Parameters
    ----------
    network : torch.nn.Module
    parts : tuple of str
        Names of modules, as in ``named_modules``.

    Raises
    ------
    NeuroMotionError
        If there is no such part, or nothing is left to train.
    """
    modules = dict(network.named_modules())
    for part in parts:
        if part not in modules:
            known = ", ".join(name for name in modules if name and name.count(".") < 2)
            raise NeuroMotionError(f"training.frozen names {part!r}; parts of the network: {known}.")
        modules[part].requires_grad_(requires_grad=False)
    if parts and not any(value.requires_grad for value in network.parameters()):
        raise NeuroMotionError(f"training.frozen leaves nothing to train: {', '.join(parts)}.")
