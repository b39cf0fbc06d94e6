"""Where the curves of a training are written while it runs: Lightning's loggers by name.

`neuromotion_gym.training.history` writes the curves into the decoder's folder at the end, whatever the logger.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import make_folder
from neuromotion_gym.resources import cache_folder

if TYPE_CHECKING:
    import os

LoggerName = Literal["csv", "tensorboard", "wandb", "none"]
PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}
"""What has to be installed; the library itself needs neither."""


def logger_of(name: LoggerName, decoder: str, folder: str | os.PathLike[str] | None = None) -> Any:
    """A logger for one training, or False for none.

    Parameters
    ----------
    name : {"csv", "tensorboard", "wandb", "none"}
        ``"csv"`` writes ``metrics.csv``. Weights & Biases reads its own settings, such as ``WANDB_MODE=offline``.
    decoder : str
        Name of the decoder: a folder inside ``folder``, in which every training has a ``version_0``, ``version_1`` and
        so on, or the project.
    folder : path, optional
        ``logs/`` of the cache folder if left out.

    Raises
    ------
    NeuroMotionError
        If there is no such logger, or its package is not installed.
    """
    if name not in get_args(LoggerName):
        raise NeuroMotionError(f"No logger is called {name!r}; there are {', '.join(get_args(LoggerName))}.")
    if name == "none":
        return False
    from lightning.pytorch import loggers

    place = make_folder(Path(folder) if folder is not None else cache_folder() / "logs")
    try:
        if name == "csv":
            return loggers.CSVLogger(place, name=decoder)
        if name == "tensorboard":
            return loggers.TensorBoardLogger(place, name=decoder)
        return loggers.WandbLogger(project=decoder, save_dir=place)
    except ModuleNotFoundError:  # Lightning looks for it here
        package = PACKAGES[name]
        raise NeuroMotionError(f"Logger {name!r} needs {package}: pip install {package}") from None
