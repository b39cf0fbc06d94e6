"""The ``neuromotion`` command. Each command is a module of this folder.

It imports what it needs when it runs, so that ``--help`` answers at once.

Bad input ends with one line on standard error and exit code 2; Ctrl-C ends with exit code 130, SIGTERM with 143.
"""

from __future__ import annotations

import signal
import sys
import warnings
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from neuromotion_gym.cli.audit import audit
from neuromotion_gym.cli.bench import bench
from neuromotion_gym.cli.calibrate import calibrate
from neuromotion_gym.cli.check import check
from neuromotion_gym.cli.demo import demo
from neuromotion_gym.cli.evaluate import evaluate
from neuromotion_gym.cli.export import export
from neuromotion_gym.cli.lists import decoders, envs
from neuromotion_gym.cli.messages import complain
from neuromotion_gym.cli.record import record
from neuromotion_gym.cli.surrogate import app as surrogate_app
from neuromotion_gym.cli.train import train
from neuromotion_gym.cli.view import view
from neuromotion_gym.cli.windows import windows
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Packages of the extras; if one is missing, the error message names the extra that installs it.
EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "sklearn": "train",
    "stable_baselines3": "train",
    "sb3_contrib": "train",
    "joblib": "bench",
    "pyarrow": "bench",
    "h5py": "io",
    "mne_bids": "io",
    "pyxdf": "io",
    "skl2onnx": "export",
}

END = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end the command with code 128 + their number; Windows has no SIGHUP."""

app = typer.Typer(
    help="What does a limb do when this decoder drives it?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(surrogate_app, name="surrogate")
for command in (decoders, envs, demo, view, record, export, train, windows, evaluate, calibrate, check, audit, bench):
    app.command()(command)


def main() -> None:
    """Run the command; errors and warnings of the library are printed as one line."""
    for number in END:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, _end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter that the terminal does not have is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = partial(_warn, warnings.showwarning)
        try:
            app()
        except KeyboardInterrupt:  # a second one, while the first was dealt with
            sys.exit(128 + signal.SIGINT)
        except NeuroMotionError as error:
            complain(str(error))
        except OSError as error:  # a full disk, a file that may not be read: nothing that a traceback would explain
            with suppress(OSError):
                complain(f"{error.filename or 'Standard output'}: {error.strerror or error}.")
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            complain(f"This command needs {error.name}: pip install 'neuromotion-gym[{extra}]'.")
    sys.exit(2)


def _warn(
    others: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Print the library's own warnings as one line, without a place in its code."""
    if issubclass(category, NeuroMotionWarning):
        complain(str(message), kind="warning")
    else:
        others(message, category, *where, **more)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End as after an error, so that processes are ended and temporary files deleted; a second signal ends at once."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)
