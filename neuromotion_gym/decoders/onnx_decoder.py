"""A decoder stored as an ONNX graph and run by ONNX Runtime.

Inputs and outputs of the graph:

====================  =========================================  ====================================================
name                  shape                                      meaning
====================  =========================================  ====================================================
input ``window``      (n, channels, samples) float32             samples in ``spec.unit``; n is dynamic
input ``adaptation``  (n, *spec.adaptation.shape) float32        only if ``spec.adaptation.kind`` is not "none"
first output          (n, labels or targets) float32             of the kind that ``spec.output`` states
output ``effort``     (n,) float32                               only if ``spec.effort`` is true
output ``features``   (n, features) float32                      only if ``spec.adaptation.kind`` is "head"
====================  =========================================  ====================================================

A folder may hold ``adaptation.npy`` beside ``model.onnx``: the decoder is then permanently adapted to one person.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.alignment import euclidean_alignment
from neuromotion_gym.decoders.calibration import fit_head
from neuromotion_gym.decoders.decoder import checked_output, checked_windows, require_posterior
from neuromotion_gym.decoders.onnx_session import open_session, run_session
from neuromotion_gym.decoders.recipe import load_spec
from neuromotion_gym.decoders.spec import AdaptationSpec, DecoderSpec
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording

MODEL = "model.onnx"
FIXED_ADAPTATION = "adaptation.npy"


class OnnxDecoder:
    """Decoder from a folder (``recipe.yaml``, ``model.onnx``) or from an ONNX file and its specification.

    Parameters
    ----------
    path : path
        The folder, or the ONNX file.
    spec : DecoderSpec, optional
        Required with an ONNX file; with a folder, the recipe's is the default.
    threads : int
        Threads of one decoding call. The default is 1: the batches of the loop are small, and with one thread results
        do not depend on the machine.

    Raises
    ------
    NeuroMotionError
        If a file is missing or corrupt, or the graph does not match the specification.
    """

    def __init__(self, path: str | Path, spec: DecoderSpec | None = None, *, threads: int = 1) -> None:
        path = Path(path)
        folder = path if path.is_dir() else None
        if spec is None:
            if folder is None:
                raise NeuroMotionError(
                    f"An ONNX file alone does not say what it reads: pass the DecoderSpec of {path}."
                )
            spec = load_spec(folder)
        if threads < 1:
            raise NeuroMotionError(f"threads must be at least 1, not {threads}.")
        self.path = folder / MODEL if folder else path
        self.threads = threads
        self._fixed = _fixed_adaptation(folder, spec) if folder else None
        self._graph_spec = spec
        self.spec = spec if self._fixed is None else spec.model_copy(update={"adaptation": AdaptationSpec()})
        self._open()

    def _open(self) -> None:
        self._session = open_session(self.path, "decoder", self.threads)
        self._outputs = _checked_graph(self._session, self._graph_spec, self.path)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def digest(self) -> str:
        """SHA-256 over everything that decoding depends on: specification, graph, weights and fixed adaptation.

        The files are read again at every call. Other files in the folder are included if the graph names them (external
        weights).
        """
        graph = self.path.read_bytes()
        folder = self.path.parent
        digest = hashlib.sha256(self._graph_spec.model_dump_json().encode())
        digest.update(hashlib.sha256(graph).digest())
        for path in sorted(folder.iterdir()):
            if path != self.path and path.name.encode() in graph and path.is_file():
                digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        if self._fixed is not None:
            digest.update(self._fixed.tobytes())
        return digest.hexdigest()

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior or targets, and effort, of ``windows``; see `Decoder.decode`."""
        windows = checked_windows(windows, self.spec)
        if not len(windows):
            nothing = np.empty((0, len(self.spec.decoded)), np.float32)
            return nothing, nothing[:, 0] if self.spec.effort else None
        results = self._run(windows, self._rows(adaptation, len(windows)))
        decoded = checked_output(results[self._outputs[0]], len(windows), self.spec)
        effort = results.get("effort")
        if effort is not None:
            if effort.shape != (len(windows),) or not np.isfinite(effort).all():
                raise NeuroMotionError(
                    f"Decoder {self.spec.name!r} gave an effort that is not one finite number per window."
                )
            effort = np.clip(effort, 0, 1)
        return decoded, effort

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Like `decode` without the effort, for decoders that give a posterior."""
        require_posterior(self.spec, "predict_proba")
        return self.decode(windows, adaptation)[0]

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray | None:
        """Adaptation to one person from that person's calibration run, shape ``spec.adaptation.shape``.

        Raises
        ------
        NeuroMotionError
            If the decoder needs an adaptation, and ``calibration`` is empty or does not fit the decoder.
        """
        if self.spec.adaptation.kind == "none":
            return None
        if not calibration:
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} is adapted to a person ({self.spec.adaptation.kind}), "
                "but there is no calibration run."
            )
        if self.spec.adaptation.kind == "euclidean":
            return euclidean_alignment(calibration, self.spec)
        return fit_head(self.features, calibration, self.spec)

    def features(self, windows: np.ndarray) -> np.ndarray:
        """Input of the last layer, shape (n, features); only if ``spec.adaptation.kind`` is "head"."""
        windows = checked_windows(windows, self.spec)
        if "features" not in self._outputs:
            raise NeuroMotionError(f"Decoder {self.spec.name!r} does not give its features.")
        shape = (len(windows), *self._graph_spec.adaptation.shape)
        features = self._run(windows, np.zeros(shape, np.float32))["features"]
        if features.ndim != 2 or len(features) != len(windows) or not np.isfinite(features).all():
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} gave features that are not one row of finite numbers per window."
            )
        return features

    def _rows(self, adaptation: np.ndarray | None, n: int) -> np.ndarray | None:
        if self._graph_spec.adaptation.kind == "none" or self._fixed is not None:
            if adaptation is not None:
                raise NeuroMotionError(f"Decoder {self.spec.name!r} takes no adaptation.")
            return None if self._fixed is None else np.broadcast_to(self._fixed, (n, *self._fixed.shape))
        shape = (n, *self.spec.adaptation.shape)
        if adaptation is None:
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} is adapted to a person: pass adaptation of shape {shape}, "
                "one result of adapt(calibration) per window."
            )
        if np.shape(adaptation) != shape:
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} needs adaptation of shape {shape}, not {np.shape(adaptation)}."
            )
        return np.asarray(adaptation)

    def _run(self, windows: np.ndarray, adaptation: np.ndarray | None) -> dict[str, np.ndarray]:
        feed = {"window": windows}
        if adaptation is not None:
            feed["adaptation"] = np.ascontiguousarray(adaptation, dtype=np.float32)
        results = run_session(self._session, self._outputs, feed, str(self.path))
        return dict(zip(self._outputs, (np.asarray(result) for result in results), strict=True))


def _checked_graph(session: Any, spec: DecoderSpec, path: Path) -> list[str]:
    """Names of the outputs that the decoder reads; refuses a graph that differs from ``spec``."""
    wanted: dict[str, tuple[int, ...]] = {"window": (len(spec.channels), spec.window)}
    if spec.adaptation.kind != "none":
        wanted["adaptation"] = spec.adaptation.shape
    inputs = {node.name: node for node in session.get_inputs()}
    if set(inputs) != set(wanted):
        raise NeuroMotionError(
            f"{path} has inputs {', '.join(sorted(inputs))}; it should have {', '.join(sorted(wanted))}."
        )
    for name, shape in wanted.items():
        node = inputs[name]
        if node.type != "tensor(float)":
            raise NeuroMotionError(f"Input {name!r} of {path} is {node.type}; it should be tensor(float).")
        given = list(node.shape)
        fits = len(given) == len(shape) + 1 and all(
            not isinstance(have, int) or have == want for have, want in zip(given[1:], shape, strict=True)
        )
        if not fits or isinstance(given[0], int):
            raise NeuroMotionError(
                f"Input {name!r} of {path} has shape {tuple(given)}; "
                f"it should be (n, {', '.join(map(str, shape))}), n dynamic."
            )
    names = [node.name for node in session.get_outputs()]
    first = session.get_outputs()[0]
    if first.type != "tensor(float)":
        raise NeuroMotionError(f"The first output of {path} is {first.type}; it should be tensor(float).")
    columns = first.shape[-1] if first.shape else None
    if isinstance(columns, int) and columns != len(spec.decoded):
        gives, names_of = ("classes", "labels") if spec.classifies else ("values", "targets")
        raise NeuroMotionError(
            f"{path} gives {columns} {gives}, but its {names_of} are {len(spec.decoded)}: {', '.join(spec.decoded)}."
        )
    needed = ["effort"] * spec.effort + ["features"] * (spec.adaptation.kind == "head")
    if missing := [name for name in needed if name not in names[1:]]:
        raise NeuroMotionError(f"{path} lacks the output {', '.join(missing)}; it has {', '.join(names)}.")
    return [names[0], *needed]


def _fixed_adaptation(folder: Path, spec: DecoderSpec) -> np.ndarray | None:
    path = folder / FIXED_ADAPTATION
    if not path.is_file():
        return None
    try:
        fixed = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy raises many kinds of errors on corrupt files
        raise NeuroMotionError(f"{path} is not a NumPy array: {error}") from error
    if not isinstance(fixed, np.ndarray) or fixed.dtype.kind != "f" or fixed.shape != spec.adaptation.shape:
        raise NeuroMotionError(f"{path} should hold floats of shape {spec.adaptation.shape}, as the recipe says.")
    if not np.isfinite(fixed).all():
        raise NeuroMotionError(f"{path} holds NaN or infinite numbers.")
    return fixed.astype(np.float32)
