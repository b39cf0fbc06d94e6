"""All artefacts of the source system "EMG CNN-LSTM": ``python benchmarks/emg_cnn_lstm.py COMMAND``.

=========== =================================================================================================
``explore`` the table: damaged cells, statistics, box plots before and after standardising, scatter of every
            channel against the label, correlations, ``preprocessed.csv``
``curves``  loss and accuracy after every epoch, of the published split and of blocks held out, from ``history.json``
``keras``   ``model.h5`` in the folder of a decoder with this network
``figures`` the figure of the published split beside that of blocks held out, and simple classifiers beside both
=========== =================================================================================================

``neuromotion train docs/systems/emg_cnn_lstm_published.yaml --out FOLDER`` trains as published; ``curves`` and
``figures`` compare that folder with the shipped decoder, and ``keras`` writes into it: ``--decoder FOLDER``. The page
docs/systems/emg_cnn_lstm.md has the whole list. Figures go to ``results/emg_cnn_lstm.json`` and the page, pictures and
``preprocessed.csv`` to the folder ``--out``; the latter is not in this repository, since the table has no licence.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.datasets.emg_arm_table.reader import (
    BLOCKS,
    CHANNELS,
    HIGHEST,
    LABELS,
    distinct_rows,
    read_table,
    table_file,
)
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import make_folder, replacing, write_text
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.table_steps import ClipPercentiles, Standardise, Winsorise, YeoJohnson, fitted_chain
from neuromotion_gym.statistics import studentised_bootstrap_interval
from neuromotion_gym.training.data import ChosenWindows, CutWindows, sessions_of
from neuromotion_gym.training.history import HISTORY
from neuromotion_gym.training.metrics_file import read_metrics
from neuromotion_gym.training.overlapping import decide_overlapping, split_at_random
from neuromotion_gym.training.preparations import prepared_windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "systems" / "emg_cnn_lstm.md"
RESULT = ROOT / "benchmarks" / "results" / "emg_cnn_lstm.json"
BEGIN, END = "<!-- made by benchmarks/emg_cnn_lstm.py figures -->", "<!-- end -->"
BLOCKED = "emg_cnn_lstm"
"""The shipped decoder, for which blocks are held out."""
STRETCH = 50
"""Rows of a stretch: windows in one overlap or are neighbours, so that the interval takes stretches, not windows."""
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
COLOURS = dict(zip(CHANNELS, (BLUE, ORANGE, GREEN), strict=True))


def explore(root: Path, out: Path) -> None:
    """Write statistics, pictures and the preprocessed table."""
    from matplotlib.figure import Figure

    table = read_table(table_file(root))
    values, labels, kept = distinct_rows(table)
    standard = Standardise().fit(values).transform(values)
    chain = {"clip": ClipPercentiles(1, 99), "power": YeoJohnson(), "ends": Winsorise(0.05)}
    prepared = fitted_chain(chain, values)
    codes = np.unique(labels, return_inverse=True)[1]
    make_folder(out)

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, (title, shown) in zip(
        figure.subplots(1, 3),
        (("counts", values), ("standardised", standard), ("preprocessed", prepared)),
        strict=True,
    ):
        _boxes(axes, title, shown)
    _save(figure, out / "emg_arm_table_boxes.png")

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    generator = np.random.default_rng(0)
    names = sorted(LABELS)
    for axes, (channel, column) in zip(
        figure.subplots(1, 3, sharey=True), zip(CHANNELS, prepared.T, strict=True), strict=True
    ):
        axes.scatter(column, codes + generator.uniform(-0.3, 0.3, len(codes)), s=2, color=COLOURS[channel], alpha=0.4)
        axes.set_xlabel(f"{channel}, preprocessed")
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        axes.set_title(f"correlation with the code {np.corrcoef(column, codes)[0, 1]:.3f}", fontsize=9)
    _save(figure, out / "emg_arm_table_scatter.png")

    everything = np.column_stack([prepared, codes])
    correlations = np.corrcoef(everything.T)
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(correlations, vmin=-1, vmax=1, cmap="RdBu_r")
    words = [*CHANNELS, "label code"]
    axes.set_xticks(range(4), words, rotation=20)
    axes.set_yticks(range(4), words)
    for row, column in np.ndindex(4, 4):
        value = correlations[row, column]
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
    figure.colorbar(picture, ax=axes, label="correlation")
    _save(figure, out / "emg_arm_table_correlations.png")

    with replacing(out / "preprocessed.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["", *CHANNELS, "label"])
        writer.writerows([int(kept[i]), *prepared[i], int(codes[i])] for i in range(len(kept)))
    whole = table.values[np.isfinite(table.values).all(axis=1)]
    print(f"rows {len(table.values)}, cells with NUL bytes {table.nul_cells}, missing values {table.missing_cells}")
    print(f"duplicates {len(table.values) - len(values)}, rows left {len(values)}")
    rails = [np.isin(some, (0, HIGHEST)).mean() for some in (whole, values)]
    print(f"values at 0 or {HIGHEST}: {rails[0]:.3f}, of distinct rows {rails[1]:.3f}")
    for name, count in zip(*np.unique(labels, return_counts=True), strict=True):
        print(f"{name}: {int((table.labels == name).sum())} rows, {count} distinct")
    print("channel, mean, sd, quartiles of distinct rows; correlation with the label code after preprocessing")
    for channel, raw, column in zip(CHANNELS, values.T, prepared.T, strict=True):
        quartiles = ", ".join(f"{value:.0f}" for value in np.percentile(raw, (25, 50, 75)))
        print(f"{channel}: {raw.mean():.1f}, {raw.std():.1f}, {quartiles}; {np.corrcoef(column, codes)[0, 1]:.6f}")
    print(f"pictures and preprocessed.csv are in {out}")


def _boxes(axes: Axes, title: str, values: np.ndarray) -> None:
    boxes = axes.boxplot(values, tick_labels=list(CHANNELS), patch_artist=True, medianprops={"color": "black"})
    for box, channel in zip(boxes["boxes"], CHANNELS, strict=True):
        box.set_facecolor(COLOURS[channel])
        box.set_alpha(0.6)
    axes.set_title(title)


def curves(published: Path, out: Path) -> None:
    """Draw loss and accuracy of the decoder in ``published`` and of the shipped one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col")
    titles = {published: "windows set aside at random (leaks)", decoder_folder(BLOCKED): "blocks held out"}
    for column, (folder, title) in enumerate(titles.items()):
        rows = json.loads((folder / HISTORY).read_text(encoding="utf-8"))[0]
        epochs = [row["epoch"] for row in rows]
        for row, (value, word) in enumerate((("accuracy", "share right"), ("loss", "cross-entropy"))):
            axes[row, column].plot(epochs, [one[value] for one in rows], color=BLUE, label="trained on, with dropout")
            axes[row, column].plot(epochs, [one[f"tune_{value}"] for one in rows], color=ORANGE, label="held out")
            axes[row, column].set_ylabel(word)
        axes[0, column].set_ylim(0, 1)
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel("epoch")
    axes[0, 0].legend(loc="lower right")
    _save(figure, out / "emg_cnn_lstm_curves.png")


