"""What `bounds.py` does not measure of Box and Blocks: the clinical test, and whether anything tells the coin.

    python benchmarks/box_and_blocks.py             # both parts
    python benchmarks/box_and_blocks.py clinical    # the clinical test alone
    python benchmarks/box_and_blocks.py coins       # the search for the coin alone

- clinical: blocks taken in 60 s by a decoder, by policies that never look at one, and by a hand that never moves. The
  rhythm of the clock is chosen on one set of seeds and measured on another, as everything else.
- coins: what is observed of a block until it is decided is given to a classifier, which is tested on other episodes. It
  must not find the coin where it has no information: in what is seen of the limb, and in all that is seen when the
  operator pursues decoy coins. Two controls show that it finds what there is to find: the posterior of a decoder that
  is always right, and under decoy coins, the decoy coin.

Everything plays surrogates of the test part. Results go to ``results/box_and_blocks.json`` and ``.md``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from blind_strategies import Sight

from neuromotion_gym.benchmark.figures import wilson_interval
from neuromotion_gym.benchmark.markup import Section, markdown
from neuromotion_gym.envs import checks
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.files import write_text
from neuromotion_gym.registration import environment
from neuromotion_gym.tasks.box_and_blocks import CLASSICAL_SUCCESS, BoxAndBlocksTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.closed_loop import ClosedLoop

    Policy = Callable[[ClosedLoop, int], np.ndarray]

ENVIRONMENT = "NeuroGrasp-v0"
OUT = Path(__file__).parent / "results" / "box_and_blocks.json"
CHOOSING, MEASURING = 10_000_000, 30_000_000
"""First seeds of the episodes in which rhythms are tried, and in which everything is measured."""
RHYTHMS = ((2.2, 1.8), (2.8, 2.0), (2.4, 2.2), (3.2, 1.6), (3.0, 2.4))
"""Seconds for which a clock closes and opens the hand; together 4 to 5.4 s, about as long as a block takes."""
TRIED = 8
FOLDS = 8


def main() -> None:
    """Measure what is asked for; write tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", default=("clinical", "coins"), help="clinical, coins; both if none is named"
    )
    parser.add_argument("--episodes", type=int, default=48, help="episodes of the clinical test (%(default)s)")
    parser.add_argument("--offered", type=int, default=64, help="episodes in which the coin is searched (%(default)s)")
    options = parser.parse_args()
    known: dict[str, Any] = {"clinical": lambda: clinical(options.episodes), "coins": lambda: coins(options.offered)}
    if unknown := set(options.parts) - set(known):
        parser.error(f"parts are {', '.join(known)}, not {', '.join(sorted(unknown))}")
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.is_file() else {}
    for part in options.parts:
        found[part] = known[part]()
        write_text(OUT, json.dumps(found, indent=1) + "\n")
        write_text(OUT.with_suffix(".md"), tables(found))


# -- the clinical test ----------------------------------------------------------------------------------------------


def clinical(episodes: int) -> list[dict[str, Any]]:
    """Lines of the clinical test."""
    decoder = environment(ENVIRONMENT).decoder
    blind = f"blind:{decoder}"
    rhythm = max(RHYTHMS, key=lambda one: minute(clock(*one), blind, TRIED, CHOOSING)["taken"].mean())
    policies: dict[str, tuple[Policy, str]] = {
        f"oracle:{decoder}": (checks.follow, f"oracle:{decoder}"),
        decoder: (checks.follow, decoder),
        f"shuffled:{decoder}": (checks.follow, f"shuffled:{decoder}"),
        "closes when a block is in reach and opens past the partition": (reflex, blind),
        f"closes for {rhythm[0]:g} s, opens for {rhythm[1]:g} s, by time alone": (clock(*rhythm), blind),
        "stands still": (checks.stand_still, blind),
    }
    lines = []
    for name, (act, driver) in policies.items():
        one = minute(act, driver, episodes, MEASURING)
        taken = one["taken"]
        lines.append(
            {
                "driven_by": name,
                "mean": round(float(taken.mean()), 2),
                "least": int(taken.min()),
                "most": int(taken.max()),
                "success": round(float((taken >= CLASSICAL_SUCCESS).mean()), 3),
                "dropped": round(float(one["dropped"].mean()), 2),
                "seconds": round(float(one["seconds"].mean()), 1),
                "episodes": episodes,
            }
        )
        print(lines[-1], flush=True)
    return lines


