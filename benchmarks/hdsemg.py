"""The networks of single instants on a real grid of electrodes: ``python benchmarks/hdsemg.py train``, then ``report``.

``train`` trains every cell of `cells` that has no result yet, about 15 minutes of one core in all, and writes one JSON
file a cell to ``results/hdsemg/trained/``; after an interruption it goes on. The settings are those of the source but
for the number of instants (2,000 an epoch), the batch and the learning rate, which differ so that so few of them
suffice.

Splits: ``instant`` is that of the source, single instants dealt at random into halves, so that neighbours of one
contraction are trained on and tested. It is no test (``overlapping-windows``). ``trial`` holds out every fifth stretch
of the same session as a whole. ``session`` trains on the first session; the second and the third one are tested.

Cells of width 0.2 compare the image layouts: ``grid``, the electrodes as they lie; ``rows``, channel by channel in the
order of their numbers, row after row, as the source reads its grid; ``columns``, the same column after column. And they
have all five folds of whole stretches (k-fold).

``finetune`` trains on the first session of two people, and goes on with that of the third one, the stem and the first
block frozen; the second session of the third person is tested. Beside it stand the network of the two people alone, and
one that was trained on the third person alone.

``shift`` tests ways to go on with the third session, whose grid lies turned, without its labels: the features of the
decoder `emg_grid_turned` with and without what its adaptation finds, and turned at random in training.

``cost`` counts parameters and multiply-accumulates and measures ONNX Runtime on one core, float32 and int8, as
processor time. Networks that were trained are taken from the cache, so that int8 can be tested beside float32.

``report`` writes ``results/hdsemg/report.md`` from all that is there; what is not there is said to be missing. All need
the extra ``train`` and the recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from neuromotion_gym.datasets.flexemg_64ch.reader import GRID, LABELS
from neuromotion_gym.decoders.calibration import CalibrationWindows, calibration_windows
from neuromotion_gym.decoders.folders import MODEL
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.onnx_session import open_session
from neuromotion_gym.decoders.recipe import Recipe, load_recipe
from neuromotion_gym.decoders.turned import untold, with_turn
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import write_text
from neuromotion_gym.resources import cache_folder
from neuromotion_gym.training.costs import cost
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.evaluation import Decisions, report
from neuromotion_gym.training.export import torch_graph
from neuromotion_gym.training.networks.hdsemg_mobilenet import MobileNet
from neuromotion_gym.training.train import train
from neuromotion_gym.training.windows.instants import training_windows

RESULTS = Path(__file__).parent / "results" / "hdsemg"
WIDTHS = (0.2, 1.0, 0.4, 0.7)
FOLDS = 5
TESTED = 60
"""Instants of each stretch that are tested."""
OF_A_PERSON = 40
"""Instants of each stretch that fine-tuning reads: 1,000 of each person."""
BAND_HZ = [20, 400]
TAPS = 65
SPLITS: dict[str, dict[str, Any]] = {
    "instant": {"per_trial": 53, "split_by": "instant", "folds": 1},
    "trial": {"per_trial": 33, "split_by": "trial", "folds": FOLDS},
    "session": {"per_trial": 27},
}
"""Options of the preparation; each gives 2,000 instants to train on."""
BATCH = 512


def numbered(order: Any) -> list[str]:
    """Names of channels."""
    return [f"emg_{number}" for number in np.ravel(order)]


ORDERS = {"grid": numbered(GRID), "numbers": numbered(np.arange(1, GRID.size + 1))}
"""Channels in the order of the electrodes on the grid, row by row, and in the order of their numbers."""


def recipe_of(
    network: str, split: str, order: str, options: dict[str, Any], data: dict[str, Any] | None = None, **training: Any
) -> Recipe:
    """Recipe of one cell; ``data`` are more options of the preparation."""
    instants = 20 if network == "hdsemg_m5" else 1
    return Recipe.model_validate(
        {
            "decoder": {
                "name": f"{network}_{split}",
                "modality": "emg",
                "dataset": "flexemg_64ch",
                "labels": list(LABELS),
                "channels": ORDERS[order],
                "rate_hz": 1000,
                "unit": "mV",
                "window": TAPS + instants - 1,
                "hop_s": 0.05,
                "output": "logits",
                "split": "overlapping-windows" if split == "instant" else split,
                "licence": "GPL-3.0",
            },
            "data": {
                "tune": None,
                "stride_s": 0.001,
                "preparation": "instants",
                "options": SPLITS[split] | (data or {}),
            },
            "network": {"name": network, "options": {"band_hz": BAND_HZ, "taps": TAPS, **options}},
            "training": {
                "epochs": 5,
                "batch": 32,
                "learning_rate": 1e-3,
                "weight_decay": 3e-4,
                "label_smoothing": 0.1,
                "schedule": "epochs",
                "decay": "all",
                "clip": None,
                **training,
            },
        }
    )


def cells() -> dict[str, Recipe]:
    """Recipe of every cell, in the order of training."""
    found = {}
    image = {"height": GRID.shape[0], "width": GRID.shape[1]}
    for width in WIDTHS:
        options = {"model_width": width, **image}
        for split in SPLITS:
            found[f"mobilenet-{width:g}-{split}"] = recipe_of("hdsemg_mobilenet", split, "grid", options)
        if width == WIDTHS[0]:
            for layout in ("rows", "columns"):
                for split in ("trial", "session"):
                    found[f"mobilenet-{width:g}-{layout}-{split}"] = recipe_of(
                        "hdsemg_mobilenet", split, "numbers", {**options, "layout": layout}
                    )
            for split in SPLITS:
                found[f"m5-{split}"] = recipe_of("hdsemg_m5", split, "grid", {}, epochs=20)
    for fold in range(1, FOLDS):  # fold 0 is that of split "trial" above
        options = {"model_width": WIDTHS[0], **image}
        found[f"mobilenet-{WIDTHS[0]:g}-fold{fold}-trial"] = recipe_of(
            "hdsemg_mobilenet", "trial", "grid", options, {"fold": fold}
        )
    return found


def decisions_of(decoder: OnnxDecoder, sessions: list[Any], recipe: Recipe, **options: Any) -> Decisions:
    """Decisions for instants of ``sessions``, each on its own."""
    windows = training_windows(recipe, sessions, **options)
    rows = np.arange(len(windows.labels))
    posterior = [decoder.predict_proba(windows.windows(rows[i : i + BATCH])) for i in range(0, len(rows), BATCH)]
    names = np.array(sorted({session.subject for session in sessions}))
    return Decisions(
        recipe.decoder.labels,
        np.concatenate(posterior),
        windows.labels,
        names[windows.people],
        windows.trials,
        np.zeros(len(rows)),
        np.zeros(len(rows), bool),
    )


def tested(recipe: Recipe, folder: Path, split: str) -> dict[str, Any]:
    """Figures of a trained cell on what its split holds out."""
    decoder = OnnxDecoder(folder)
    if split != "session":
        sessions = sessions_of(recipe, "train", calibration_apart=False)
        options = {**recipe.trainable()[0].options, "held_out": True}
        if split == "trial":
            options["per_trial"] = TESTED
        return {"held out": report(decisions_of(decoder, sessions, recipe, **options))}
    return {
        name: report(decisions_of(decoder, sessions_of(recipe, part), recipe, per_trial=TESTED))
        for name, part in (("second", "tune"), ("third", "test"))
    }


def train_cells() -> None:
    """Train and test the cells that have no result."""
    torch.set_num_threads(1)
    work = cache_folder() / "hdsemg"
    for name, recipe in cells().items():
        path = RESULTS / "trained" / f"{name}.json"
        if path.is_file():
            continue
        begin = time.process_time()
        folder = train(recipe, work / name, progress=False)
        seconds = time.process_time() - begin
        figures = {
            "recipe": recipe.model_dump(mode="json", exclude_defaults=True, exclude={"decoder": {"channels"}}),
            "training_s": round(seconds),
            "tests": tested(recipe, folder, name.rsplit("-", 1)[-1]),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(rounded(figures), indent=1) + "\n")
        shown = {key: round(one["per_window"]["balanced_accuracy"]["mean"], 3) for key, one in figures["tests"].items()}
        print(f"{name}: {shown}, {seconds:.0f} s", flush=True)


def finetune() -> None:
    """Balanced accuracy of one instant of the second session of each person, by what was trained on."""
    torch.set_num_threads(1)
    work = cache_folder() / "hdsemg"
    people = sorted(session.subject for session in sessions_of(load_decoder("emg_grid_turned").recipe(), "tune"))
    path = RESULTS / "finetuning.json"
    found: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    options = {"model_width": WIDTHS[0], "height": GRID.shape[0], "width": GRID.shape[1]}

    def trained(name: str, left_out: list[str], **training: Any) -> OnnxDecoder:
        plain = recipe_of("hdsemg_mobilenet", "session", "grid", options, {"per_trial": OF_A_PERSON}, **training)
        data = plain.trainable()[0].model_copy(update={"exclude": tuple(left_out)})
        return OnnxDecoder(train(plain.model_copy(update={"data": data}), work / name, progress=False))

    for person in people:
        if person in found:
            continue
        others = [one for one in people if one != person]
        whole = trained(f"without-{person}", [person])
        ways = {
            "two other people": whole,
            "two other people, then the own first session, stem and first block frozen": trained(
                f"tuned-{person}",
                others,
                start_from=str(whole.path.parent),
                frozen=["network.stem", "network.blocks.0"],
            ),
            "the own first session alone": trained(f"only-{person}", others),
        }
        recipe = whole.recipe()
        found[person] = {}
        for way, decoder in ways.items():
            sessions = sessions_of(recipe, "tune", subjects=[person])
            figures = report(decisions_of(decoder, sessions, recipe, per_trial=TESTED))
            found[person][way] = figures["per_window"]["balanced_accuracy"]["mean"]
        write_text(path, json.dumps(rounded(found), indent=1) + "\n")
        print(person, found[person], flush=True)


def shift() -> None:
    """Balanced accuracy on the third session, by what is known of how the grid lies."""
    decoder = load_decoder("emg_grid_turned")
    assert isinstance(decoder, OnnxDecoder)
    spec, recipe = decoder.spec, decoder.recipe()
    rows = spec.adaptation.rows
    assert rows is not None
    models = {
        "turned at random in training, by any rows": augmented(decoder, recipe, range(rows)),
        "turned at random in training, by up to four rows": augmented(decoder, recipe, range(-4, 5)),
    }
    tables: dict[str, dict[str, float]] = {}
    turns: dict[str, dict[str, Any]] = {}
    for person in (session.subject for session in sessions_of(recipe, "test")):
        first, third = (
            sessions_of(recipe, part, subjects=[person], calibration_apart=True)[-1] for part in ("train", "test")
        )
        windows = calibration_windows(third.recordings, spec)
        start = calibration_windows(third.calibration, spec)
        old, new = (
            untold(decoder.features(calibration_windows(one.calibration, spec).windows), spec) for one in (first, third)
        )
        found = decoder.adapt(third.calibration)
        assert found is not None
        turn = int(found[2, :rows].argmax())
        told = [accuracy(decoder, start, with_turn(new, one, rows)) for one in range(rows)]
        known = int(np.argmax(told))
        ways = {
            "as in the first session": old,
            "standardised anew": new,
            "turned as found, standardised as in the first session": with_turn(old, turn, rows),
            "standardised anew and turned as found (the decoder)": found,
            "standardised anew and turned by its labels": with_turn(new, known, rows),
        }
        turns[person] = {"found": turn, "by the labels of the calibration run": known}
        for name, adaptation in ways.items():
            tables.setdefault(name, {})[person] = accuracy(decoder, windows, adaptation)
        standardised = (decoder.features(windows.windows) - new[0]) * new[1]
        for name, model in models.items():
            tables.setdefault(name, {})[person] = balanced(model.predict(standardised), windows.labels)
    write_text(RESULTS / "shift.json", json.dumps(rounded({"accuracy": tables, "turns": turns}), indent=1) + "\n")


def augmented(decoder: OnnxDecoder, recipe: Recipe, turns: Any) -> Any:
    """Logistic regression on the standardised features of the first session, each under several turns."""
    spec = decoder.spec
    shape = (-1, spec.adaptation.shape[1] // len(spec.channels), spec.adaptation.rows, GRID.shape[1])
    given, labels = [], []
    for session in sessions_of(recipe, "train", calibration_apart=False):
        windows = calibration_windows(session.recordings, spec)
        features = decoder.features(windows.windows)
        own = untold(features, spec)
        grid = ((features - own[0]) * own[1]).reshape(shape)
        given += [np.roll(grid, turn, axis=2).reshape(len(grid), -1) for turn in turns]
        labels += [windows.labels] * len(turns)
    return LogisticRegression(C=0.01, max_iter=300).fit(np.concatenate(given), np.concatenate(labels))


def accuracy(decoder: OnnxDecoder, windows: CalibrationWindows, adaptation: np.ndarray) -> float:
    """Balanced accuracy under one adaptation."""
    rows = np.broadcast_to(adaptation, (len(windows.labels), *adaptation.shape))
    return balanced(decoder.predict_proba(windows.windows, rows).argmax(axis=1), windows.labels)


def balanced(decoded: np.ndarray, truth: np.ndarray) -> float:
    """Mean recall over labels."""
    return float(np.mean([(decoded[truth == label] == label).mean() for label in np.unique(truth)]))


def costs() -> None:
    """Parameters, multiply-accumulates, size and processor time of every width, float32 and int8.

    Networks of the source's size (8 × 24 pixels, 8 labels) are untrained: their cost does not depend on the weights.
    Those of the grid are the trained ones of split "session", whose accuracy on the second session is tested both ways.
    """
    torch.set_num_threads(1)
    found: dict[str, Any] = {"source": {}, "grid": {}}
    generator = torch.Generator().manual_seed(0)
    for width in sorted(WIDTHS):
        network = MobileNet(1, 8, 24, 8, width).eval()
        graph = torch_graph(network, (torch.randn(2, 1, 8, 24, generator=generator),), ["logits"])
        found["source"][f"{width:g}"] = {
            **cost(network, (torch.zeros(1, 1, 8, 24),))._asdict(),
            "float32": times(graph, (1, 8, 24)),
            "int8": times(int8(graph, [np.random.default_rng(0).normal(size=(256, 1, 8, 24))]), (1, 8, 24)),
        }
        folder = cache_folder() / "hdsemg" / f"mobilenet-{width:g}-session"
        if (folder / MODEL).is_file():
            found["grid"][f"{width:g}"] = both_ways(folder)
        write_text(RESULTS / "costs.json", json.dumps(rounded(found), indent=1) + "\n")


def both_ways(folder: Path) -> dict[str, Any]:
    """Accuracy of a trained network on instants of the second session, float32 and int8."""
    recipe = load_recipe(folder)
    graph = (folder / MODEL).read_bytes()
    train_part, tune_part = (
        training_windows(recipe, sessions_of(recipe, part), per_trial=number)
        for part, number in (("train", 4), ("tune", 20))
    )
    given = [train_part.windows(np.arange(len(train_part.labels)))]
    windows = tune_part.windows(np.arange(len(tune_part.labels)))
    result = {}
    for name, content in (("float32", graph), ("int8", int8(graph, given))):
        session = open_session(content, name)
        logits = session.run(None, {session.get_inputs()[0].name: windows})[0]
        result[name] = {"accuracy": balanced(logits.argmax(1), tune_part.labels), "bytes": len(content)}
    return result


def int8(graph: bytes, given: list[np.ndarray]) -> bytes:
    """The graph with weights and activations of eight bits, whose ranges are found on ``given``."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Given(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self.rows = iter([{name: one.astype(np.float32)} for one in given])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.rows, None)

    with TemporaryDirectory() as place:
        plain, prepared, small = (Path(place) / name for name in ("plain.onnx", "prepared.onnx", "small.onnx"))
        plain.write_bytes(graph)
        quant_pre_process(str(plain), str(prepared))
        name = open_session(graph, "network").get_inputs()[0].name
        quantize_static(str(prepared), str(small), Given(name), quant_format=QuantFormat.QDQ, per_channel=True)
        return small.read_bytes()