def keras(folder: Path) -> None:
    """Write the network in ``folder`` as a Keras model, ``model.h5``, beside it."""
    from neuromotion_gym.training.keras_file import write_keras
    from neuromotion_gym.training.networks.cnn_lstm import CnnLstm
    from neuromotion_gym.training.train import load_network

    network = load_network(folder)
    assert isinstance(network, CnnLstm)
    spec = load_recipe(folder).decoder
    write_keras(folder / "model.h5", network.keras_layers(), (spec.window, len(spec.channels)))
    print(folder / "model.h5")


def figures(published: Path, root: Path) -> None:
    """Write the figure of each split with its interval, and simple classifiers on the same blocks."""
    recipe = load_recipe(published)
    decisions = decide_overlapping(load_decoder(published), recipe, root=root)
    right = decisions.posterior.argmax(axis=1) == decisions.truth
    data, _, _ = recipe.trainable()
    assert data.overlapping is not None
    windows = prepared_windows(recipe, sessions_of(recipe, data.train, root=root, calibration_apart=False))
    assert isinstance(windows, CutWindows)
    trained, aside = split_at_random(windows, data.overlapping)
    stretches = aside.trials * 1000 + windows.where[aside.rows, 1] // STRETCH
    found: dict[str, Any] = {
        "published": {"accuracy": 0.9798, "epochs": 250, "loss": 0.0766},
        "overlapping": {
            **_interval(np.array([right[stretches == one].mean() for one in np.unique(stretches)])),
            "accuracy": float(right.mean()),
            "windows": len(right),
            "epochs": len(json.loads((published / HISTORY).read_text(encoding="utf-8"))[0]),
            "share_with_rows_trained_on": _shared(windows, trained, aside),
        },
        "simple": _simple(root),
    }
    metrics = read_metrics(decoder_folder(BLOCKED))
    if "folds" in metrics:
        found["blocks"] = metrics["folds"]["per_window"]
    if "test" in metrics.get("parts", {}):
        found["test_block"] = metrics["parts"]["test"]["per_window"]["balanced_accuracy"]["mean"]
    write_text(RESULT, json.dumps(_rounded(found), indent=1) + "\n")
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    write_text(PAGE, before + "\n".join([BEGIN, "", *_table(found), "", after]))


def _interval(values: np.ndarray) -> dict[str, float]:
    interval = studentised_bootstrap_interval(values, generator=np.random.default_rng(0), bounds=(0, 1))
    return {"mean": float(values.mean()), "low": interval.low, "high": interval.high, "units": len(values)}


def _shared(windows: CutWindows, trained: ChosenWindows, aside: ChosenWindows) -> float:
    """Share of the windows set aside all of whose rows are in windows that are trained on."""
    length = windows.length
    seen = np.zeros(int(windows.where[:, 1].max()) + length + 1, bool)
    for start in windows.where[trained.rows, 1]:
        seen[start : start + length] = True
    return float(np.mean([seen[start : start + length].all() for start in windows.where[aside.rows, 1]]))


