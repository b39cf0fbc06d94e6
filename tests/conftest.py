"""Fixtures for all tests; numeric libraries run on one thread.

Mock recordings are read by the real readers, so this module has a small EDF+ writer.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

# Set before numpy, torch and onnxruntime are imported: many small problems run faster on one thread each,
# and their sums come out the same on every machine.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from filelock import FileLock  # noqa: E402

from neuromotion_gym.resources import DATA_VARIABLE, cache_folder  # noqa: E402
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEOPLE = ("S001", "S006", "S031", "S036", "S037", "S042", "S043")
"""People of the real EEG data set whose recordings the tests read."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests run first, so that no process waits for the other one's long file at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets in their published format; skips the test if ``NEUROMOTION_DATA`` names no folder.

    Packed data sets are unpacked into the cache first.
    """
    given = os.environ.get(DATA_VARIABLE)
    if not given or not Path(given).is_dir():
        pytest.skip(f"needs real recordings: {DATA_VARIABLE} has to name their folder, but is {given or 'not set'}")
    root = Path(given)
    if (root / "eegmmidb" / "packed").is_dir():
        script = Path(__file__).resolve().parents[1] / "benchmarks" / "unpack_data.py"
        published = cache_folder() / "data"
        published.mkdir(parents=True, exist_ok=True)
        with FileLock(published / ".lock"):  # several test processes may unpack at the same time
            runpy.run_path(str(script))["unpack"](root, published, PEOPLE)
        root = published
    os.environ[DATA_VARIABLE] = str(root)
    return root


def _edf_bytes(
    codes: np.ndarray,
    names: Sequence[str],
    rate: int,
    annotations: Sequence[tuple[float, float, str]],
    records: int | None = None,
) -> bytes:
    """EDF+ file of one-second records: int16 ``codes`` of shape (channels, seconds * rate), 1 µV a step."""
    channels, seconds = codes.shape[0], codes.shape[1] // rate
    tal_samples = 60
    labels = [*names, "EDF Annotations"]
    per_record = [rate] * channels + [tal_samples]
    fields = [
        [name.ljust(16) for name in labels],
        [" " * 80] * len(labels),
        [unit.ljust(8) for unit in ["uV"] * channels + [""]],
        [text.ljust(8) for text in ["-32768"] * channels + ["-1"]],
        [text.ljust(8) for text in ["32767"] * channels + ["1"]],
        ["-32768".ljust(8)] * len(labels),
        ["32767".ljust(8)] * len(labels),
        [" " * 80] * len(labels),
        [str(n).ljust(8) for n in per_record],
        [" " * 32] * len(labels),
    ]
    header = (
        "0".ljust(8)
        + "X X X X".ljust(80)
        + "Startdate 01-JAN-2020 X X X".ljust(80)
        + "01.01.2000.00.00"
        + str(256 * (1 + len(labels))).ljust(8)
        + "EDF+C".ljust(44)
        + str(seconds if records is None else records).ljust(8)
        + "1".ljust(8)
        + str(len(labels)).ljust(4)
        + "".join("".join(field) for field in fields)
    ).encode("ascii")
    body = []
    for second in range(seconds):
        tal = f"+{second}\x14\x14\x00"
        for onset, duration, text in annotations:
            if second <= onset < second + 1:
                tal += f"+{onset:g}\x15{duration:g}\x14{text}\x14\x00"
        body.append(codes[:, second * rate : (second + 1) * rate].astype("<i2").tobytes())
        body.append(tal.encode("ascii").ljust(2 * tal_samples, b"\0"))
    return header + b"".join(body)


@pytest.fixture(scope="session")
def edf_bytes() -> Callable[..., bytes]:
    return _edf_bytes


@pytest.fixture(scope="session")
def write_eegmmidb() -> Callable[..., Path]:
    """Write one run in the published format: padded channel names, T0/T1/T2 of 4 s, ``padding`` zeros at the end."""

    def write(
        folder: Path,
        subject: str = "S001",
        run: int = 4,
        *,
        rate: int = 160,
        trials: int = 6,
        padding: int = 0,
        drop: Sequence[str] = (),
        flat: Sequence[str] = (),
        annotations: bool = True,
        seed: int = 0,
    ) -> Path:
        from neuromotion_gym.datasets.eegmmidb.reader import channel_names

        names = [name for name in channel_names() if name not in drop]
        generator = np.random.default_rng([seed, int(subject[1:]), run])
        codes = generator.integers(-100, 100, (len(names), 4 * trials * rate))
        codes[[names.index(name) for name in flat]] = 7
        if padding:
            codes[:, -padding:] = 0
        marks = [(4.0 * i, 4.0, ("T0", "T1", "T0", "T2")[i % 4]) for i in range(trials)] if annotations else []
        path = folder / subject / f"{subject}R{run:02d}.edf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_edf_bytes(codes, [name.capitalize().ljust(4, ".") for name in names], rate, marks))
        return path

    return write


@pytest.fixture(scope="session")
def make_recording() -> Callable[..., Recording]:
    """Recording whose samples show where they come from: channel 0 is the sample's index, channel 1 the label's."""

    def make(
        labels: Sequence[str] = ("rest", "left_fist", "rest", "right_fist") * 4,
        *,
        trial: int = 400,
        modality: str = "eeg",
        rate: float = 100.0,
        has_onset: bool = True,
        subject: str = "S1",
        session: str = "0",
        run: str = "1",
        offset: float = 0.0,
        lengths: Sequence[int] | None = None,
    ) -> Recording:
        lengths = [trial] * len(labels) if lengths is None else lengths
        edges = np.cumsum([0, *lengths])
        samples = np.zeros((3, edges[-1]), np.float32)
        samples[0] = offset + np.arange(edges[-1])
        for index, label in enumerate(labels):
            samples[1, edges[index] : edges[index + 1]] = sorted(set(labels)).index(label)
        samples[2] = np.random.default_rng(len(labels)).standard_normal(edges[-1])
        spec = SignalSpec(modality, ("where", "label", "noise"), rate, "V")
        trials = tuple(
            Trial(label, int(edges[i]), int(edges[i + 1]), has_onset=has_onset) for i, label in enumerate(labels)
        )
        return Recording(samples, spec, trials, "mock", subject, session, run)

    return make


@pytest.fixture(scope="session")
def make_sessions(make_recording: Callable[..., Recording]) -> Callable[..., list[Session]]:
    """People S0, S1 ... with two runs and a separate calibration run each; channel ``where`` differs in all runs."""

    def make(people: int = 3, **options: object) -> list[Session]:
        def one(person: int, run: int) -> Recording:
            return make_recording(subject=f"S{person}", run=str(run), offset=1e5 * (3 * person + run), **options)

        return [
            Session("mock", f"S{person}", "0", (one(person, 1), one(person, 2)), (one(person, 0),))
            for person in range(people)
        ]

    return make


@pytest.fixture(scope="session")
def write_armband() -> Callable[[Path, int], Path]:
    """Write an invented armband data set in the published format: each gesture is strong in channels of its own."""

    def write(root: Path, length: int) -> Path:
        from neuromotion_gym.datasets.myo_armband import reader

        generator = np.random.default_rng(0)
        for subject in reader.SUBJECTS:
            for round_name in reader.ROUNDS:
                folder = root / "EvaluationDataset" / subject / round_name
                folder.mkdir(parents=True)
                for number in range(reader.FILES):
                    amplitude = np.full(8, 2.0)
                    if number % 7:
                        amplitude[number % 7] = 25.0
                        amplitude[(number % 7 + 3) % 8] = 12.0
                    samples = np.clip(generator.normal(size=(length, 8)) * amplitude, -128, 127)
                    samples.astype("<i2").tofile(folder / f"classe_{number}.dat")
        return root

    return write


@pytest.fixture(scope="session")
def small_armband(tmp_path_factory: pytest.TempPathFactory, write_armband: Callable[[Path, int], Path]) -> Path:
    """Folder of data sets with a short, invented armband data set."""
    return write_armband(tmp_path_factory.mktemp("data"), 160)


TRIAL_PACED = {
    "name": "whole_trials",
    "modality": "eeg",
    "dataset": "eegmmidb",
    "labels": ["rest", "left_fist", "right_fist"],
    "channels": ["Cz", "C3", "C4"],
    "rate_hz": 160.0,
    "unit": "V",
    "window": 320,
    "hop_s": 0.05,
    "pacing": "trial",
    "epoch_s": [0.0, 2.0],
    "output": "logits",
    "split": "subject",
    "licence": "CC0-1.0",
}


@pytest.fixture(scope="session")
def trial_paced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a decoder that reads epochs of two seconds; the logit of each label is the mean of one channel."""
    import yaml
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["window", "axis"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "gain"], ["logits"]),
        ],
        "mean",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", 3, 320])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [2]),
            helper.make_tensor("gain", TensorProto.FLOAT, [1], [1e6]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    folder = tmp_path_factory.mktemp("whole_trials")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"decoder": TRIAL_PACED}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def band() -> Callable[..., Recording]:
    """Recordings of an invented armband: each gesture of the shipped decoder is strong in electrodes of its own."""

    def make(
        subject: str = "P1", session: str = "a", run: str = "1", repetitions: int = 4, seconds: float = 1.0
    ) -> Recording:
        from neuromotion_gym.datasets.myo_armband.reader import LABELS, SPEC

        generator = np.random.default_rng([ord(letter) for letter in f"{subject}{session}{run}"])
        length = round(seconds * SPEC.rate_hz)
        pieces, trials = [], []
        for index in range(repetitions * len(LABELS)):
            number = index % len(LABELS)
            amplitude = np.full(8, 2.0)
            if number:
                amplitude[number % 8] = 25.0
                amplitude[(number + 3) % 8] = 12.0
            pieces.append(np.round(generator.normal(size=(8, length)) * amplitude[:, None]))
            trials.append(Trial(LABELS[number], index * length, (index + 1) * length, has_onset=False))
        samples = np.clip(np.concatenate(pieces, axis=1), -128, 127).astype(np.float32)
        return Recording(samples, SPEC, tuple(trials), "user", subject, session, run)

    return make
