"""Report of `throughput.py`: each figure next to its bar (the required value), and tables of all measurements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loop_timing import FINE, REFERENCE, SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

EEG, EMG = "eeg_fists", "emg_armband"
HEARD = ", with signals"
"""Added to the name of an oracle for which samples were generated although it does not read them."""
MARKS = ("<!-- bars -->", "<!-- end of bars -->")
TITLES = {
    "environments": "Every environment with its default decoder: batch ÷ `mujoco.rollout`",
    "environments by size": "Every environment: time of one limb's step for several batch sizes, µs",
    "decisions": "One decision in a batch of 64, one core",
    "batch over rollout": "Batch ÷ `mujoco.rollout`, the arm as shipped",
    f"batch over rollout, {FINE}": f"Batch ÷ `mujoco.rollout`, {FINE}",
    f"batch over rollout, {REFERENCE}": f"Batch ÷ `mujoco.rollout`, {REFERENCE}",
    "batch over copies": "Batch ÷ the same number of single environments",
    "single over mj_step": "Single environment ÷ loop of `mj_step`",
    "cost by size": "Time of one limb's step for several batch sizes, µs",
    "profile": "Processor time of each part in one limb's step, one thread, µs",
    "profile of environments": "Every environment: processor time of each part in one limb's step, one thread, µs",
    "profile of a single environment": "A single environment: processor time of each part of a step, one thread, µs",
    "memory": "Memory",
}


def bars(sections: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each bar: the required value, the measured value, and whether the bar is met.

    Ratios are judged with the physics that comes nearest to the cost of the reference limb. The ratio with the shipped
    physics, which is cheaper, is in the last column. The time of all but physics and decoding is measured with an
    oracle for which samples are generated, although the oracle does not read them: a decoder needs them.
    """
    shipped = {row["decoder"]: row for row in sections["batch over rollout"]}
    middle = {row["decoder"]: row for row in sections[f"batch over rollout, {FINE}"]}
    reference = {row["decoder"]: row for row in sections[f"batch over rollout, {REFERENCE}"]}
    decisions = {row["decoder"]: row["decision_us"] / 1000 for row in sections["decisions"]}
    copies = {row["decoder"]: row for row in sections["batch over copies"]}
    single = {(row["decoder"], row["physics"], row["threads"]): row for row in sections["single over mj_step"]}
    found = []

    def ask(figure: str, bar: float, value: float, *, at_least: bool, also: str = "") -> None:
        met = value >= bar if at_least else value <= bar
        sign = "≥" if at_least else "≤"
        found.append({"figure": figure, "bar": f"{sign} {bar:g}", "measured": value, "met": met, "also": also})

    for name, bar in (("oracle", 0.95), (f"oracle:{EEG}", 0.95), (EMG, 0.85), (EEG, 0.85)):
        also = (
            f"{_spread(reference[name])}20 × 2.5 ms: {middle[name]['ratio']:.2f}; shipped physics: "
            f"{shipped[name]['ratio']:.2f}, or {shipped[name]['ratio_at_reference']:.2f} if physics took 0.47 ms"
        )
        if name + HEARD in reference:
            also += f"; with samples generated but not read: {reference[name + HEARD]['ratio']:.3f}"
        ask(f"{name} ÷ raw rollout", bar, reference[name]["ratio"], at_least=True, also=also)
    for name, bar in (("oracle", 0.92), (EMG, 0.90), (EEG, 0.85)):
        also = f"{_spread(shipped[name])}by processor time {shipped[name]['processor_ratio']:.3f}"
        ask(f"{name} ÷ raw rollout, the arm as shipped", bar, shipped[name]["ratio"], at_least=True, also=also)
    for row in sections["environments"]:
        also = f"{_spread(row)}by processor time {row['processor_ratio']:.3f}"
        ask(f"{row['environment']}, {row['decoder']} ÷ raw rollout", 0.85, row["ratio"], at_least=True, also=also)
    beyond = single["oracle" + HEARD, SHIPPED, 1]["beyond_physics_us"]
    ask("single environment, all but physics and decoding, µs per step", 120, beyond, at_least=False)
    ask(f"one decision, {EEG}, ms", 0.3, decisions[EEG], at_least=False)
    ask(f"one decision, {EMG}, ms", 0.06, decisions[EMG], at_least=False)
    for name, what in ((f"oracle{HEARD}", "EMG"), (f"oracle:{EEG}{HEARD}", "EEG")):
        processor = shipped[name]["loop_processor_us"] - shipped[name]["raw_processor_us"]
        also = f"processor time of all threads: {processor:.1f}; with RK4 physics: "
        also += f"{reference[name]['beyond_physics_us']:.1f}"
        value = shipped[name]["beyond_physics_us"]
        ask(f"all but physics and decoding, {what}, µs per limb and step", 20, value, at_least=False, also=also)
    ask(f"batch ÷ SyncVectorEnv, {EEG}", 3, copies[EEG]["over_sync"], at_least=True)
    ask(f"batch ÷ AsyncVectorEnv, {EEG}", 1.5, copies[EEG]["over_async"], at_least=True)
    for threads in (1, 2):
        row = single["oracle", REFERENCE, threads]
        also = f"{_spread(row)}20 × 2.5 ms: {single['oracle', FINE, threads]['ratio']:.2f}; shipped physics: "
        also += f"{single['oracle', SHIPPED, threads]['ratio']:.2f}; with samples generated but not read: "
        also += f"{single['oracle' + HEARD, REFERENCE, threads]['ratio']:.3f}"
        figure = f"single environment, oracle ÷ mj_step, threads={threads}"
        ask(figure, 0.8, row["ratio"], at_least=True, also=also)
    for row in sections["cost by size"]:
        growth = next((value for key, value in row.items() if key.startswith("growth")), None)
        if growth is not None:
            ask(f"growth of cost from batch 16 to 1024, {row['decoder']}", 1.1, growth, at_least=False)
    for row in sections["memory"]:
        ask(f"memory a limb, {row['decoder']}, MB", 1.0, row["mb_a_limb"], at_least=False)
    return found


