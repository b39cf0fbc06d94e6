"""A decoder stored as an ONNX graph and run by ONNX Runtime.

Inputs and outputs of the library's own graphs:

====================  =========================================  ====================================================
name                  shape                                      meaning
====================  =========================================  ====================================================
input ``window``      (n, channels, samples) float32             samples in ``spec.unit``; n is dynamic
input ``adaptation``  (n, *spec.adaptation.shape) float32        only if ``spec.adaptation.kind`` is not "none"
first output          (n, labels or targets) float32             of the kind that ``spec.output`` states
output ``effort``     (n,) float32                               only if ``spec.effort`` is true
output ``features``   (n, features) float32                      only if it is "head", "turned", "wearer" or "day"
====================  =========================================  ====================================================

Graphs from elsewhere are run as their exporters wrote them: an input of any name with one of the axes of
``spec.layout``, any batch, real numbers of 16, 32 or 64 bits, and any of the kinds of output of `DecoderSpec`.

For the kind "wearer", ``population.npz`` lies beside it (`neuromotion_gym.decoders.population`), for "day"
``days.npz`` (`neuromotion_gym.decoders.days`).

A folder may hold ``adaptation.npy`` beside ``model.onnx``: the decoder is then permanently adapted to one person.
"""

from __future__ import annotations

import hashlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.adaptation import FOLLOWS, RUNNING, wearer_of
from neuromotion_gym.decoders.alignment import euclidean_alignment
from neuromotion_gym.decoders.calibration import fit_head
from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.decoders.days import DAYS, Days, read_days
from neuromotion_gym.decoders.decoder import checked_output, checked_windows, require_posterior
from neuromotion_gym.decoders.described import described, described_html
from neuromotion_gym.decoders.faults import FaultyDecoderError
from neuromotion_gym.decoders.folders import MODEL
from neuromotion_gym.decoders.model_facts import complete_recipe, complete_spec, describes_itself
from neuromotion_gym.decoders.model_input import ADAPTATION, OWN_INPUT, find_input
from neuromotion_gym.decoders.model_output import batch_fault, find_output, kind_fault, order_fault
from neuromotion_gym.decoders.onnx_file import OnnxFile, read_onnx
from neuromotion_gym.decoders.onnx_session import checked_threads, open_session, run_session
from neuromotion_gym.decoders.population import POPULATION, Population
from neuromotion_gym.decoders.returning import read_wearers
from neuromotion_gym.decoders.spec import AdaptationSpec, DecoderSpec
from neuromotion_gym.decoders.target_head import fit_target_head
from neuromotion_gym.decoders.turned import turned_adaptation
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Recording

FIXED_ADAPTATION = "adaptation.npy"
PROBED = 5
"""Number of random windows on which the results of a graph are judged when it is loaded."""