def times(graph: bytes, shape: tuple[int, ...]) -> dict[str, float]:
    """Bytes, and milliseconds of processor time for one image and each of 256; the least of some runs."""
    session = open_session(graph, "network")
    name = session.get_inputs()[0].name
    found: dict[str, float] = {"bytes": len(graph)}
    for batch, repeats in ((1, 300), (256, 12)):
        images = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)
        spent = []
        for _ in range(repeats + 1):
            begin = time.process_time()
            session.run(None, {name: images})
            spent.append(time.process_time() - begin)
        found[f"ms_an_image_batch_{batch}"] = 1e3 * min(spent[1:]) / batch
    return found


def write_report() -> None:
    """The tables, from all results that are there."""
    lines = ["# Networks of single instants on a grid of electrodes", ""]
    lines += [
        "Written by `python benchmarks/hdsemg.py report`. Balanced accuracy, five labels, chance 0.2; three people."
    ]
    lines += ["Intervals are over people (bootstrap-t). `instant` leaks: it is the source's split, and no test.", ""]
    lines += [
        "| network | split | tested | one instant | whole stretch of 1.5 s | instants |",
        "|---|---|---|---|---|---|",
    ]
    for name in cells():
        path = RESULTS / "trained" / f"{name}.json"
        if not path.is_file():
            lines.append(f"| {name} | | | missing | missing | |")
            continue
        for tested_on, one in json.loads(path.read_text(encoding="utf-8"))["tests"].items():
            shown = (interval(one[each]["balanced_accuracy"]) for each in ("per_window", "per_trial"))
            network, split = name.rsplit("-", 1)
            lines.append(f"| {network} | {split} | {tested_on} | {' | '.join(shown)} | {one['windows']} |")
    lines += ["", *fold_lines(), *finetuning_lines()]
    path = RESULTS / "shift.json"
    if path.is_file():
        shifted = json.loads(path.read_text(encoding="utf-8"))
        people = list(shifted["turns"])
        lines += ["", "## Third session, grid turned, windows of 0.264 s, without its labels", ""]
        lines += [f"| features of `emg_grid_turned` | {' | '.join(people)} | mean |", "|---" * (len(people) + 2) + "|"]
        for way, values in shifted["accuracy"].items():
            each = [values[person] for person in people]
            lines.append(f"| {way} | {' | '.join(f'{one:.3f}' for one in each)} | {np.mean(each):.3f} |")
        found = ", ".join(f"{person} {turn['found']}" for person, turn in shifted["turns"].items())
        lines += ["", f"Rows by which the grid is found to be turned: {found}."]
    path = RESULTS / "costs.json"
    if path.is_file():
        lines += ["", "## Cost", "", *cost_table(json.loads(path.read_text(encoding="utf-8")))]
    write_text(RESULTS / "report.md", "\n".join(lines) + "\n")


