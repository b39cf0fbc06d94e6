"""Opens ONNX Runtime sessions: for decoders, learned controllers, and checks of exported models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neuromotion_gym.errors import NeuroMotionError


def open_session(model: str | Path | bytes, what: str, threads: int = 1) -> Any:
    """Open a session that runs an ONNX model on the CPU.

    Parameters
    ----------
    model : path or bytes
        The file or its content. External weights are read from the folder of the file.
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
    # From version 1.29 on, builds for Linux report sessions and model names to Microsoft unless this is set
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    if hasattr(onnxruntime, "disable_telemetry_events"):
        onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors arrive as exceptions anyway
    where = f"The {what}" if isinstance(model, bytes) else str(model)
    if isinstance(model, bytes):
        content = model
    else:
        path = Path(model)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NeuroMotionError(f"No {what} can be read from {path}: {error.strerror}.") from None
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
    try:
        # The fallback would only print a message and try the same provider again
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        # Names that are not UTF-8 raise an error only when they are read, not in the constructor
        [(node.name, node.type, node.shape) for node in (*session.get_inputs(), *session.get_outputs())]
        return session
    except Exception as error:  # noqa: BLE001 -- ONNX Runtime's classes share no base below Exception
        raise NeuroMotionError(f"{where} is not an ONNX model that can be run: {first_line(error)}") from None


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
