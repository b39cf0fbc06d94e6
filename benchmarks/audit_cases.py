"""Audits of real recordings: ``python benchmarks/audit_cases.py --data DIR [--reports DIR]``.

Each case is audited as `neuromotion audit` does; the JSON files go to ``results/audit/``, and a table of all findings
to ``results/audit/cases.md``. ``--reports`` also writes the pages.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit import Material, audit
from neuromotion_gym.audit.reading import of_decoder
from neuromotion_gym.audit.report import write_report
from neuromotion_gym.datasets.emg_arm_table.reader import CHANNELS, distinct_rows, read_table, table_file
from neuromotion_gym.datasets.leg_uci_knee.reader import MUSCLES, read_samples
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.files import make_folder, write_text
from neuromotion_gym.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "audit"
SEED = 13
EYES = ("Fp1", "Fp2", "F7", "F8")
TEST_SHARE = 0.2


def arm_table(root: Path) -> Material:
    """The table of three electrodes as published: duplicates dropped, ten rows slid by one, split at random."""
    rows, names, _ = distinct_rows(read_table(table_file(root)))
    starts = np.arange(len(rows) - 10)
    test = np.random.default_rng(SEED).random(len(starts)) < TEST_SHARE
    return Material.of_windows(
        np.stack([rows[start : start + 10].T for start in starts]),
        names[starts + 10],
        rate_hz=100.0,  # not known; nothing that is asked depends on it
        groups=names[starts + 10],
        test=test,
        channels=CHANNELS,
        claim="trial",
        name="arm table, published split",
    )


def grid(root: Path) -> Material:
    """The forearm grid with short windows split at random, as single instants are split in the source system."""
    sessions = load_sessions("flexemg_64ch", "all", root=root)
    whole = Material.of_sessions(sessions, rest_label="rest")
    length, step = 50, 150
    found: list[tuple[np.ndarray, str, str, str, str, float]] = []
    for index, excerpt in enumerate(whole.excerpts):
        where = (whole.labels[index], whole.people[index], whole.sessions[index], whole.trials[index])
        for start in range(0, excerpt.shape[1] - length + 1, step):
            at = float(whole.start_s[index] + start / whole.rates_hz[index])
            found.append((excerpt[:, start : start + length], *where, at))
    columns = list(zip(*found, strict=True))
    return Material.of_windows(
        np.stack(columns[0]),
        columns[1],
        rate_hz=float(whole.rates_hz[0]),
        people=columns[2],
        sessions=columns[3],
        groups=columns[4],
        start_s=columns[5],
        test=np.random.default_rng(SEED).random(len(found)) < TEST_SHARE,
        channels=whole.channels,
        unit=whole.unit,
        rest_label="rest",
        claim="trial",
        name="forearm grid, instants of the same trials on both sides",
    )


def pooled_legs(root: Path) -> Material:
    """Which muscle a single channel is of, in two sets of the leg whose rates and filters differ."""
    rows: list[tuple[np.ndarray, str, str, str, float]] = []
    for session in load_sessions("leg_isometric_elderly", "all", root=root):
        for recording in session.recordings:
            for channel, name in enumerate(recording.spec.channels):
                for trial, samples in recording.trial_samples():
                    for start in (2000, 6000):
                        part, where = samples[channel : channel + 1, start : start + 2000], f"{trial.label} {start}"
                        rows.append((part, name, f"isometric {recording.subject}", where, 2000.0))
    for file in sorted((root / "leg_uci_knee" / "N_TXT").glob("*N*.txt")):
        samples = read_samples(file)  # in mV; the other set is in µV
        for channel, muscle in enumerate(MUSCLES):
            seconds = samples[channel, : samples.shape[1] // 1000 * 1000].reshape(-1, 1, 1000)
            for index in np.argsort(seconds.std(axis=(1, 2)))[-4:]:
                part, person = 1000 * seconds[index], file.stem.partition("N")[0]
                rows.append((part, muscle, f"knee {person}", f"{file.stem} {index}", 1000.0))
    # All channels were recorded at once: there is no order of time between them
    order = np.random.default_rng(SEED).permutation(len(rows))
    shortest = min(part.shape[1] for part, *_ in rows)
    columns: list[Any] = list(zip(*((rows[row][0][:, :shortest], *rows[row][1:]) for row in order), strict=True))
    return Material.of_windows(
        np.stack(columns[0]),
        columns[1],
        rate_hz=np.array(columns[4]),
        people=columns[2],
        groups=[f"{trial} {label}" for trial, label in zip(columns[3], columns[1], strict=True)],
        name="muscles of two leg sets, pooled",
    )


def pooled_bursts(root: Path) -> Material:
    """Which muscle a window of a single channel is of, in the same sets, both at 1000 Hz and in µV."""
    rows: list[tuple[np.ndarray, str, str, str]] = []
    for name, scale in (("leg_isometric_holds", 1.0), ("leg_uci_knee", 1000.0)):
        for session in load_sessions(name, "all", root=root):
            for recording in session.recordings:
                for number, (trial, samples) in enumerate(recording.trial_samples()):
                    where = (trial.label, f"{name} {recording.subject}", f"{recording.run} {number}")
                    starts = range(0, min(samples.shape[1], 2000) - 999, 1000)
                    rows += [(scale * samples[:, start : start + 1000], *where) for start in starts]
    # Channels were recorded at once, and windows stand muscle by muscle: there is no order of time between them
    order = np.random.default_rng(SEED).permutation(len(rows))
    columns: list[Any] = list(zip(*(rows[row] for row in order), strict=True))
    return Material.of_windows(
        np.stack(columns[0]),
        columns[1],
        rate_hz=1000.0,
        people=columns[2],
        groups=columns[3],
        channels=["muscle"],
        unit="µV",
        name="holds and bursts of two leg sets, pooled at 1000 Hz",
    )


def recorded(root: Path) -> Material:
    """Recordings of EEG as they are, without a decoder."""
    return Material.of_sessions(
        load_sessions("eegmmidb", "test", root=root),
        rest_label="rest",
        eyes=EYES,
        name="EEG as recorded, part 'test' of eegmmidb",
    )


def clean(root: Path) -> Material:
    """Real recordings of EEG whose labels are permuted within sessions, people held out."""
    people = [f"S{number:03d}" for number in range(46, 58)]
    material = Material.of_sessions(
        load_sessions("eegmmidb", "train", subjects=people[4:], root=root),
        load_sessions("eegmmidb", "train", subjects=people[:4], root=root),
        rest_label="rest",
        eyes=EYES,
        name="EEG, labels permuted within sessions",
    )
    generator = np.random.default_rng(SEED)
    labels = material.labels.copy()
    task = np.isin(labels, material.names)
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    for key in sorted(set(keys.tolist())):
        mine = np.flatnonzero((keys == key) & task)
        labels[mine] = labels[generator.permutation(mine)]
    return material.with_labels(labels)


CASES: dict[str, Callable[[Path], Material]] = {
    "emg_armband": lambda root: of_decoder("emg_armband", root=root),
    "eeg_fists": lambda root: of_decoder("eeg_fists", root=root),
    "eeg_cnn_transformer": lambda root: of_decoder("eeg_cnn_transformer", root=root),
    "leg_hold": lambda root: of_decoder("leg_hold", root=root),
    "leg_burst": lambda root: of_decoder("leg_burst", root=root),
    "emg_grid_turned": lambda root: of_decoder("emg_grid_turned", root=root),
    "eeg_recorded": recorded,
    "arm_table": arm_table,
    "forearm_grid": grid,
    "pooled_legs": pooled_legs,
    "pooled_bursts": pooled_bursts,
    "clean_eeg": clean,
}


def main() -> None:
    """Audit all cases, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--reports", type=Path)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    given = parser.parse_args()
    make_folder(RESULTS)
    for name in given.cases:
        found = audit(CASES[name](data_root(given.data)))
        write_text(RESULTS / f"{name}.json", json.dumps(found.to_json(), indent=1) + "\n")
        print(name, [one.question for one in found.findings], flush=True)
        if given.reports is not None:
            write_report(found, given.reports / name)
    write_text(RESULTS / "cases.md", table())


def table() -> str:
    """All findings of the stored audits."""
    lines = [
        "# Audits of real recordings",
        "",
        "Made by `benchmarks/audit_cases.py`; every answer stands in the JSON file of the case.",
        "",
        "| case | people, trials | question | finding |",
        "|---|---|---|---|",
    ]
    for name in CASES:
        path = RESULTS / f"{name}.json"
        if not path.is_file():
            continue
        stored = json.loads(path.read_text("utf-8"))
        about = f"{stored['about']['people']}, {stored['about']['trials']}"
        findings = [one for one in stored["answers"] if one["finding"]]
        lines += [f"| `{name}` | {about} | `{one['question']}` | {one['sentence']} |" for one in findings]
        if not findings:
            lines.append(f"| `{name}` | {about} | all {len(stored['answers'])} answers | nothing was found |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