def fold_lines() -> list[str]:
    """A line on all folds of whole stretches."""
    first = f"mobilenet-{WIDTHS[0]:g}"
    paths = [RESULTS / "trained" / f"{first}{'' if fold == 0 else f'-fold{fold}'}-trial.json" for fold in range(FOLDS)]
    if not all(path.is_file() for path in paths):
        return ["Folds of whole stretches: missing.", ""]
    tests = [json.loads(path.read_text(encoding="utf-8"))["tests"]["held out"] for path in paths]
    shown = []
    for each in ("per_window", "per_trial"):
        values = [one[each]["balanced_accuracy"]["mean"] for one in tests]
        shown.append(f"{np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})")
    instants = sum(one["windows"] for one in tests)
    what = f"{FOLDS} folds of whole stretches, {first}"
    return [f"{what}: one instant {shown[0]}, whole stretch {shown[1]}; {instants:,} instants.", ""]


def finetuning_lines() -> list[str]:
    """The table of fine-tuning."""
    path = RESULTS / "finetuning.json"
    if not path.is_file():
        return ["Fine-tuning: missing."]
    found = json.loads(path.read_text(encoding="utf-8"))
    lines = ["## Fine-tuning", "", "Balanced accuracy of one instant of the second session, width 0.2.", ""]
    lines += [f"| trained on | {' | '.join(found)} | mean |", "|---" * (len(found) + 2) + "|"]
    for way in next(iter(found.values())):
        values = [one[way] for one in found.values()]
        lines.append(f"| {way} | {' | '.join(f'{value:.3f}' for value in values)} | {np.mean(values):.3f} |")
    return lines


