"""All artefacts of the source system "EEG to hand": ``python benchmarks/eeg_hand.py COMMAND``.

=========== =================================================================================================
``train``   the network as published and on regressed recordings, both in fewer epochs than published, into
            ``--work``; the shipped decoder is trained by ``neuromotion train`` from its own recipe
``splits``  the range of splits that the source tried, 30/15/15 to 90/5/5 per cent, on fewer people and epochs
``figures`` figures of every split under every condition, classification reports, pictures, the table of the page
=========== =================================================================================================

Figures go to ``results/eeg_hand.json`` and the page docs/systems/eeg_hand.md, pictures to docs/images. Needs the extra
``train`` and the recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit import conditions as cond
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import Recipe, TrialsAside, load_recipe
from neuromotion_gym.files import make_folder, replacing, write_text
from neuromotion_gym.training.data import people_of, sessions_of
from neuromotion_gym.training.evaluation import Decisions, confusion, decide, summary
from neuromotion_gym.training.export import export_onnx
from neuromotion_gym.training.history import HISTORY
from neuromotion_gym.training.metrics_file import read_metrics, write_metrics
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.report import write_card
from neuromotion_gym.training.train import load_network, train
from neuromotion_gym.training.trials_aside import decide_trials_aside, split_trials

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Session

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "systems" / "eeg_hand.md"
PUBLISHED = ROOT / "docs" / "systems" / "eeg_hand_published.yaml"
RESULT = ROOT / "benchmarks" / "results" / "eeg_hand.json"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- made by benchmarks/eeg_hand.py figures -->", "<!-- end -->"
SHIPPED, DATASET = "eeg_cnn_transformer", "eegmmidb"
LATE_S = (2.0, 4.1)
"""Epoch under ``regressed_late``; the network takes any length."""
STRETCHED = 656
"""Samples of the source's ONNX file, to which its tests stretch an epoch of 497."""
SPLITS = ((0.30, 0.15, 0.15), (0.50, 0.10, 0.10), (0.70, 0.15, 0.15), (0.81, 0.09, 0.10), (0.90, 0.05, 0.05))
"""Trained on, tested, tuned with: shares of the trials. The source names the first and the last; where they do not sum
to 1, they are taken as proportions of all trials."""
TITLES = {
    "recorded": "as recorded",
    "regressed": "eyes regressed out",
    "regressed_late": "eyes regressed out, 2.0 to 4.1 s",
    "slow": "below 4 Hz",
    "fast": "above 4 Hz",
}
BLUE, ORANGE = "#0072B2", "#D55E00"