def _spread(row: dict[str, Any]) -> str:
    low, high = row["quartiles"]
    return f"quartiles {low:.3f}, {high:.3f}; "


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown table of rows. Columns are the keys of the first row, then keys that only later rows have."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(key.replace("_", " ") for key in keys) + " |", "|" + " --- |" * len(keys)]
    lines += ["| " + " | ".join(_shown(row.get(key)) for key in keys) + " |" for row in rows]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def write_report(sections: dict[str, Any], folder: Path) -> str:
    """Write ``throughput.json`` and ``throughput.md``, and return the table of bars."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = bars(sections)
    text = ["# Throughput", "", "Written by `python benchmarks/throughput.py`; see `docs/performance.md`.", ""]
    for name in ("machine", "options"):
        text += [f"- {name}: " + ", ".join(f"{key} {value}" for key, value in sections[name].items())]
    for name, how in sections.get("measured again", {}).items():
        text += [f"- measured again, {name}: " + ", ".join(f"{key} {value}" for key, value in how.items())]
    text += ["", "## Bars", "", table(judged), ""]
    for name, rows in sections.items():
        if isinstance(rows, list):
            text += [f"## {TITLES.get(name, name.capitalize())}", "", table(rows), ""]
    _write(folder / "throughput.md", "\n".join(text))
    _write(folder / "throughput.json", json.dumps({**sections, "bars": judged}, indent=1) + "\n")
    return table(judged)


def fill(page: Path, text: str) -> None:
    """Replace what is between the two marks of a page with a table."""
    before, rest = page.read_text(encoding="utf-8").split(MARKS[0])
    _write(page, f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
