"""Table of all EEG decoders under every condition: ``python benchmarks/eeg_decoders.py --out FOLDER``.

There are two groups of results. In ``folds`` each person is decoded by the decoder of the fold that was trained
without them (five folds of whole people; decoders that are not in the cache are trained first). In ``test`` the fixed
test people are decoded by the shipped decoders. The script writes ``eeg_decoders.json`` and ``eeg_decoders.md``, and
puts the figures of each shipped decoder into its ``metrics.json`` and ``card.md``. It needs the extra ``train`` and the
recordings (``NEUROMOTION_DATA``).

Tangent space + logistic regression is a baseline without an ONNX graph. Only this script fits it, on the same aligned
band covariances as the shipped decoder. The eye controls are trained again here, on windows inside trials. The shipped
eye controls were trained on windows of a running loop, in which the onset may lie anywhere.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit import conditions as cond
from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.alignment import euclidean_alignment
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.resources import cache_folder
from neuromotion_gym.training.bands import filter_bank
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.digest import training_digest
from neuromotion_gym.training.evaluation import Decisions
from neuromotion_gym.training.folds import fold_decoder, fold_recipe, held_out, train_fold
from neuromotion_gym.training.metrics_file import read_metrics, write_metrics
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.report import write_card
from neuromotion_gym.training.train import train

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

SHIPPED, CLASSICAL, TANGENT, EYES = "eeg_fists", "eeg_csp_lda", "tangent space + logistic regression", "eye control"
DATASET = "eegmmidb"
CONTRAST = registry.dataset(DATASET).contrasts[0]
EYES_OF = {
    "recorded": "eeg_eyes",
    "regressed": "eeg_eyes_regressed",
    "regressed_late": "eeg_eyes_late",
    "central": "eeg_eyes_regressed",
    "slow": "eeg_eyes",
}
TITLES = {
    "recorded": "as recorded",
    "regressed": "eyes regressed out",
    "regressed_late": "eyes regressed out, from 2 s after the cue on",
    "central": "eyes regressed out, frontal and temporal electrodes replaced",
    "slow": "below 4 Hz only",
}


class TangentSpace:
    """Matrix logarithm of the aligned band covariance, then logistic regression (Barachant et al., 2012).

    It is fitted on trials and on their mirror images, as the shipped decoder is.
    """

    def __init__(self, exclude: tuple[str, ...] | None) -> None:
        from sklearn.linear_model import LogisticRegression

        recipe = load_recipe(decoder_folder(SHIPPED))
        self.spec = recipe.decoder
        _, network, _ = recipe.trainable()
        taps = filter_bank(self.spec.rate_hz, network.options["bands_hz"], network.options["taps"])[0]
        self.filtering = np.zeros((self.spec.window, self.spec.window - len(taps) + 1), np.float32)
        for column in range(self.filtering.shape[1]):
            self.filtering[column : column + len(taps), column] = taps[::-1]
        if exclude is None:
            sessions = sessions_of(recipe, "train", calibration_apart=False)
        else:
            sessions = sessions_of(fold_recipe(recipe), "all", exclude=exclude, calibration_apart=False)
        data = prepared_windows(recipe, sessions)
        generator, rows = np.random.default_rng(0), np.arange(len(data.labels))
        features, labels = [], []
        for _ in range(2):
            covariances, adaptation = data.windows(rows, generator)[:, 0], data.adaptation(rows)
            assert adaptation is not None
            features.append(self._features(adaptation @ covariances @ adaptation))
            labels.append(data.labels)
        stacked = np.concatenate(features)
        self.mean, self.scale = stacked.mean(0), stacked.std()
        self.model = LogisticRegression(C=3e-4, max_iter=100, tol=1e-3, class_weight="balanced")
        self.model.fit((stacked - self.mean) / self.scale, np.concatenate(labels))

    @staticmethod
    def _features(covariances: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(covariances.astype(np.float64))
        logarithm = (vectors * np.log(np.maximum(values, 1e-3))[:, None]) @ vectors.swapaxes(1, 2)
        first, second = np.triu_indices(logarithm.shape[1])
        return np.asarray(logarithm[:, first, second] * np.where(first == second, 1, 2**0.5))

    def adapt(self, calibration: tuple[Recording, ...]) -> np.ndarray:
        """Euclidean alignment, as for the shipped decoder."""
        return euclidean_alignment(calibration, self.spec)

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, None]:
        """Posterior, and no effort."""
        return self.predict_proba(windows, adaptation), None

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Posterior of shape (n, labels)."""
        assert adaptation is not None
        filtered = adaptation @ np.ascontiguousarray(windows) @ self.filtering
        features = self._features(filtered @ filtered.swapaxes(1, 2) / filtered.shape[2])
        return np.asarray(self.model.predict_proba((features - self.mean) / self.scale))


def eyes_in_trials(name: str, fold: tuple[str, ...]) -> Path:
    """Folder of the eye control ``name``, trained on windows inside trials, without the people of ``fold``.

    If ``fold`` is empty, it is trained on the train part.
    """
    recipe = load_recipe(decoder_folder(name))
    assert recipe.data is not None
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"preparation": "trials"})})
    if fold:
        return train_fold(recipe, fold)
    folder = cache_folder() / "trials" / f"{name}-{training_digest(recipe, recipe.data.train)}"
    if not (folder / "model.onnx").is_file():
        train(recipe, folder)
    return folder


