"""All artefacts of the source system "EEG to hand": ``python benchmarks/eeg_hand.py COMMAND``.

=========== =================================================================================================
``train``   the network as published (2.4 hours of one core; goes on after a stop), and on regressed recordings in
            the epochs of the shipped decoder, both into ``--work``; the shipped decoder is trained by ``neuromotion
            train`` from its own recipe
``splits``  the range of splits that the source tried, 30/15/15 to 90/5/5 per cent, on fewer people and epochs
``figures`` figures of every split under every condition, classification reports, pictures, the table of the page;
            trains the decoders of the five folds unless the cache has them
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
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import Recipe, TrialsAside, load_recipe
from neuromotion_gym.files import make_folder, replacing, write_text
from neuromotion_gym.training.data import people_of, sessions_of
from neuromotion_gym.training.evaluation import Decisions, confusion, decide, summary
from neuromotion_gym.training.export import export_onnx
from neuromotion_gym.training.folds import held_out, train_fold
from neuromotion_gym.training.history import HISTORY
from neuromotion_gym.training.metrics_file import read_metrics, write_metrics
from neuromotion_gym.training.overlapping import decide_windows
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.report import write_card
from neuromotion_gym.training.train import load_network, train
from neuromotion_gym.training.trials_aside import decide_trials_aside, split_trials

if TYPE_CHECKING:
    from collections.abc import Callable

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


def recipe_of(source: Path | Recipe, name: str, epochs: int, **changes: Any) -> Recipe:
    """A recipe in ``epochs`` epochs, the learning rate a tenth in the last quarter; ``changes`` of its ``decoder``."""
    recipe = source if isinstance(source, Recipe) else load_recipe(source)
    _, _, training = recipe.trainable()
    decoder = recipe.decoder.model_copy(update={"name": name, **changes})
    shorter = training.model_copy(update={"epochs": epochs, "milestones": (max(1, epochs * 3 // 4),)})
    return recipe.model_copy(update={"decoder": decoder, "training": shorter})


def train_all(work: Path, epochs: int | None) -> None:
    """Train as published, and on regressed recordings; in fewer epochs where ``epochs`` is given."""
    published = load_recipe(PUBLISHED) if epochs is None else recipe_of(PUBLISHED, f"{SHIPPED}_published", epochs)
    train(published, work / "published", progress=False)
    own = load_recipe(decoder_folder(SHIPPED))
    regressed = recipe_of(own, f"{SHIPPED}_regressed", epochs or own.trainable()[2].epochs, ocular="regress")
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
        some = {"train": "all", "trials_aside": aside, "exclude": left_out}
        recipe = base.model_copy(update={"data": data.model_copy(update=some)})
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


def _in_conditions(
    folder_of: Callable[[Session], Path], work: Path, part: str = "test", session_kind: str | None = None
) -> dict[str, Decisions]:
    """Decisions on the people of a part under every condition, each person's by the decoder in ``folder_of``."""
    decoders: dict[tuple[Path, bool], OnnxDecoder] = {}

    def pick(session: Session, condition: str) -> OnnxDecoder:
        folder, late = folder_of(session), condition == "regressed_late"
        if (folder, late) not in decoders:
            decoders[folder, late] = OnnxDecoder(_late(folder, work) if late else folder)
        return decoders[folder, late]

    return cond.decide_in_conditions(
        {"it": pick},
        DATASET,
        part,  # type: ignore[arg-type]
        conditions=tuple(TITLES),
        session_kind=session_kind,
        calibration_apart=session_kind is None,  # of real movements all three runs are decoded
    )["it"]


def _aside_in_conditions(folder: Path, work: Path) -> dict[str, Decisions]:
    """Decisions on the trials that were set aside, of people who were trained on, under every condition."""
    published = load_recipe(folder)
    data, _, _ = published.trainable()
    assert data.trials_aside is not None
    found, truth = {}, None
    for ocular in ("keep", "regress"):
        own = published.decoder.model_copy(update={"ocular": ocular})
        sessions = sessions_of(published.model_copy(update={"decoder": own}), data.train, calibration_apart=False)
        people = sorted({session.subject for session in sessions})
        for condition in [one for one in TITLES if cond.OCULAR[one] == ocular]:
            read = _late(folder, work) if condition == "regressed_late" else folder
            spec = load_recipe(read).decoder.model_copy(update={"ocular": ocular})
            recipe = published.model_copy(update={"decoder": spec})
            given = [cond.in_condition(session, condition) for session in sessions]
            test = split_trials(prepared_windows(recipe, given), data.trials_aside)[2]
            found[condition] = decide_windows(OnnxDecoder(read), test, recipe.decoder.labels, people)
            # The same trials under every condition, and no other: the rest was trained on
            truth = test.labels if truth is None else truth
            assert np.array_equal(truth, test.labels)
    return found


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
    recipe = load_recipe(shipped)
    decided = {
        "aside": _aside_in_conditions(published, work),
        "published": _in_conditions(lambda _: published, work),
        "real": _in_conditions(lambda _: published, work, session_kind="real"),
        "shipped": _in_conditions(lambda _: shipped, work),
        "shipped_real": _in_conditions(lambda _: shipped, work, session_kind="real"),
        "folds": _in_conditions(lambda one: train_fold(recipe, held_out(DATASET, one.subject)), work, "all"),
        "regressed": _in_conditions(lambda _: regressed, work),
    }
    stretched = _stretched(published, work)
    found: dict[str, Any] = {
        "epochs": {name: len(_curves(folder)) for name, folder in _folders(work).items()},
        "windows": _counts(published),
        "rows": {
            name: {condition: _figure(decisions) for condition, decisions in row.items()}
            for name, row in decided.items()
        },
        "per_class": {name: _per_class(decided[name]["recorded"]) for name in ("aside", "published", "real")},
        "stretched": _figure(cond.joined([decide(OnnxDecoder(stretched), [one]) for one in _people(published)])),
    }
    if (work / "splits.json").is_file():
        found["splits"] = json.loads((work / "splits.json").read_text())
    found = _rounded(found)
    write_text(RESULT, json.dumps(found, indent=1) + "\n")
    _draw_curves(work)
    _draw_confusions(
        {
            "other trials,\nsame people": decided["aside"]["recorded"],
            "people never seen": decided["published"]["recorded"],
            "real movements,\npeople never seen": decided["real"]["recorded"],
            "people never seen,\nabove 4 Hz": decided["published"]["fast"],
        }
    )
    if "splits" in found:
        _draw_splits(found["splits"])
    metrics = read_metrics(shipped)
    conditions = {one: _rounded(cond.figures(decisions, [])) for one, decisions in decided["shipped"].items()}
    metrics["conditions"] = {"test": conditions}
    write_card(shipped, write_metrics(shipped, metrics))
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    write_text(PAGE, before + "\n".join([BEGIN, "", *_table(found), "", after]))


