"""Memory over a million control steps: ``python benchmarks/soak.py``.

The script counts control steps of limbs (limb-steps): one step of a batch of 64 limbs counts 64. The batch decodes all
the time, and episodes end and begin as usual. Half of the steps use the armband decoder, half the EEG decoder. The
memory of the process is read 50 times for each decoder. In the first tenth of a run it may grow, since caches fill and
the decoder is adapted to each person. After that it may grow by 2 MB at most; if it grows more, the exit code is 1.
Writes ``soak.json`` and ``soak.md`` into ``--out``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from loop_timing import Stepping, batch, following, ingredients
from timing import machine, resident_bytes

DECODERS = ("emg_armband", "eeg_fists")
SAMPLES = 50
ALLOWED_BYTES = 2e6
"""Largest allowed growth, from the median memory in the second tenth of a run to the median in the last tenth."""


def soak(decoder: str, limb_steps: int, rows: int, threads: int, source: str) -> dict[str, Any]:
    """Run one decoder's share of the steps."""
    env = batch(ingredients(decoder, source), rows, threads)
    stepping = Stepping(env, following(env.layout), rows)
    chunk = max(1, limb_steps // rows // SAMPLES)
    begin, memory = perf_counter(), []
    for _ in range(SAMPLES):
        stepping(chunk)
        memory.append(resident_bytes())
        print(f"{decoder}: {stepping.steps * rows} limb-steps, {memory[-1] / 1e6:.1f} MB", file=sys.stderr, flush=True)
    seconds = perf_counter() - begin
    env.close()
    tenth = SAMPLES // 10
    growth = float(np.median(memory[-tenth:]) - np.median(memory[tenth : 2 * tenth]))
    return {
        "decoder": decoder,
        "rows": rows,
        "limb_steps": stepping.steps * rows,
        "episodes": stepping.ended,
        "seconds": round(seconds, 1),
        "memory_mb": [round(value / 1e6, 2) for value in memory],
        "growth_mb": round(growth / 1e6, 3),
        "flat": growth <= ALLOWED_BYTES,
    }


def main() -> None:
    """Read the command line, run both decoders, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--limb-steps", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--source", choices=("surrogate", "replay"), default="surrogate")
    arguments = parser.parse_args()
    share = -(-arguments.limb_steps // len(DECODERS))
    share = -(-share // (arguments.rows * SAMPLES)) * arguments.rows * SAMPLES
    runs = [soak(name, share, arguments.rows, arguments.threads, arguments.source) for name in DECODERS]
    result = {"machine": machine(), "source": arguments.source, "runs": runs}
    total = sum(run["limb_steps"] for run in runs)
    lines = [
        "# Soak",
        "",
        f"Written by `python benchmarks/soak.py`: {total:,} control steps of limbs, source {arguments.source}.",
        "",
        "| decoder | rows | limb-steps | episodes | memory after 20 % | at the end | growth | flat |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {run['decoder']} | {run['rows']} | {run['limb_steps']:,} | {run['episodes']} "
            f"| {run['memory_mb'][SAMPLES // 5 - 1]} MB | {run['memory_mb'][-1]} MB | {run['growth_mb']} MB "
            f"| {'yes' if run['flat'] else 'no'} |"
            for run in runs
        ),
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in (("soak.json", json.dumps(result, indent=1) + "\n"), ("soak.md", "\n".join(lines) + "\n")):
        temporary = arguments.out / f"{name}.part"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(arguments.out / name)
    print("\n".join(lines[4:]))
    if not all(run["flat"] for run in runs):
        sys.exit(f"memory grew by more than {ALLOWED_BYTES / 1e6:g} MB")


if __name__ == "__main__":
    main()
