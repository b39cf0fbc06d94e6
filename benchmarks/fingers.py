"""What the EMG of single fingers tells beyond the clock: ``python benchmarks/fingers.py --out FOLDER``.

In ``ninapro_db1_a`` all ten repetitions of a movement follow each other, so that whatever drifts tells the movement.
Every figure therefore stands beside what is known without EMG of the movement itself.

**Classification**, one window of 0.4 s every 0.1 s; repetitions 2, 5 and 7 are tested, the others trained on. Twelve
movements (chance 0.083), and with rest (0.077). The same classifier is also trained to tell the block from rest
(`rest tells the block`), which has to be at chance, 0.083, or accuracy on movements is not about muscles; and from
the first half second of the film, in which only who knows what comes can have begun. Features are those of the samples
as recorded, or changes from the rest just before. A decoder that knew the block would be right in all movements.

**Regression** of the glove, ten sensors of flexion, as changes from the rest just before, with the EMG 0.16 s earlier.
R² is taken within blocks: glove and what is said of it are both counted from their means over the block's tested
repetitions. Beside it stand R² as a whole, and what is known without EMG: the mean over the training repetitions of the
block, of the phase (time since the film began), and of both, a clock that no decoder has. `block and phase, and EMG`
adds to it where the network says something else than its own mean.

Both across people too: one person left out, EMG and glove divided by the person's own standard deviations, which
needs no labels.

People are the unit. The script writes ``fingers.json`` (after each person; a stopped run goes on), ``fingers.md``
and ``fingers.png``; 10 minutes of one core. It needs scikit-learn and the recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.ninapro_db1_a.changes import changes_from_rest, movements, rests
from neuromotion_gym.datasets.ninapro_db1_a.reader import MOVEMENTS, SENSORS, SPEC, Fingers, read_person
from neuromotion_gym.decoders.calibration import balanced_accuracy
from neuromotion_gym.files import replacing, write_text
from neuromotion_gym.statistics import Interval, studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATASET = "ninapro_db1_a"
TESTED = (2, 5, 7)
"""Repetitions, as usual in publications on this data set."""
WINDOW, HOP, HALF = 40, 10, 20
"""Samples at 100 Hz."""
REACTION = 50
"""Samples of the film in which most muscles do not react yet: 10 % of the rise of the EMG is at 0.58 s."""
LAG = 16
"""The glove follows the EMG by 0.16 s."""
FLOOR_V, SMALL_V = 0.005, 0.02
"""Below these the logarithm of the envelope, and that of its change with its sign, become linear."""
FLEXION = [index for index, sensor in enumerate(SENSORS) if sensor.endswith(("_mcp", "_pip", "_ip"))]
"""Sensors of flexion of the thumb and the fingers, ten in all."""
PHASES = np.arange(-150, 620, HOP)
"""Samples since the film began; from 0.6 s after the rest began to the beginning of the next one."""
CLASSIFIERS: dict[str, Callable[[int], Any]] = {
    "LDA": lambda count: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(count, 1 / count)),
    "extra trees": lambda count: ExtraTreesClassifier(200, min_samples_leaf=3, class_weight="balanced", random_state=0),
}
TOLD = {
    "movements": "12 movements",
    "repetitions": "12 movements, whole repetition",
    "with rest": "12 movements and rest",
    "rest": "rest tells the block",
    "before": "first half second of the film",
}


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of one person: last sample, movement, or 0 at rest, block, repetition, and kind of each."""

    last: np.ndarray
    movement: np.ndarray
    block: np.ndarray
    repetition: np.ndarray
    kind: np.ndarray

    @property
    def tested(self) -> np.ndarray:
        """Which windows are tested."""
        return np.isin(self.repetition, TESTED)


def windows_of(person: Fingers) -> Windows:
    """Windows at rest (kind 0), in the first half second of the film (1), and where muscles act (2)."""
    found: list[tuple[int, int, int, int, int]] = []
    quiet, films = rests(person.shown, SPEC.rate_hz)[:, 0], movements(person.shown)[:, 0]
    stops = [*quiet[1:], len(person.shown)]
    for number, (rest, film, stop) in enumerate(zip(quiet, films, stops, strict=True)):
        acting = film + np.flatnonzero(person.moved[film:stop])
        block, repetition = int(person.shown[film]), int(person.repetition[film])
        spans = [(rest, film), (film, min(film + REACTION, acting[0])), (acting[0], acting[-1] + 1)]
        for kind, (start, end) in enumerate(spans):
            if number or kind:
                lasts = range(start + WINDOW - 1, end, HOP)
                found += [(last, block if kind == 2 else 0, block, repetition, kind) for last in lasts]
    return Windows(*np.array(found).T)