def recipe_of(source: Path, name: str, epochs: int, **changes: Any) -> Recipe:
    """A recipe in ``epochs`` epochs, the learning rate a tenth in the last quarter; ``changes`` of its ``decoder``."""
    recipe = load_recipe(source)
    _, _, training = recipe.trainable()
    decoder = recipe.decoder.model_copy(update={"name": name, **changes})
    shorter = training.model_copy(update={"epochs": epochs, "milestones": (max(1, epochs * 3 // 4),)})
    return recipe.model_copy(update={"decoder": decoder, "training": shorter})


def train_all(work: Path, epochs: int) -> None:
    """Train as published, and on regressed recordings."""
    own = decoder_folder(SHIPPED)
    train(recipe_of(PUBLISHED, f"{SHIPPED}_published", epochs), work / "published", progress=False)
    regressed = recipe_of(own, f"{SHIPPED}_regressed", epochs, ocular="regress")
    train(regressed, work / "regressed", progress=False)


def splits(work: Path, people: int, epochs: int) -> None:
    """Train and test on shares of the trials of the first ``people``; what is done already is kept."""
    target = work / "splits.json"
    rows: list[dict[str, Any]] = json.loads(target.read_text()) if target.is_file() else []
    everybody = people_of(load_recipe(PUBLISHED), "all")
    for trained, test, tune in SPLITS:
        if any(row["trained"] == trained for row in rows):
            continue
        share = trained + test + tune
        base = recipe_of(PUBLISHED, f"{SHIPPED}_split", epochs)
        data, _, _ = base.trainable()
        aside = TrialsAside(tune=tune / share, test=test / share, seed=42)
        left_out = tuple(everybody)[people:]
        recipe = base.model_copy(update={"data": data.model_copy(update={"trials_aside": aside, "exclude": left_out})})
        folder = train(recipe, work / f"split_{round(100 * trained)}", progress=False)
        right = _right(decide_trials_aside(OnnxDecoder(folder), recipe))
        rows.append({"trained": trained, "test": test, "tune": tune, "share": float(right.mean()), "n": len(right)})
        write_text(target, json.dumps(rows) + "\n")
        print(rows[-1], flush=True)


def _right(decisions: Decisions) -> np.ndarray:
    return np.asarray(decisions.posterior.argmax(axis=1) == decisions.truth)


def _late(folder: Path, work: Path) -> Path:
    """The decoder in ``folder`` with the same weights and the later epoch."""
    recipe = load_recipe(folder)
    length = round((LATE_S[1] - LATE_S[0]) * recipe.decoder.rate_hz) + 1
    return _exported(folder, work / f"{folder.name}_late", {"epoch_s": LATE_S, "window": length}, length)


def _stretched(folder: Path, work: Path) -> Path:
    """The decoder in ``folder`` with the same weights, its epochs stretched to the longer window."""
    return _exported(folder, work / f"{folder.name}_{STRETCHED}", {"resample_to": STRETCHED}, STRETCHED)


def _exported(folder: Path, out: Path, changes: dict[str, Any], length: int) -> Path:
    import yaml

    spec = load_recipe(folder).decoder
    make_folder(out)
    graph = spec.model_copy(update={"window": length, "pacing": "sliding", "epoch_s": None})
    export_onnx(load_network(folder), graph, out / "model.onnx")
    fields = spec.model_copy(update=changes).model_dump(mode="json", exclude_defaults=True)
    write_text(out / "recipe.yaml", yaml.safe_dump({"decoder": fields}, sort_keys=False))
    return out


def _in_conditions(folder: Path, work: Path, part: str = "test") -> dict[str, Decisions]:
    """Decisions on the people of a part under every condition."""
    whole, late = OnnxDecoder(folder), OnnxDecoder(_late(folder, work))

    def pick(session: Session, condition: str) -> Decoder:
        return late if condition == "regressed_late" else whole

    return cond.decide_in_conditions({"it": pick}, DATASET, part, conditions=tuple(TITLES))["it"]  # type: ignore[arg-type]


def _real(folder: Path) -> Decisions:
    """Decisions on the real movements of the five people who have them, all three runs."""
    sessions = load_sessions(DATASET, "test", session_kind="real", calibration_apart=False)
    return decide(OnnxDecoder(folder), sessions)


def _figure(decisions: Decisions) -> dict[str, Any]:
    found = summary(decisions)
    right = _right(decisions)
    return {**found["balanced_accuracy"], "people": found["people"], "share": float(right.mean()), "n": len(right)}


def _per_class(decisions: Decisions) -> dict[str, Any]:
    """Precision, recall and F1 of each label, as scikit-learn's report."""
    counts = confusion(decisions)
    found = {}
    for index, label in enumerate(decisions.labels):
        hit = counts[index, index]
        precision, recall = hit / max(1, counts[:, index].sum()), hit / max(1, counts[index].sum())
        f1 = 2 * precision * recall / max(1e-12, precision + recall)
        found[label] = {"precision": precision, "recall": recall, "f1": f1, "n": int(counts[index].sum())}
    return found


def figures(work: Path) -> None:
    """Write figures, pictures and the table."""
    shipped, published, regressed = decoder_folder(SHIPPED), work / "published", work / "regressed"
    honest = _in_conditions(shipped, work)
    learned = _in_conditions(regressed, work)
    aside = decide_trials_aside(OnnxDecoder(published), load_recipe(published))
    stretched = cond.joined([decide(OnnxDecoder(_stretched(shipped, work)), [one]) for one in _people(shipped)])
    real = {"published": _real(published), "honest": _real(shipped)}
    found: dict[str, Any] = {
        "epochs": {name: len(_curves(folder)) for name, folder in _folders(work).items()},
        "windows": _counts(published),
        "published": {
            "other_trials": _figure(aside),
            "real_movements": _figure(real["published"]),
            "per_class": _per_class(aside),
            "per_class_real": _per_class(real["published"]),
        },
        "honest": {one: _figure(decisions) for one, decisions in honest.items()},
        "honest_per_class": _per_class(honest["recorded"]),
        "honest_stretched": _figure(stretched),
        "honest_real": _figure(real["honest"]),
        "regressed": {one: _figure(decisions) for one, decisions in learned.items()},
    }
    if (work / "splits.json").is_file():
        found["splits"] = json.loads((work / "splits.json").read_text())
    found = _rounded(found)
    write_text(RESULT, json.dumps(found, indent=1) + "\n")
    _draw_curves(work)
    _draw_confusions(
        {
            "as published:\nother trials, same people": aside,
            "as published:\nreal movements, same people": real["published"],
            "\npeople never seen": honest["recorded"],
            "\npeople never seen, above 4 Hz": honest["fast"],
        }
    )
    if "splits" in found:
        _draw_splits(found["splits"])
    metrics = read_metrics(shipped)
    metrics["conditions"] = {"test": {one: _rounded(cond.figures(decisions, [])) for one, decisions in honest.items()}}
    write_card(shipped, write_metrics(shipped, metrics))
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    write_text(PAGE, before + "\n".join([BEGIN, "", *_table(found), "", after]))


def _people(folder: Path) -> list[Session]:
    return sessions_of(load_recipe(folder), "test", calibration_apart=True)


def _folders(work: Path) -> dict[str, Path]:
    return {"honest": decoder_folder(SHIPPED), "published": work / "published", "regressed": work / "regressed"}


def _curves(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / HISTORY).read_text(encoding="utf-8"))[0]
    return rows


def _counts(folder: Path) -> dict[str, int]:
    """Epochs that are trained on, tuned with and tested, and of all trials."""
    recipe = load_recipe(folder)
    data, _, _ = recipe.trainable()
    assert data.trials_aside is not None
    sessions = sessions_of(recipe, data.train, calibration_apart=False)
    parts = split_trials(prepared_windows(recipe, sessions), data.trials_aside)
    shown = [trial for session in sessions for one in session.recordings for trial in one.trials]
    cued = sum(trial.label in recipe.decoder.labels for trial in shown)
    return {**dict(zip(("train", "tune", "test"), (len(part.rows) for part in parts), strict=True)), "cued": cued}


def _table(found: dict[str, Any]) -> list[str]:
    """Rows of the page."""
    epochs, published = found["epochs"], found["published"]
    other = published["other_trials"]
    said = f"Trained for {epochs['published']} epochs instead of 100. Balanced accuracy, mean over people with a 95 % "
    lines = [
        said + "interval over people; chance 0.5.",
        "",
        "| trained on | tested on | balanced accuracy | share right |",
        "| --- | --- | --- | --- |",
        f"| 81 % of the trials of 79 people, **same people** | 9 %, other trials | {_cell(other)} |",
        f"| the same | real movements of S001 to S005 | {_cell(published['real_movements'])} |",
        f"| 59 people, as recorded | 15 people never seen | {_cell(found['honest']['recorded'])} |",
        f"| the same | the same, epochs stretched to 656 samples | {_cell(found['honest_stretched'])} |",
        f"| the same | real movements of S001 to S005, never seen | {_cell(found['honest_real'])} |",
        "",
        "| 15 people never seen | trained as recorded | trained on regressed recordings |",
        "| --- | --- | --- |",
    ]
    for one, title in TITLES.items():
        lines.append(f"| {title} | {_interval(found['honest'][one])} | {_interval(found['regressed'][one])} |")
    lines += ["", "| label | precision | recall | F1 | trials |", "| --- | --- | --- | --- | --- |"]
    for title, key in (
        ("other trials, same people", published["per_class"]),
        ("never seen", found["honest_per_class"]),
    ):
        for label, row in key.items():
            numbers = f"{row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['n']}"
            lines.append(f"| {label.replace('_', ' ')}, {title} | {numbers} |")
    return lines


def _interval(figure: dict[str, Any]) -> str:
    return f"{figure['mean']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _cell(figure: dict[str, Any]) -> str:
    return f"{_interval(figure)} | {figure['share']:.3f} of {figure['n']}"


def _draw_curves(work: Path) -> None:
    from matplotlib.figure import Figure

    titles = {
        "published": "other trials held out (same people)",
        "honest": "other people held out",
        "regressed": "other people, eyes regressed out",
    }
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots(2, 3, sharey="row", sharex=True)
    for column, (name, title) in enumerate(titles.items()):
        rows = _curves(_folders(work)[name])
        epochs = [row["epoch"] for row in rows]
        for row, (value, word) in enumerate((("accuracy", "share right"), ("loss", "cross-entropy"))):
            plot = axes[row, column]
            plot.plot(epochs, [one[value] for one in rows], "o-", color=BLUE, label="trained on, with dropout")
            plot.plot(epochs, [one[f"tune_{value}"] for one in rows], "s-", color=ORANGE, label="held out")
            if column == 0:
                plot.set_ylabel(word)
        axes[0, column].set_ylim(0.45, 1)
        axes[0, column].set_title(title, fontsize=10)
        axes[1, column].set_xlabel("epoch")
        axes[1, column].set_xticks(epochs)
    axes[0, 0].legend(loc="upper left", fontsize=8)
    _save(figure, IMAGES / "eeg_hand_curves.png")


def _draw_confusions(shown: dict[str, Decisions]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots(2, len(shown), height_ratios=(3, 2))
    for column, (title, decisions) in enumerate(shown.items()):
        counts = confusion(decisions)
        shares = counts / counts.sum(axis=1, keepdims=True)
        words = [label.replace("_", " ") for label in decisions.labels]
        plot = axes[0, column]
        plot.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        for row, place in np.ndindex(*counts.shape):
            colour = "white" if shares[row, place] > 0.6 else "black"
            text = f"{shares[row, place]:.2f}\n({counts[row, place]})"
            plot.text(place, row, text, ha="center", va="center", color=colour)
        plot.set_xticks(range(len(words)), words)
        plot.set_yticks(range(len(words)), words if column == 0 else [""] * len(words))
        plot.set_title(title, fontsize=9)
        plot.set_xlabel("decoded")
        bars = axes[1, column]
        bars.bar(words, np.diag(shares), color=[BLUE, ORANGE], width=0.6)
        bars.axhline(0.5, color="grey", linewidth=0.8, linestyle="--")
        bars.set_ylim(0, 1)
        if column == 0:
            plot.set_ylabel("shown")
            bars.set_ylabel("share right")
    _save(figure, IMAGES / "eeg_hand_confusion.png")


def _draw_splits(rows: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    words = []
    for row in rows:
        parts = np.array([row["trained"], row["test"], row["tune"]])
        words.append("/".join(f"{part:.0f}" for part in 100 * parts / parts.sum()))
    share, count = np.array([row["share"] for row in rows]), np.array([row["n"] for row in rows])
    spread = 1.96 * np.sqrt(share * (1 - share) / count)
    axes.errorbar(words, share, spread, fmt="o", color=BLUE, capsize=4)
    axes.axhline(0.5, color="grey", linewidth=0.8, linestyle="--")
    for place, number in enumerate(count):
        axes.text(place, 0.32, f"n = {number}", ha="center", fontsize=8)
    axes.set_ylim(0.3, 1)
    axes.set_xlabel("trials trained on / tested / tuned with, per cent of all")
    axes.set_ylabel("share of test trials right")
    _save(figure, IMAGES / "eeg_hand_splits.png")


def _save(figure: Any, path: Path) -> None:
    make_folder(path.parent)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return {key: _rounded(item) for key, item in value.items()} if isinstance(value, dict) else value


def main() -> None:
    """Read the command line and run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("train", "splits", "figures"))
    parser.add_argument("--work", type=Path, default=Path("eeg_hand"), help="folder of the trained decoders")
    parser.add_argument("--epochs", type=int, help="of a training; 4 for train, 3 for splits")
    parser.add_argument("--people", type=int, default=12, help="people of splits")
    given = parser.parse_args()
    make_folder(given.work)
    if given.command == "train":
        train_all(given.work, given.epochs or 4)
    elif given.command == "splits":
        splits(given.work, given.people, given.epochs or 3)
    else:
        figures(given.work)


if __name__ == "__main__":
    main()