class OnnxDecoder:
    """Decoder from a folder (``recipe.yaml``, ``model.onnx``) or from an ONNX file and what is known of it.

    Parameters
    ----------
    path : path
        The folder, or the ONNX file.
    spec : DecoderSpec or mapping, optional
        The whole specification, or the facts that the recipe beside the file, its metadata and its graph do not say
        (`neuromotion_gym.decoders.model_facts`).
    threads : int
        Threads of one decoding call. The default is 1: the batches of the loop are small, and with one thread results
        do not depend on the machine.

    Raises
    ------
    NeuroMotionError
        If a file is missing or corrupt, facts are missing, or the graph does not match the specification.
    """

    def __init__(
        self, path: str | Path, spec: DecoderSpec | Mapping[str, Any] | None = None, *, threads: int = 1
    ) -> None:
        path = Path(path)
        self.threads = checked_threads(threads)
        self.path = model_file(path) if path.is_dir() else path
        file = self._open()
        self._model = _checksum(file.content)
        whole = isinstance(spec, DecoderSpec)
        if not isinstance(spec, DecoderSpec):
            spec = complete_spec(file, spec or {}, self._session)
        self._fixed = _fixed_adaptation(self.path.parent, spec) if path.is_dir() or path.name == MODEL else None
        self._graph_spec = spec
        self.spec = spec if self._fixed is None else spec.model_copy(update={"adaptation": AdaptationSpec()})
        self.population: Population | Days | None = None
        self._people = b""
        if self.spec.adaptation.kind == "wearer":
            self.population = read_wearers(self.path.parent, spec.adaptation.shape, len(spec.channels), ring=spec.ring)
            self._people = _checksum(self.path.with_name(POPULATION).read_bytes())
        elif self.spec.adaptation.kind == "day":
            self.population = read_days(self.path.parent, spec.adaptation.shape)
            self._people = _checksum(self.path.with_name(DAYS).read_bytes())
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        is_described = whole or describes_itself(self.path, self._session)
        own_graph = is_described and any(node.name == OWN_INPUT for node in inputs)
        read, faults = find_input(inputs, spec, own_graph)
        given, also, more = find_output(outputs, spec, own_graph)
        if faults or more:
            raise FaultyDecoderError(str(self.path), [*faults, *more])
        assert read is not None
        assert given is not None
        self._input, self._output, self._outputs = read, given, [given.name, *also]
        self._told = False
        self._check_results(file)

    def _open(self) -> OnnxFile:
        file = read_onnx(self.path, "decoder")
        self._session = open_session(file, "decoder", self.threads)
        return file

    def _check_results(self, file: OnnxFile) -> None:
        """Refuse a graph whose results for random windows are not what the specification states."""
        windows, adaptation = random_inputs(self._graph_spec, PROBED)
        if self._fixed is not None:
            adaptation = np.broadcast_to(self._fixed, (PROBED, *self._fixed.shape))
        values = self._run(windows, adaptation)[self._output.name]
        faults = [kind_fault(values, file.ended_by.get(self._output.name, ""), self.spec)]
        # Columns that the graph itself puts into another order have not the order of its names of classes
        reordered = file.ended_by.get(self._output.name) == "Gather"
        if values.ndim == 2 and not self._output.mapped and not reordered:
            faults.append(order_fault(file.classes, self.spec))
        if found := [fault for fault in faults if fault is not None]:
            raise FaultyDecoderError(str(self.path), found)
        among = checked_output(values, PROBED, self.spec)
        single = self._run(windows[:1], None if adaptation is None else adaptation[:1])[self._output.name]
        if fault := batch_fault(among[0], checked_output(single, 1, self.spec)[0]):
            raise FaultyDecoderError(str(self.path), [fault])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if _checksum(self._open().content) != self._model:
            raise NeuroMotionError(
                f"{self.path} has changed since decoder {self.spec.name!r} was loaded from it; load it again."
            )

    def __repr__(self) -> str:
        return described(self)

    def _repr_html_(self) -> str:
        return described_html(self)

    def __deepcopy__(self, memo: object) -> OnnxDecoder:
        return self  # keeps no state, and its session can be used by several threads

    @property
    def fixed_adaptation(self) -> np.ndarray | None:
        """The adaptation to one person that lies beside the model; None if there is none."""
        return self._fixed

    def recipe(self) -> Recipe:
        """The recipe beside the file, with the whole specification; only that if there is no recipe."""
        return complete_recipe(self.path, self._graph_spec)

    def digest(self) -> str:
        """SHA-256 over everything that decoding depends on: specification, graph, weights and fixed adaptation.

        It is about what was loaded, also where the files have changed since.
        """
        digest = hashlib.sha256(self._graph_spec.model_dump_json().encode())
        digest.update(self._model)
        if self._fixed is not None:
            digest.update(self._fixed.tobytes())
        digest.update(self._people)
        return digest.hexdigest()

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior or targets, and effort, of ``windows``; see `Decoder.decode`."""
        windows = checked_windows(windows, self.spec)
        if not len(windows):
            nothing = np.empty((0, len(self.spec.decoded)), np.float32)
            return nothing, nothing[:, 0] if self.spec.effort else None
        rows = self._rows(adaptation, len(windows))
        start = time.perf_counter()
        results = self._run(windows, rows)
        self._tell_cost(len(windows), time.perf_counter() - start)
        decoded = checked_output(results[self._output.name], len(windows), self.spec)
        effort = results.get("effort")
        if effort is not None:
            if effort.shape != (len(windows),) or not math.isfinite(np.add.reduce(effort)):
                raise NeuroMotionError(
                    f"Decoder {self.spec.name!r} gave an effort that is not one finite number per window."
                )
            effort = np.minimum(np.maximum(effort, 0), 1)
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
            If the decoder needs an adaptation from a calibration run, and ``calibration`` is empty, or does not fit.
        """
        if self.spec.adaptation.kind == "none":
            return None
        if self.spec.adaptation.kind in FOLLOWS:
            return wearer_of(self, calibration).head
        if not calibration:
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} is adapted to a person ({self.spec.adaptation.kind}), "
                "but there is no calibration run."
            )
        if self.spec.adaptation.kind in ("euclidean", RUNNING):
            return euclidean_alignment(calibration, self.spec)
        if self.spec.adaptation.kind == "turned":
            return turned_adaptation(self.features, self.predict_proba, calibration, self.spec)
        fit = fit_head if self.spec.classifies else fit_target_head
        return fit(self.features, calibration, self.spec)

    def features(self, windows: np.ndarray) -> np.ndarray:
        """What the adaptation is computed from, shape (n, features); unless its kind needs none."""
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
        """Results of the graph by output."""
        feed = {self._input.name: self._input.arranged(windows, self._graph_spec)}
        if adaptation is not None:
            feed[ADAPTATION] = np.ascontiguousarray(adaptation, dtype=np.float32)
        batch = self._input.batch
        if batch is None or batch == len(windows):
            return self._arrays(run_session(self._session, self._outputs, feed, str(self.path)))
        return self._run_in_batches(feed, batch, len(windows))

    def _run_in_batches(self, feed: Mapping[str, np.ndarray], batch: int, n: int) -> dict[str, np.ndarray]:
        """Results of a graph that takes ``batch`` windows a call; the last call is filled up with the last window."""
        parts = []
        for first in range(0, n, batch):
            rows = np.minimum(np.arange(first, first + batch), n - 1)
            chunk = {name: values[rows] for name, values in feed.items()}
            parts.append(self._arrays(run_session(self._session, self._outputs, chunk, str(self.path))))
        if any(len(values) != batch for part in parts for values in part.values()):
            raise NeuroMotionError(f"{self.path} takes {batch} windows a call, but does not give {batch} results.")
        return {name: np.concatenate([part[name] for part in parts])[:n] for name in self._outputs}

    def _tell_cost(self, n: int, seconds: float) -> None:
        """Say once what it costs that the graph takes a fixed number of windows a call."""
        batch = self._input.batch
        if self._told or batch is None or n <= batch:
            return
        self._told = True
        warn(
            f"Decoder {self.spec.name!r} takes exactly {batch} {'window' if batch == 1 else 'windows'} a call: "
            f"{n} windows took {-(-n // batch)} calls, {1000 * seconds / n:.2g} ms a window. "
            "Export it with a free first dimension to decode all of them in one call."
        )

    def _arrays(self, results: Sequence[Any]) -> dict[str, np.ndarray]:
        return {
            name: self._output.values(result, self.spec) if name == self._output.name else np.asarray(result)
            for name, result in zip(self._outputs, results, strict=True)
        }


def model_file(folder: Path) -> Path:
    """The ONNX file of a decoder's folder: ``model.onnx``, or the only one.

    Raises
    ------
    NeuroMotionError
        If there is none, or there are several and none is called ``model.onnx``.
    """
    files = sorted(folder.glob("*.onnx"))
    if folder / MODEL in files or not files:
        return folder / MODEL
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise NeuroMotionError(f"{folder} holds {names}; give the path of one of them.")
    return files[0]


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


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