def pickers(folds: bool) -> dict[str, Any]:
    """For each row of the table: a function that returns the decoder for a session and a condition."""
    kept: dict[Any, Decoder] = {}

    def once(key: Any, make: Any) -> Decoder:
        if key not in kept:
            kept[key] = make()
        return kept[key]

    def named(name: str, session: Session) -> Decoder:
        if not folds:
            return once(name, lambda: OnnxDecoder(decoder_folder(name)))
        fold = held_out(session.dataset, session.subject)
        return once((name, fold), lambda: fold_decoder(name, session.subject))

    def eyes(session: Session, condition: str) -> Decoder:
        fold = held_out(session.dataset, session.subject) if folds else ()
        return once((EYES_OF[condition], fold), lambda: OnnxDecoder(eyes_in_trials(EYES_OF[condition], fold)))

    def tangent(session: Session, condition: str) -> Decoder:
        fold = held_out(session.dataset, session.subject) if folds else None
        return once((TANGENT, fold), lambda: TangentSpace(fold))

    return {
        SHIPPED: lambda session, condition: named(SHIPPED, session),
        CLASSICAL: lambda session, condition: named(CLASSICAL, session),
        TANGENT: tangent,
        EYES: eyes,
    }


def questions(table: dict[str, dict[str, Decisions]]) -> dict[str, Any]:
    """Checks of the shipped decoder: left against right, whole trials, differences paired over people."""
    mine = table[SHIPPED]

    def above(other: str) -> dict[str, Any]:
        return {one: cond.paired(mine[one], table[other][one], CONTRAST) for one in TITLES}

    return {
        "below_4_hz": cond.figures(mine["slow"], [CONTRAST])["_".join(CONTRAST)]["per_trial"]["balanced_accuracy"],
        "loss_by_regression": cond.paired(mine["recorded"], mine["regressed"], CONTRAST),
        "above_eye_control": above(EYES),
        "above_csp_lda": above(CLASSICAL),
        "above_tangent_space": above(TANGENT),
    }


def markdown(results: dict[str, Any]) -> str:
    """The tables as Markdown."""
    lines = ["# EEG decoders: rest, left fist, right fist (imagined)", ""]
    lines += [
        "Balanced accuracy, mean over people [95 % interval, bootstrap-t over people]. Chance: 0.333 and 0.500.",
        "",
    ]
    for group, title in (("folds", "All 79 people, five folds of whole people"), ("test", "The fixed 15 test people")):
        if group not in results:
            continue
        lines += [f"## {title}", ""]
        for what, path in (
            ("Left against right, whole trial", ("_".join(CONTRAST), "per_trial")),
            ("Left against right, per window", ("_".join(CONTRAST), "per_window")),
            ("Three classes, whole trial", ("per_trial",)),
            ("Three classes, per window", ("per_window",)),
        ):
            lines += [f"### {what}", "", "| | " + " | ".join(TITLES.values()) + " |", "|---" * 6 + "|"]
            for name, row in results[group]["rows"].items():
                cells = []
                for one in TITLES:
                    value = row[one]
                    for key in path:
                        value = value[key]
                    cells.append(interval(value["balanced_accuracy"]))
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
            lines.append("")
        lines += ["### Paired over people, left against right, whole trial", "", "| | difference |", "|---|---|"]
        asked = results[group]["questions"]
        lines.append(f"| {SHIPPED}: as recorded − eyes regressed out | {interval(asked['loss_by_regression'])} |")
        for other, key in ((EYES, "above_eye_control"), (CLASSICAL, "above_csp_lda"), (TANGENT, "above_tangent_space")):
            for one in TITLES:
                lines.append(f"| {SHIPPED} − {other}, {TITLES[one]} | {interval(asked[key][one])} |")
        lines.append("")
    return "\n".join(lines)


def interval(value: dict[str, Any]) -> str:
    """Mean and interval as text."""
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def shortened(value: Any) -> Any:
    """``value`` with all floats rounded to four digits, for the files."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    return value


def main() -> None:
    """Decode all trials and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--groups", nargs="+", choices=("folds", "test"), default=["folds", "test"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / "eeg_decoders.json"
    results: dict[str, Any] = json.loads(target.read_text()) if target.is_file() else {}
    for group in options.groups:
        table = cond.decide_in_conditions(
            pickers(group == "folds"),
            DATASET,
            "all" if group == "folds" else "test",
            conditions=tuple(TITLES),
            progress=print,
        )
        rows = {
            name: {one: cond.figures(found, [CONTRAST]) for one, found in row.items()} for name, row in table.items()
        }
        results[group] = shortened({"rows": rows, "questions": questions(table)})
        target.write_text(json.dumps(results, indent=1) + "\n")
    (options.out / "eeg_decoders.md").write_text(markdown(results))
    for name in (SHIPPED, CLASSICAL):
        folder = decoder_folder(name)
        metrics = read_metrics(folder)
        metrics["conditions"] = {group: results[group]["rows"][name] for group in results}
        if name == SHIPPED:
            metrics["questions"] = {group: results[group]["questions"] for group in results}
        write_card(folder, write_metrics(folder, metrics))


if __name__ == "__main__":
    main()