def minute(act: Policy, decoder: str, episodes: int, seed: int) -> dict[str, np.ndarray]:
    """Figures of episodes of the clinical test."""
    return played(act, episodes, seed, decoder=decoder, mode="classical")


def played(act: Policy, episodes: int, seed: int, **options: Any) -> dict[str, np.ndarray]:
    """Play one episode in every row: the task's own figures at the end, and ``seconds``, each of shape (episodes,)."""
    env = NeuroVectorEnv(ENVIRONMENT, episodes, threads=1, part="test", **options)
    loop = env.loop
    found = {name: np.zeros(episodes) for name in (*loop.columns, "seconds")}
    going, step = np.ones(episodes, dtype=bool), 0
    try:
        env.reset(seed=seed)
        while going.any():
            result = loop.step(act(loop, step))
            step += 1
            ended = going & (result.terminated | result.truncated)
            for name, values in loop.columns.items():
                found[name][ended] = values[ended]
            found["seconds"][ended] = step * loop.layout.control_s
            going &= ~ended
            loop.stop(np.flatnonzero(ended))
    finally:
        env.close()
    return found


def reflex(loop: ClosedLoop, step: int) -> np.ndarray:
    """Close while a block is in reach or in the hand, but not past the partition."""
    situation = Sight.of(loop.layout, np.asarray(loop.observation()), step).situation
    reach, hand, past = situation.T > 0.5
    return np.where((reach | hand) & ~past, 1.0, -1.0)[:, None]


def clock(close_s: float, open_s: float) -> Policy:
    """Close and open by time alone."""

    def act(loop: ClosedLoop, step: int) -> np.ndarray:
        closes = step * loop.layout.control_s % (close_s + open_s) < close_s
        return np.full((loop.num_rows, 1), 1.0 if closes else -1.0)

    return act


# -- whether anything tells the coin --------------------------------------------------------------------------------


class Offers(NamedTuple):
    """What was seen of every block, with its coins.

    Parameters
    ----------
    limb, everything : float array, shape (blocks, features)
        Mean and last value, over the time from the last decision to this one, of what is observed of the limb and its
        surroundings, and of the whole observation; both with the episode's own figures.
    coins, decoys : bool array, shape (blocks,)
        Whether the scored and the decoy coin say take.
    episode : int array, shape (blocks,)
    """

    limb: np.ndarray
    everything: np.ndarray
    coins: np.ndarray
    decoys: np.ndarray
    episode: np.ndarray


def coins(episodes: int) -> list[dict[str, Any]]:
    """Lines of the search for the coin."""
    decoder = environment(ENVIRONMENT).decoder
    true, decoy = (offers(f"oracle:{decoder}", episodes, decoy=pursued) for pursued in (False, True))
    shuffled = offers(f"shuffled:{decoder}", episodes, decoy=False)
    cases = (
        ("the limb and its surroundings", true, true.limb, true.coins, "1/2"),
        ("everything, labels drawn at random", shuffled, shuffled.everything, shuffled.coins, "1/2"),
        ("everything, the operator pursues decoy coins", decoy, decoy.everything, decoy.coins, "1/2"),
        ("everything, a decoder that is always right (control)", true, true.everything, true.coins, "1"),
        ("the same for the decoy coin (control)", decoy, decoy.everything, decoy.decoys, "1"),
    )
    lines = []
    for name, seen, features, wanted, expected in cases:
        right = guessed(features, wanted, seen.episode) == wanted
        lines.append(found_line(f"classifier: {name}", int(right.sum()), len(right), expected))
    level = checks.levels(ENVIRONMENT)[0]
    for pursued, name, expected in ((True, "the operator pursues decoy coins", "1/2"), (False, "control", "1")):
        driver = f"oracle:{decoder}"
        ends = played(checks.follow, episodes, MEASURING, decoder=driver, level=level, decoy=pursued)
        blocks = int((ends["taken"] + ends["left"]).sum())
        right = (blocks + int(ends["net"].sum())) // 2
        lines.append(found_line(f"hand that follows a decoder that is always right: {name}", right, blocks, expected))
    return lines