def cost_table(found: dict[str, Any]) -> list[str]:
    """Rows of the table of costs."""
    lines = ["8 × 24 pixels, 8 labels; milliseconds of processor time of ONNX Runtime for each image, one thread.", ""]
    lines += [
        "| width | parameters | MACs | with batch norms | float32: one | in 256 | int8: one | in 256 | bytes, int8 |"
    ]
    lines += ["|---" * 9 + "|"]
    for width, one in found["source"].items():
        spent = [f"{one[kind][f'ms_an_image_batch_{n}']:.3f}" for kind in ("float32", "int8") for n in (1, 256)]
        sizes = f"{one['float32']['bytes']:,}, {one['int8']['bytes']:,}"
        counts = [f"{one[name]:,}" for name in ("parameters", "multiply_accumulates", "with_norms")]
        lines.append(f"| {' | '.join([width, *counts, *spent, sizes])} |")
    for width, one in found["grid"].items():
        plain, small = (one[kind]["accuracy"] for kind in ("float32", "int8"))
        lines += ["", f"Width {width} on the second session: float32 {plain:.3f}, int8 {small:.3f}."]
    return lines


def interval(value: dict[str, float | None]) -> str:
    """A mean and its interval."""
    if value["low"] is None or value["high"] is None:
        return f"{value['mean']:.3f}"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def rounded(value: Any) -> Any:
    """Figures with four decimal places."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "finetune", "shift", "cost", "report"])
    commands = {"train": train_cells, "finetune": finetune, "shift": shift, "cost": costs, "report": write_report}
    commands[parser.parse_args().what]()


if __name__ == "__main__":
    main()
