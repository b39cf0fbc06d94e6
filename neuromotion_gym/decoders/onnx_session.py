"""Opens ONNX Runtime sessions: for decoders, learned controllers, and checks of exported models.

ONNX Runtime is imported only here, after its telemetry has been turned off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neuromotion_gym.decoders.onnx_file import OnnxFile, read_onnx
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

MOST_THREADS = 1024


def open_session(model: str | Path | OnnxFile | bytes, what: str, threads: int = 1) -> Any:
    """Open a session that runs an ONNX model on the CPU.

    Parameters
    ----------
    model : path, OnnxFile or bytes
        The file, or its content with all weights inside. Weights in other files are read from the folder of the file.
    what : str
        Kind of model, for messages: "decoder" or "policy".
    threads : int
        Threads of one call.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    NeuroMotionError
        If the file cannot be read, or ONNX Runtime cannot run it.
    """
    if isinstance(model, bytes):
        content, where = model, f"The {what}"
    else:
        file = model if isinstance(model, OnnxFile) else read_onnx(Path(model), what)
        content, where = file.content, str(file.path)
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = checked_threads(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors arrive as exceptions anyway
    try:
        # The fallback would only print a message and try the same provider again
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        # Names that are not UTF-8 raise an error only when they are read, not in the constructor
        [(node.name, node.type, node.shape) for node in (*session.get_inputs(), *session.get_outputs())]
        return session
    except Exception as error:  # noqa: BLE001 -- ONNX Runtime's classes share no base below Exception
        raise NeuroMotionError(f"{where} is not an ONNX model that can be run: {first_line(error)}") from None


def _runtime() -> Any:
    """The package onnxruntime, without its telemetry.

    From version 1.29 on, builds for Linux and macOS keep a device identifier on disk and report sessions and names of
    models to Microsoft, unless this variable is set before the import.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    if os.environ["ORT_DISABLE_TELEMETRY"] == "1" and hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()  # Windows, and programs that imported onnxruntime before
    return onnxruntime


def checked_threads(threads: object) -> int:
    """Return ``threads`` if it is a number of threads.

    Raises
    ------
    NeuroMotionError
        If it is not a whole number from 1 to 1024.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
        raise NeuroMotionError(f"threads is a whole number from 1 to {MOST_THREADS}, not {shortened(threads)}.")
    return threads


def run_session(session: Any, outputs: list[str], feed: dict[str, Any], what: str) -> list[Any]:
    """Results of one call.

    Raises
    ------
    NeuroMotionError
        If the model fails; the message begins with ``what`` (its file).
    """
    try:
        results: list[Any] = session.run(outputs, feed)
    except Exception as error:  # noqa: BLE001 -- as in open_session
        raise NeuroMotionError(f"{what} failed while it ran: {first_line(error)}") from None
    return results


def first_line(error: Exception) -> str:
    """First line of an error's text, 200 characters at most."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