def means_before(samples: np.ndarray, length: int, lasts: np.ndarray) -> np.ndarray:
    """Mean of the ``length`` samples that end with each of ``lasts``, shape (channels, *lasts.shape)."""
    sums = np.cumsum(np.concatenate([np.zeros((len(samples), 1)), samples], axis=1), axis=1)
    return np.asarray((sums[:, lasts + 1] - sums[:, lasts + 1 - length]) / length)


def changes(values: np.ndarray, person: Fingers) -> np.ndarray:
    """Changes from the rest just before; 0 until the first rest is over."""
    return np.nan_to_num(changes_from_rest(values.astype(np.float64), person.shown, SPEC.rate_hz))


def recorded_features(person: Fingers, lasts: np.ndarray) -> np.ndarray:
    """Logarithm of both halves of the window as recorded, shape (windows, 20)."""
    halves = [means_before(person.emg, HALF, lasts - back) for back in (0, HALF)]
    return np.log(np.concatenate(halves) + FLOOR_V).T


def change_features(person: Fingers, lasts: np.ndarray) -> np.ndarray:
    """Both halves of the window as changes, and the whole window as a share of all channels, shape (windows, 30)."""
    change = changes(person.emg, person)
    halves = [np.arcsinh(means_before(change, HALF, lasts - back) / SMALL_V) for back in (0, HALF)]
    whole = means_before(change, WINDOW, lasts)
    return np.concatenate([*halves, whole / (np.linalg.norm(whole, axis=0) + SMALL_V)]).T


FEATURES = {"as recorded": recorded_features, "changes": change_features}


def told(features: np.ndarray, windows: Windows, model: str, tested: np.ndarray) -> dict[str, float]:
    """Balanced accuracies, see `TOLD`; all windows that are not tested are trained on."""
    result = {}
    tasks = {
        "movements": (windows.kind == 2, windows.movement),
        "with rest": (windows.kind != 1, windows.movement),
        "rest": (windows.kind == 0, windows.block),
        "before": (windows.kind == 1, windows.block),
    }
    for task, (used, labels) in tasks.items():
        train, test = used & ~tested, used & tested
        fitted = CLASSIFIERS[model](len(np.unique(labels[train]))).fit(features[train], labels[train])
        posterior = np.log(fitted.predict_proba(features[test]) + 1e-3)
        result[task] = balanced_accuracy(fitted.classes_[posterior.argmax(axis=1)], labels[test])
        if task == "movements":
            trial = 100 * labels[test] + windows.repetition[test]
            trials = np.unique(trial)
            whole = np.stack([posterior[trial == one].mean(axis=0) for one in trials])
            result["repetitions"] = balanced_accuracy(fitted.classes_[whole.argmax(axis=1)], trials // 100)
    return result


def scaled(values: np.ndarray) -> np.ndarray:
    """Values of one person divided by their own standard deviations, shape (rows, columns)."""
    return np.asarray(values / (values.std(axis=0) + 1e-9))


@dataclass(frozen=True, eq=False)
class Moves:
    """One person's turns, all but the first: glove (turns, phases, 10), EMG (turns, phases, features) and marks."""

    glove: np.ndarray
    emg: np.ndarray
    history: np.ndarray
    block: np.ndarray
    repetition: np.ndarray

    @property
    def tested(self) -> np.ndarray:
        """Which turns are tested."""
        return np.isin(self.repetition, TESTED)


def moves_of(person: Fingers) -> Moves:
    """Glove and EMG at every phase of every turn, as changes from the rest just before."""
    films = movements(person.shown)[1:, 0]
    at = films[:, None] + PHASES
    change = changes(person.emg, person)
    emg = [np.arcsinh(means_before(change, HALF, at - LAG - back) / SMALL_V) for back in (0, HALF)]
    history = [np.arcsinh(means_before(change, HOP, at - LAG - back) / SMALL_V) for back in range(0, 100, HOP)]
    return Moves(
        changes(person.glove[FLEXION], person)[:, at].transpose(1, 2, 0),
        np.concatenate(emg).transpose(1, 2, 0),
        np.concatenate(history).transpose(1, 2, 0),
        person.shown[films],
        person.repetition[films],
    )


def explained(glove: np.ndarray, found: np.ndarray, block: np.ndarray) -> list[float]:
    """R² within blocks and as a whole, means over sensors; ``glove`` and ``found``: (turns, phases, sensors)."""

    def around(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[block == one] - values[block == one].mean((0, 1)) for one in np.unique(block)])

    whole = glove - glove.mean(axis=(0, 1))
    pairs = ((around(glove - found), around(glove)), (glove - found, whole))
    return [float((1 - (left**2).sum((0, 1)) / (total**2).sum((0, 1))).mean()) for left, total in pairs]


def templates(values: np.ndarray, block: np.ndarray) -> dict[int, np.ndarray]:
    """Mean turn of each block, shape (phases, columns)."""
    return {int(one): values[block == one].mean(axis=0) for one in np.unique(block)}


