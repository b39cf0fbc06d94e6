"""Simulated coverage of the reports' 95 % intervals near 1: ``python benchmarks/interval_coverage.py``.

The script draws people from a population with a known mean success rate. Each person plays some episodes. Coverage is
the share of repeats in which the interval contains the mean rate. The table goes to ``results/interval_coverage.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.files import write_text
from neuromotion_gym.statistics import rate_interval, studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    Population = Callable[[np.random.Generator, float, int], np.ndarray]

RATES = (0.90, 0.93, 0.95, 0.97, 0.99)
PEOPLE = (10, 15, 79)
EPISODES = (3, 20)


def _beta(size: float) -> Population:
    return lambda generator, rate, people: generator.beta(size * rate, size * (1 - rate), people)


POPULATIONS: dict[str, Population] = {
    "some people always fail, the others never": lambda generator, rate, people: (
        generator.random(people) < rate
    ).astype(float),
    "some people succeed half of the time, the others always": lambda generator, rate, people: np.where(
        generator.random(people) < 2 * (1 - rate), 0.5, 1.0
    ),
    "Beta, a + b = 2": _beta(2),
    "Beta, a + b = 8": _beta(8),
    "Beta, a + b = 30": _beta(30),
    "Beta, a + b = 1000": _beta(1000),
}


def coverage(
    population: Population, rate: float, people: int, episodes: int, repeats: int
) -> tuple[float, float, float]:
    """Coverage of `rate_interval`, coverage of the studentised bootstrap alone, and mean width of `rate_interval`."""
    generator = np.random.default_rng([people, episodes, round(1000 * rate)])
    number = np.full(people, episodes)
    found = np.zeros((repeats, 3))
    for row in found:
        successes = generator.binomial(episodes, population(generator, rate, people))
        interval = rate_interval(successes, number)
        alone = studentised_bootstrap_interval(successes / number, bounds=(0.0, 1.0))
        row[:] = (
            interval.low <= rate <= interval.high,
            alone.low <= rate <= alone.high,
            interval.high - interval.low,
        )
    mean = found.mean(axis=0)
    return float(mean[0]), float(mean[1]), float(mean[2])


def main() -> None:
    """Run the simulations and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400, help="Simulations of each case (default 400).")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "interval_coverage.md")
    arguments = parser.parse_args()
    header = "| population | people | episodes each | " + " | ".join(f"{rate:.2f}" for rate in RATES) + " |"
    lines = [
        "# Coverage of the 95 % intervals of rates near 1",
        "",
        f"{arguments.repeats} simulations of each case. Columns: true success rate. Each entry: coverage of the",
        "interval in reports, (coverage of the studentised bootstrap over people alone), mean width of the interval.",
        "",
        header,
        "| " + " | ".join(["---"] * (3 + len(RATES))) + " |",
    ]
    lowest = 1.0
    for name, population in POPULATIONS.items():
        for people in PEOPLE:
            for episodes in EPISODES:
                entries = []
                for rate in RATES:
                    mine, alone, width = coverage(population, rate, people, episodes, arguments.repeats)
                    lowest = min(lowest, mine)
                    entries.append(f"{mine:.3f} ({alone:.2f}), {width:.2f}")
                lines.append(f"| {name} | {people} | {episodes} | " + " | ".join(entries) + " |")
    lines += ["", f"Lowest coverage: {lowest:.3f}.", ""]
    write_text(arguments.out, "\n".join(lines))
    print(f"{arguments.out}: lowest coverage {lowest:.3f}")


if __name__ == "__main__":
    main()
