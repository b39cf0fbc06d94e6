"""Fine-tuning: training that begins with the weights of another network, and leaves some parts of them as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "model.pt"


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

    path = Path(name)
    if path.suffix != ".pt":
        path = decoder_folder(name) / WEIGHTS
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