def fitted_to(model: Any, inputs: np.ndarray, glove: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What a model that is fitted to the turns ``rows`` says of the others, shape (turns, phases, sensors)."""
    size = glove.std(axis=(0, 1)) + 1e-9
    model.fit(inputs[rows].reshape(-1, inputs.shape[-1]), (glove[rows] / size).reshape(-1, glove.shape[-1]))
    test = inputs[~rows]
    said = model.predict(test.reshape(-1, inputs.shape[-1]))
    return np.asarray(said.reshape(*test.shape[:2], -1) * size)


def ridge() -> Any:
    """Linear regression of standardised features."""
    return make_pipeline(StandardScaler(), Ridge(alpha=10.0))


def network() -> Any:
    """A network that reads the last second of the EMG in steps of 0.1 s."""
    return make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(32,), alpha=10.0, max_iter=15, random_state=0)
    )


def regressed(moves: Moves) -> dict[str, list[float]]:
    """R² of one person, see `explained`."""
    train, test = ~moves.tested, moves.tested
    glove, block = moves.glove[test], moves.block[test]
    mean = templates(moves.glove[train], moves.block[train])
    phase = moves.glove[train].mean(axis=0)
    both = np.stack([mean[one] for one in block])
    found = {
        "block": np.broadcast_to(both.mean(axis=1, keepdims=True), glove.shape),
        "phase": np.broadcast_to(phase, glove.shape),
        "block and phase": both,
        "ridge": fitted_to(ridge(), moves.emg, moves.glove, train),
        "network": fitted_to(network(), moves.history, moves.glove, train),
    }
    found["block and phase, and EMG"] = both + beyond(moves, found["network"])
    return {name: explained(glove, said, block) for name, said in found.items()}


def beyond(moves: Moves, said: np.ndarray) -> np.ndarray:
    """What is added to the mean of block and phase, for the tested turns, because the network said ``said`` there.

    One weight a sensor, fitted to what the network says of each repetition that is trained on when it is left out.
    """
    train = ~moves.tested
    whole = np.empty_like(moves.glove)
    whole[~train] = said
    for number in np.unique(moves.repetition[train]):
        others = train & (moves.repetition != number)
        own = moves.repetition == number
        whole[own] = fitted_to(network(), moves.history, moves.glove, others)[own[~others]]
    differs = []
    for values in (moves.glove, whole):
        mean = templates(values[train], moves.block[train])
        differs.append(values - np.stack([mean[one] for one in moves.block]))
    of_glove, of_network = differs
    weight = (of_glove * of_network)[train].sum(axis=(0, 1)) / (of_network[train] ** 2).sum(axis=(0, 1))
    return np.asarray(weight * of_network[~train])


def across(people: dict[str, Fingers]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both with one person left out: everything of the others is trained on, everything of the person is tested."""
    windows = {name: windows_of(person) for name, person in people.items()}
    parts = ([getattr(one, part) for one in windows.values()] for part in Windows.__dataclass_fields__)
    together = Windows(*map(np.concatenate, parts))
    owner = np.repeat(list(people), [len(one.last) for one in windows.values()])
    features = np.concatenate([scaled(change_features(people[name], windows[name].last)) for name in people])
    moves = {name: moves_of(person) for name, person in people.items()}
    glove, emg, history = (
        np.concatenate([scaled(flat(getattr(one, part))).reshape(getattr(one, part).shape) for one in moves.values()])
        for part in ("glove", "emg", "history")
    )
    block = np.concatenate([one.block for one in moves.values()])
    turner = np.repeat(list(people), [len(one.block) for one in moves.values()])
    classes: dict[str, Any] = defaultdict(dict)
    values: dict[str, Any] = defaultdict(dict)
    for name in people:
        classes["changes, LDA"][name] = told(features, together, "LDA", owner == name)
        mine = turner == name
        mean = templates(glove[~mine], block[~mine])
        found = {
            "phase": np.broadcast_to(glove[~mine].mean(axis=0), glove[mine].shape),
            "block and phase": np.stack([mean[one] for one in block[mine]]),
            "ridge": fitted_to(ridge(), emg, glove, ~mine),
            "network": fitted_to(network(), history, glove, ~mine),
        }
        values[name] = {way: explained(glove[mine], said, block[mine]) for way, said in found.items()}
    return dict(classes), dict(values)


def flat(values: np.ndarray) -> np.ndarray:
    """Turns and phases as rows."""
    return values.reshape(-1, values.shape[-1])


def measure(path: Path) -> dict[str, Any]:
    """All figures, one a person; written to ``path`` after each person, and read from there where they are done."""
    empty: dict[str, Any] = {
        "tested_repetitions": list(TESTED),
        "classification": {},
        "regression": {},
        "classification_across": {},
        "regression_across": {},
    }
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else empty
    people = {name: read_person(name) for name in registry.dataset(DATASET).table.people}
    for name in [one for one in people if one not in result["regression"]]:
        windows = windows_of(people[name])
        for kind, function in FEATURES.items():
            features = function(people[name], windows.last)
            for model in CLASSIFIERS:
                classes = result["classification"].setdefault(f"{kind}, {model}", {})
                classes[name] = told(features, windows, model, windows.tested)
        result["regression"][name] = regressed(moves_of(people[name]))
        write_text(path, json.dumps(result, indent=1) + "\n")
    if not result["regression_across"]:
        result["classification_across"], result["regression_across"] = across(people)
        write_text(path, json.dumps(result, indent=1) + "\n")
    return result


def interval(values: Sequence[float] | np.ndarray, bounds: tuple[float, float]) -> Interval:
    """Mean over people with its interval."""
    return studentised_bootstrap_interval(np.array(values), bounds=bounds)


def in_text(found: Interval) -> str:
    """Mean and interval."""
    mean, low, high = (round(value, 3) + 0.0 for value in found)  # no minus before a zero
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def table(result: dict[str, Any]) -> str:
    """The page: two tables."""
    tested = ", ".join(map(str, result["tested_repetitions"]))
    lines = [
        "# Single fingers",
        "",
        "Written by `benchmarks/fingers.py`, which says what each line is. Data set `ninapro_db1_a`, all parts,",
        f"{len(result['regression'])} people: mean over people with its 95 % interval (bootstrap-t).",
        f"Split by repetitions: {tested} of a person are tested, the others trained on. Split by people: one is left",
        "out.",
        "",
        "## Classification, balanced accuracy",
        "",
        f"| split | features, classifier | {' | '.join(TOLD.values())} |",
        f"| --- | --- |{' --- |' * len(TOLD)}",
    ]
    for split, part in (("repetitions of a person", "classification"), ("people", "classification_across")):
        for way, by_person in result[part].items():
            cells = [in_text(interval([one[key] for one in by_person.values()], (0, 1))) for key in TOLD]
            lines.append(f"| {split} | {way} | {' | '.join(cells)} |")
    chances = (f"{1 / (len(MOVEMENTS) + (key == 'with rest')):.3f}" for key in TOLD)
    lines.append(f"| chance | | {' | '.join(chances)} |")
    lines += ["", "## Regression of ten sensors of the glove, R²", ""]
    lines += ["| split | from | within blocks | as a whole |", "| --- | --- | --- | --- |"]
    for split, part in (("repetitions of a person", "regression"), ("people", "regression_across")):
        for way in next(iter(result[part].values())):
            found = np.array([one[way] for one in result[part].values()])
            cells = [in_text(interval(column, (-np.inf, 1))) for column in found.T]
            lines.append(f"| {split} | {way} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def draw(result: dict[str, Any], path: Path) -> None:
    """A strip plot, a dot a person."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = {
        "12 movements: balanced accuracy": {
            f"{way}{where}: {TOLD[key]}": [one[key] for one in by_person.values()]
            for part, where in (("classification", ""), ("classification_across", ", person left out"))
            for way, by_person in result[part].items()
            for key in ("movements", "rest")
        },
        "glove: R² within blocks": {
            f"{way}{where}": [one[way][0] for one in result[part].values()]
            for part, where in (("regression", ""), ("regression_across", ", person left out"))
            for way in next(iter(result[part].values()))
        },
    }
    figure, axes = plt.subplots(
        2,
        figsize=(8, 0.32 * sum(len(ways) + 2 for ways in rows.values())),
        dpi=100,
        height_ratios=[len(ways) for ways in rows.values()],
        layout="constrained",
    )
    for axis, (title, ways), chance in zip(axes, rows.items(), (1 / len(MOVEMENTS), 0.0), strict=True):
        for place, values in enumerate(ways.values()):
            jitter = place + np.linspace(-0.2, 0.2, len(values))
            axis.plot(np.sort(values), jitter, "o", color="#0072B2", alpha=0.7, ms=4)
            axis.plot([np.mean(values)] * 2, [place - 0.35, place + 0.35], color="black")
        axis.axvline(chance, color="grey", linestyle=":")
        axis.set_yticks(range(len(ways)), list(ways), fontsize=8)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=10, loc="left")
    axes[0].set_xlim(-0.02, 1.02)
    axes[-1].set_xlabel("a dot is a person; black: mean; dotted: chance, mean of the block")
    with replacing(path) as part:
        figure.savefig(part, format="png")
    plt.close(figure)


def main() -> None:
    """Measure, and write figures, tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    result = measure(folder / "fingers.json")
    write_text(folder / "fingers.md", table(result))
    draw(result, folder / "fingers.png")
    print(table(result))


if __name__ == "__main__":
    main()