def _people(folder: Path) -> list[Session]:
    return sessions_of(load_recipe(folder), "test", calibration_apart=True)


def _folders(work: Path) -> dict[str, Path]:
    return {"published": work / "published", "shipped": decoder_folder(SHIPPED), "regressed": work / "regressed"}


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
    epochs, rows = found["epochs"], found["rows"]
    titles = {
        "aside": ("as published", "other trials of the **same people**"),
        "published": ("the same", "people never seen"),
        "real": ("the same", "their real movements, never seen"),
        "shipped": (f"`{SHIPPED}`, {epochs['shipped']} epochs", "people never seen"),
        "shipped_real": ("the same", "their real movements, never seen"),
        "folds": (f"five folds, {epochs['shipped']} epochs", "each person held out"),
        "regressed": (f"on regressed recordings, {epochs['regressed']} epochs", "people never seen"),
    }
    said = f"As published: {epochs['published']} epochs. Balanced accuracy, mean over people with a 95 % interval over "
    lines = [
        said + "people; chance 0.5.",
        "",
        f"| trained | tested on | people, trials | {' | '.join(TITLES.values())} |",
        "| --- | --- | --- |" + " --- |" * len(TITLES),
    ]
    for name, words in titles.items():
        row = rows[name]
        size = f"{row['recorded']['people']}, {row['recorded']['n']}"
        lines.append(f"| {' | '.join(words)} | {size} | {' | '.join(_interval(row[one]) for one in TITLES)} |")
    shares = (
        f"Share of all trials right, as recorded and as published: {_share(rows['aside'])} other trials of the same "
        f"people, {_share(rows['published'])} of people never seen, {_share(rows['real'])} real movements of people "
        f"never seen. With their epochs stretched to {STRETCHED} samples, people never seen are at "
        f"{_interval(found['stretched'])}."
    )
    lines += [
        "",
        shares,
        "",
        "| label | precision | recall | F1 | trials |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, title in (("aside", "other trials, same people"), ("published", "people never seen")):
        for label, row in found["per_class"][name].items():
            numbers = f"{row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} | {row['n']}"
            lines.append(f"| {label.replace('_', ' ')}, {title} | {numbers} |")
    return lines


def _interval(figure: dict[str, Any]) -> str:
    return f"{figure['mean']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _share(row: dict[str, Any]) -> str:
    return f"{row['recorded']['share']:.3f} of {row['recorded']['n']}"


def _draw_curves(work: Path) -> None:
    from matplotlib.figure import Figure

    titles = {
        "published": "as published\n(other trials of the same people held out)",
        "shipped": "as shipped\n(other people held out)",
        "regressed": "eyes regressed out\n(other people held out)",
    }
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(2, 3, sharey="row", sharex="col", width_ratios=(2, 1, 1))
    for column, (name, title) in enumerate(titles.items()):
        rows = _curves(_folders(work)[name])
        epochs = [row["epoch"] for row in rows]
        for row, (value, word) in enumerate((("accuracy", "share right"), ("loss", "cross-entropy"))):
            plot = axes[row, column]
            mark = "o-" if len(epochs) < 20 else "-"
            plot.plot(epochs, [one[value] for one in rows], mark, color=BLUE, label="trained on, with dropout")
            plot.plot(epochs, [one[f"tune_{value}"] for one in rows], mark, color=ORANGE, label="held out")
            if column == 0:
                plot.set_ylabel(word)
        axes[0, column].set_ylim(0.45, 1)
        axes[0, column].set_title(title, fontsize=10)
        axes[1, column].set_xlabel("epoch")
        axes[1, column].xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].legend(loc="lower right", fontsize=8)
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
    parser.add_argument("--epochs", type=int, help="of a training; as the recipes say for train, 3 for splits")
    parser.add_argument("--people", type=int, default=12, help="people of splits")
    given = parser.parse_args()
    make_folder(given.work)
    if given.command == "train":
        train_all(given.work, given.epochs)
    elif given.command == "splits":
        splits(given.work, given.people, given.epochs or 3)
    else:
        figures(given.work)


if __name__ == "__main__":
    main()
