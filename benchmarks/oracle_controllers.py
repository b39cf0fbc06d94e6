"""Every hand-written controller with a decoder that is always right: what a controller itself costs.

    python benchmarks/oracle_controllers.py                          # every environment
    python benchmarks/oracle_controllers.py NeuroArm-v0 NeuroLeg-v0  # only these

Each controller drives the oracle of the environment's default decoder on its middle level, all with the same episodes.
The oracle is always right, but as late as its decoder: a controller that then fails, or is worse than ``argmax``, has a
fault of its own. Finished rows are kept in ``--out`` and are not played again; ``--again`` plays all.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bounds import Level
from bounds_tables import row_of

from neuromotion_gym.benchmark.digests import library_digest
from neuromotion_gym.benchmark.markup import Section, markdown
from neuromotion_gym.controllers import CONTROLLERS
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text
from neuromotion_gym.registration import ENVIRONMENTS, environment, task_class
from neuromotion_gym.tasks.task import middle_level

FIRST = "argmax"
"""The controller that all others are compared with."""
IGNORES = "blind"
"""The controller that ignores the decoder."""
WANTED = 0.95
HEADER = ("controller", "success [95 %]", "wrong selections", "median time, s", "return", "episodes", "verdict")


def main() -> None:
    """Play what is missing; write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", help="environments; all if none is named")
    parser.add_argument("--episodes", type=int, default=200, help="episodes of every row (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "oracle_controllers.json")
    parser.add_argument("--again", action="store_true", help="play finished rows again")
    options = parser.parse_args()
    if unknown := set(options.ids) - set(ENVIRONMENTS):
        parser.error(f"no environment is called {', '.join(sorted(unknown))}; there are {', '.join(ENVIRONMENTS)}")
    kept: dict[str, Any] = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
    names = [FIRST, *sorted(set(CONTROLLERS) - {FIRST, IGNORES})]
    for env_id in options.ids or list(ENVIRONMENTS):
        level = middle_level(task_class(environment(env_id).task).levels)
        for name in names:
            key = f"{env_id} {level} {name}"
            if key in kept and not options.again:
                continue
            line = played(Level(env_id, level, options.episodes, Path()), name)
            print(key, line, flush=True)
            kept[key] = {"environment": env_id, "level": level, "library": library_digest(), **line}
            write_text(options.out, json.dumps(kept, indent=1) + "\n")
    write_text(options.out.with_suffix(".md"), table(list(kept.values())))


def played(level: Level, controller: str) -> dict[str, Any]:
    """Figures of one controller, or why it refuses the task."""
    decoder = f"oracle:{level.decoder}"
    try:
        return {**level.line(controller, level.driven(controller, decoder)), "decoder": decoder}
    except NeuroMotionError as error:
        return {"policy": controller, "refused": str(error), "decoder": decoder}


def verdict(line: dict[str, Any], first: dict[str, Any]) -> str:
    """Whether a controller reaches what is wanted, and whether it is worse than the first one."""
    worse = line["high"] < first["success"]
    found = f"{'at least' if line['success'] >= WANTED else 'BELOW'} {WANTED}"
    return found + (f", WORSE THAN {FIRST}" if worse else "")


def table(lines: list[dict[str, Any]]) -> str:
    """One table for each environment, as Markdown."""
    sections = []
    for env_id in ENVIRONMENTS:
        mine = [line for line in lines if line["environment"] == env_id]
        rows = []
        for line in mine:
            if "refused" in line:
                rows.append((line["policy"], "refused", *["–"] * 4, line["refused"]))
            else:
                rows.append((*row_of("", line)[1:7], verdict(line, mine[0])))
        if rows:
            sections.append(Section(f"{env_id}, {mine[0]['level']}, {mine[0]['decoder']}", HEADER, rows))
    return markdown("Controllers with a decoder that is always right", [" ".join(NOTES.split())], sections)


NOTES = """
Written by benchmarks/oracle_controllers.py. Default options of every controller, the same episodes for all. The oracle
is right, but as late as the decoder that it stands for. Intervals after Wilson, over episodes. A controller is called
worse than argmax if the upper end of its interval lies below argmax's success.
"""


if __name__ == "__main__":
    main()