def _simple(root: Path) -> dict[str, Any]:
    """Balanced accuracy of classifiers without a network, each block held out in turn: of distinct and of all rows."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.metrics import balanced_accuracy_score

    table = read_table(table_file(root))
    values, labels, _ = distinct_rows(table)
    everything = np.where(np.isnan(table.values), 0.0, table.values)
    classifiers: dict[str, tuple[np.ndarray, np.ndarray, int, Callable[[], Any]]] = {
        "shrinkage LDA, 10 distinct rows": (
            values,
            labels,
            10,
            lambda: LinearDiscriminantAnalysis("lsqr", shrinkage="auto"),
        ),
        "random forest, 10 distinct rows": (
            values,
            labels,
            10,
            lambda: RandomForestClassifier(60, min_samples_leaf=5, random_state=0),
        ),
        "shrinkage LDA, 20 rows": (
            everything,
            table.labels,
            20,
            lambda: LinearDiscriminantAnalysis("lsqr", shrinkage="auto"),
        ),
        "gradient boosting, 20 rows": (
            everything,
            table.labels,
            20,
            lambda: HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0),
        ),
    }
    found = {}
    for name, (rows, names, length, classifier) in classifiers.items():
        features, truth, block = _features(rows, names, length)
        scores = []
        for number in range(len(BLOCKS)):
            held = block == number
            fitted = classifier().fit(features[~held], truth[~held])
            scores.append(balanced_accuracy_score(truth[held], fitted.predict(features[held])))
        found[name] = _interval(np.array(scores))
    return found


def _features(values: np.ndarray, labels: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of windows inside the blocks of each movement, their labels and blocks.

    Of log(1 + count): mean, standard deviation and mean step of each channel; mean distance of two channels, and the
    share of rows in which they are equal; share of crossings of the middle of the range.
    """
    features, truth, blocks = [], [], []
    pairs = ((0, 1), (0, 2), (1, 2))
    for code, label in enumerate(LABELS):
        for number, stretch in enumerate(np.array_split(values[labels == label], len(BLOCKS))):
            windows = np.lib.stride_tricks.sliding_window_view(stretch, length, axis=0)[:: length // 10]
            level = np.log1p(windows)
            crossings = np.diff(np.sign(windows - HIGHEST / 2), axis=2) != 0
            columns = [level.mean(2), level.std(2), np.abs(np.diff(level, axis=2)).mean(2), crossings.mean(2)]
            columns += [np.abs(level[:, i] - level[:, j]).mean(1)[:, None] for i, j in pairs]
            columns += [(windows[:, i] == windows[:, j]).mean(1)[:, None] for i, j in pairs]
            features.append(np.concatenate(columns, axis=1))
            truth += [code] * len(windows)
            blocks += [number] * len(windows)
    return np.concatenate(features), np.array(truth), np.array(blocks)


def _table(found: dict[str, Any]) -> list[str]:
    """Rows of the page."""
    author, over = found["published"], found["overlapping"]
    low, high, stretches = over["low"], over["high"], f"{over['units']} stretches of {STRETCH} rows"
    lines = [
        "| split | decoder | figure | 95 % interval, over | chance |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows = [
        ("windows at random, **leaks**", "the author's", author, "not given"),
        ("`overlapping-windows`, **leaks**", "the same, trained here", over, f"{low:.3f} to {high:.3f}, {stretches}"),
    ]
    for split, whose, one, interval in rows:
        epochs = one["epochs"]
        lines.append(f"| {split} | {whose}, {epochs} epochs | accuracy {one['accuracy']:.3f} | {interval} | 0.205 |")
    if "blocks" in found:
        score = found["blocks"]["balanced_accuracy"]
        lines.append(
            f"| `block`, five folds | `{BLOCKED}` | balanced accuracy {score['mean']:.3f} | {score['low']:.3f} to "
            f"{score['high']:.3f}, {found['blocks']['people']} blocks | {found['blocks']['chance']['mean']:.3f} |"
        )
    for name, score in found["simple"].items():
        lines.append(
            f"| `block`, five folds | {name} | balanced accuracy {score['mean']:.3f} | {score['low']:.3f} to "
            f"{score['high']:.3f}, {score['units']} blocks | 0.167 |"
        )
    return lines


def _save(figure: Any, path: Path) -> None:
    make_folder(path.parent)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


def main() -> None:
    """Read the command line and run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("explore", "curves", "keras", "figures"))
    parser.add_argument("--data", type=Path, help="folder of the data sets; NEUROMOTION_DATA if left out")
    parser.add_argument("--out", type=Path, default=Path("emg_arm_table"), help="folder for explore and curves")
    parser.add_argument("--decoder", type=Path, help="folder of the decoder that was trained as published")
    given = parser.parse_args()
    if given.command == "explore":
        explore(data_root(given.data), given.out)
    elif given.decoder is None:
        parser.error(f"{given.command} needs --decoder FOLDER")
    elif given.command == "curves":
        curves(given.decoder, given.out)
    elif given.command == "keras":
        keras(given.decoder)
    else:
        figures(given.decoder, data_root(given.data))


if __name__ == "__main__":
    main()