def found_line(name: str, right: int, blocks: int, expected: str) -> dict[str, Any]:
    """A line of the search: how often the coin was found."""
    rate = wilson_interval(right, blocks)
    figures = {key: round(float(getattr(rate, key)), 4) for key in ("mean", "low", "high")}
    line = {"seen": name, **figures, "expected": expected, "blocks": blocks}
    print(line, flush=True)
    return line


def offers(decoder: str, episodes: int, *, decoy: bool) -> Offers:
    """Play the easiest level with a hand that takes or leaves each block by a coin of its own."""
    level = checks.levels(ENVIRONMENT)[0]
    env = NeuroVectorEnv(ENVIRONMENT, episodes, threads=1, decoder=decoder, level=level, decoy=decoy, part="test")
    loop, generator = env.loop, np.random.default_rng(MEASURING)
    task, layout = loop.parts.task, loop.layout
    assert isinstance(task, BoxAndBlocksTask)
    of_limb = np.r_[layout.position, layout.velocity, layout.situation]
    rows, going, takes = np.arange(episodes), np.ones(episodes, dtype=bool), generator.random(episodes) < 0.5
    seen: list[list[np.ndarray]] = [[] for _ in rows]
    found: list[tuple[np.ndarray, np.ndarray, bool, bool, int]] = []
    before = np.zeros(episodes, dtype=int)
    try:
        env.reset(seed=MEASURING)
        while going.any():
            observation = np.asarray(loop.observation())
            told = np.stack([loop.columns[name] for name in layout.facts.columns], axis=1)
            result = loop.step(np.where(takes[:, None], reflex(loop, 0), -1.0))
            decided = loop.columns["taken"] + loop.columns["left"]
            for row in np.flatnonzero(going):
                seen[row].append(np.concatenate([observation[row], told[row]]))
                if decided[row] > before[row]:
                    sight, block = np.array(seen[row]), int(before[row])
                    size = observation.shape[1]
                    apart = np.r_[of_limb, size : sight.shape[1]]
                    each = [np.concatenate([part.mean(axis=0), part[-1]]) for part in (sight[:, apart], sight)]
                    found.append((*each, task.coins[row, block] > 0, task.decoy_coins[row, block] > 0, row))
                    seen[row], before[row], takes[row] = [], block + 1, generator.random() < 0.5
            ended = result.terminated | result.truncated
            going &= ~ended
            loop.stop(np.flatnonzero(ended))
    finally:
        env.close()
    return Offers(*(np.array(part) for part in zip(*found, strict=True)))


def guessed(features: np.ndarray, wanted: np.ndarray, episode: np.ndarray) -> np.ndarray:
    """Guesses of a classifier for every block, which is trained on other episodes; bool array of shape (blocks,)."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import GroupKFold, cross_val_predict

    classifier = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=7, random_state=0)
    return np.asarray(cross_val_predict(classifier, features, wanted, groups=episode, cv=GroupKFold(FOLDS)))


# -- tables ---------------------------------------------------------------------------------------------------------


def tables(found: dict[str, Any]) -> str:
    """Both tables, as Markdown."""
    head = ("driven by", "blocks taken: mean", "least", "most", "at least ten", "drops", "seconds", "episodes")
    rows = [tuple(str(value) for value in line.values()) for line in found.get("clinical", ())]
    searched = [
        (
            each["seen"],
            f"{each['mean']:.3f} [{each['low']:.3f}, {each['high']:.3f}]",
            each["expected"],
            str(each["blocks"]),
        )
        for each in found.get("coins", ())
    ]
    sections = [
        Section("The clinical test: blocks taken in 60 s, of twelve", head, rows),
        Section("Whether anything tells the coin: share of blocks for which it was found", SEARCHED, searched),
    ]
    return markdown("Box and Blocks", [" ".join(NOTES.split())], [each for each in sections if each.rows])


SEARCHED = ("what is seen", "found [95 %]", "expected", "blocks")
NOTES = """
Written by benchmarks/box_and_blocks.py. Surrogates of the test part; every episode has its own seed. Intervals after
Wilson, over blocks. seconds: mean duration; an episode ends early when the arm has been at all twelve blocks. The
classifier is trained on other episodes than it is tested on; it sees mean and last value of what is observed while a
block waits, is offered, carried and put down, and the figures of the episode.
"""


if __name__ == "__main__":
    main()
