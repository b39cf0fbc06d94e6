"""Run every training that docs/learning.md reports, including those of the shipped policies; write their curves.

    python benchmarks/learning.py                  # all of them, one after the other; continues a stopped training
    python benchmarks/learning.py eeg_easy_0       # only the named ones
    python benchmarks/learning.py --collect        # no training: write policies and curves of finished trainings

Trainings go to ``runs/NAME``, policies to ``assets/controllers/NAME.onnx``, curves to ``benchmarks/results/learning``.
The trainings on armband EMG use the decoders of the folds; training these decoders needs the recordings.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "examples" / "train_ppo.py"
POLICIES = ROOT / "assets" / "controllers"
RESULTS = ROOT / "benchmarks" / "results" / "learning"
GROUPS = {"a": ("Female0", "Female1", "Male0", "Male1"), "b": ("Male2", "Male3", "Male4", "Male5")}
EMG = ("--decoder", "emg_armband", "--level", "standard", "--steps", "1000000")
EEG = ("--decoder", "eeg_fists", "--level", "easy", "--steps", "750000")
SIGHTED = ("--observe-goal", "--steps", "500000")
"""Upper bound. Where an option is given twice, the last value counts."""
RUNS = {
    **{
        f"emg_standard_{group}_{seed}": (*EMG, "--unseen", "--subjects", *people, "--seed", str(seed))
        for seed in range(3)
        for group, people in GROUPS.items()
    },
    "emg_standard_goal": (*EMG, *SIGHTED),
    "emg_standard_blind": (*EMG, "--blind"),
    **{f"eeg_easy_{seed}": (*EEG, "--seed", str(seed)) for seed in range(3)},
    "eeg_easy_goal": (*EEG, *SIGHTED),
    "eeg_easy_blind": (*EEG, "--blind"),
}
EPISODES = 300
"""Number of episodes over which each point of a curve is averaged."""
POINTS = 40
"""Approximate number of points in a curve."""
LINES = {
    "goal": (":", "black", "sees the goal"),
    "blind": ("--", "grey", "blind"),
    "a": ("-", "C0", "policies a, three seeds"),
    "b": ("-", "C1", "policies b, three seeds"),
    "easy": ("-", "C0", "three seeds"),
}
CHANCE = {"emg": 1 / 8, "eeg": 1 / 2}


def main() -> None:
    """Run the trainings that are named, then collect the finished ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"trainings to run, all if none is named: {', '.join(RUNS)}")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the trainings (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each training (%(default)s)")
    parser.add_argument("--collect", action="store_true", help="no training: only write policies and curves")
    options = parser.parse_args()
    if unknown := set(options.names) - set(RUNS):
        parser.error(f"unknown trainings: {', '.join(sorted(unknown))}")
    if not options.collect:
        for name in options.names or RUNS:
            print(name, flush=True)
            command = [sys.executable, str(SCRIPT), "--out", str(options.runs / name), *RUNS[name]]
            subprocess.run([*command, "--threads", str(options.threads)], check=True)
    collect(options.runs)


def collect(runs: Path) -> None:
    """Copy the policies of all finished trainings; write their curves as one table and a picture for each modality."""
    finished = [
        name for name in RUNS if (runs / name / "policy.onnx").is_file() and (runs / name / "curve.csv").is_file()
    ]
    POLICIES.mkdir(exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in finished:
        shutil.copyfile(runs / name / "policy.onnx", POLICIES / f"{name}.onnx")
        rows += [{"training": name, **row} for row in smoothed(runs / name / "curve.csv")]
    if not rows:
        print(f"no training in {runs} is finished")
        return
    with (RESULTS / "curves.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for kind in ("emg", "eeg"):
        if own := [row for row in rows if str(row["training"]).startswith(kind)]:
            draw(own, CHANCE[kind], RESULTS / f"curves_{kind}.png")


def smoothed(path: Path) -> list[dict[str, Any]]:
    """About `POINTS` points of a training curve, each the mean over the last `EPISODES` episodes up to that update."""
    with path.open(encoding="utf-8") as file:
        curve = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    rows: list[dict[str, Any]] = []
    every = max(1, len(curve) // POINTS)
    for end in range(every - 1, len(curve), every):
        ended, won, wrong, seconds = 0.0, 0.0, 0.0, 0.0
        for entry in reversed(curve[: end + 1]):
            if ended >= EPISODES:
                break
            if entry["episodes"]:
                ended += entry["episodes"]
                won += entry["success"] * entry["episodes"]
                wrong += entry["wrong"] * entry["episodes"]
                seconds += entry["time_s"] * entry["success"] * entry["episodes"] if entry["success"] else 0.0
        if ended:
            rows.append(
                {
                    "steps": int(curve[end]["steps"]),
                    "success": round(won / ended, 4),
                    "wrong": round(wrong / ended, 4),
                    "time_s": round(seconds / won, 2) if won else "",
                }
            )
    return rows


def draw(rows: list[dict[str, Any]], chance: float, path: Path) -> None:
    """Plot success against steps, one line for each training."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    said: set[str] = set()
    for name in dict.fromkeys(str(row["training"]) for row in rows):
        own = [row for row in rows if row["training"] == name]
        parts = name.split("_")
        line, colour, words = next(LINES[kind] for kind in LINES if kind in parts)
        axes.plot(
            [row["steps"] / 1e6 for row in own],
            [row["success"] for row in own],
            line,
            color=colour,
            label=None if words in said else words,
        )
        said.add(words)
    axes.axhline(chance, color="grey", linewidth=0.8, label="chance")
    axes.set(
        xlabel="control steps, millions", ylabel=f"success, last {EPISODES} episodes", ylim=(0, 1.02), xlim=(0, None)
    )
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
