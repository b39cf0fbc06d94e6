"""How often a turned or mirrored armband is found: ``python benchmarks/worn_bands.py --out FOLDER [--further FOLDER]``.

Every round is read in each of the 16 arrangements of the eight channels, as if the band had been worn that way. With
labels, the arrangement is found on a person's first round (first half, for people with one round) and judged on the
rest. Without labels, it is found on a whole round and judged on the same samples. Each of the ten people is decoded by
the decoder of the fold that was trained without them (trained first if the cache lacks it); further people, in folders
``FOLDER/<person>/training0`` of the same format, by the shipped decoder. A decoder that is calibrated to a person's
first round is judged on the later ones. The script writes ``worn_bands.md``. It needs the extra ``train`` and the
recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.myo_armband.reader import ROUNDS, SUBJECTS, read_round
from neuromotion_gym.decoders.arrangement import Arrangement, arrangement_check, arrangements, labelled_arrangement
from neuromotion_gym.decoders.calibration import balanced_accuracy, calibration_windows
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.training.calibrate import fit_to_wearer
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording

NAME, CALIBRATED = "emg_armband", "emg_armband_calibrated"
WORSE = 0.1
"""A band is worn wrongly if its accuracy is this much below that of the person's best arrangement."""
HARMED = 0.02
"""A finding is wrong if following it loses this much accuracy."""


LEGEND = (
    "A case is a round read in one of the 16 arrangements. Worn wrongly: balanced accuracy more than 0.1 below that of",
    "the best one. Left: worn wrongly, and nothing was said. Harmed: accuracy was lost by following what was said.",
)


@dataclass
class Count:
    """Outcomes of one way of finding, over all cases of a group."""

    cases: int = 0
    worn_wrongly: int = 0
    found: int = 0
    left: int = 0
    harmed: int = 0
    before: float = 0.0
    after: float = 0.0

    def add(self, accuracies: np.ndarray, worn: int, chosen: int) -> None:
        """Count one case: accuracy of each arrangement, index of the one that is worn, and of the one chosen."""
        wrongly = accuracies.max() - accuracies[worn] > WORSE
        better = accuracies.max() - accuracies[chosen] <= WORSE
        self.cases += 1
        self.worn_wrongly += wrongly
        self.found += wrongly and better
        self.left += wrongly and not better
        self.harmed += accuracies[chosen] < accuracies[worn] - HARMED
        self.before += accuracies[worn]
        self.after += accuracies[chosen]

    def row(self, name: str) -> str:
        """Row of the table."""
        means = f"{self.before / self.cases:.3f} | {self.after / self.cases:.3f}"
        return f"| {name} | {self.cases} | {self.worn_wrongly} | {self.found} | {self.left} | {self.harmed} | {means} |"


def first_trials(recording: Recording, share: float, *, rest: bool = False) -> Recording:
    """The trials before or after a share of the recording, with their samples."""
    number = round(share * len(recording.trials))
    edge = recording.trials[number - 1].stop if number else 0
    part = slice(edge, None) if rest else slice(0, edge)
    kept = recording.trials[number:] if rest else recording.trials[:number]
    move = edge if rest else 0
    trials = tuple(replace(one, start=one.start - move, stop=one.stop - move) for one in kept)
    return replace(recording, samples=recording.samples[:, part], trials=trials)


def accuracies_of(decoder: Decoder, recordings: list[Recording]) -> np.ndarray:
    """Balanced accuracy of each arrangement over windows without overlap, shape (arrangements,)."""
    spec = decoder.spec.model_copy(update={"hop_s": decoder.spec.window_s})
    windows, labels, _ = calibration_windows(recordings, spec)
    orders = [one.order(len(spec.channels)) for one in arrangements(len(spec.channels))]
    decided = (decoder.predict_proba(np.ascontiguousarray(windows[:, order])).argmax(axis=1) for order in orders)
    return np.array([balanced_accuracy(one, labels) for one in decided])


def combined(worn: Arrangement, found: Arrangement, count: int) -> int:
    """Index of the arrangement that results if a band is worn in one and read in another."""
    order = [worn.order(count)[channel] for channel in found.order(count)]
    return [one.order(count) for one in arrangements(count)].index(order)


def cases(decoder: Decoder, recording: Recording) -> Iterator[tuple[Arrangement, Recording]]:
    """The recording as it would be if the band had been worn in each arrangement."""
    for worn in arrangements(len(decoder.spec.channels)):
        yield (
            worn,
            replace(recording, samples=np.ascontiguousarray(recording.samples[worn.order(len(recording.samples))])),
        )


def judge(counts: dict[str, Count], decoder: Decoder, rounds: list[Recording]) -> None:
    """Add all cases of one person."""
    count = len(decoder.spec.channels)
    first = rounds[0] if len(rounds) > 1 else first_trials(rounds[0], 0.5)
    later = rounds[1:] if len(rounds) > 1 else [first_trials(rounds[0], 0.5, rest=True)]
    accuracies = accuracies_of(decoder, later)
    for number, (worn, recording) in enumerate(cases(decoder, first)):
        windows, labels, _ = calibration_windows([recording], decoder.spec)
        fit = labelled_arrangement(decoder, windows, labels)
        chosen = combined(worn, fit.best, count) if fit.differs else number
        counts["with labels"].add(accuracies, number, chosen)
    for whole in rounds:
        judge_without_labels(counts["without labels"], decoder, whole)


def judge_without_labels(count: Count, decoder: Decoder, whole: Recording) -> None:
    """Add all cases of one round."""
    accuracies = accuracies_of(decoder, [whole])
    for number, (worn, recording) in enumerate(cases(decoder, whole)):
        check = arrangement_check(decoder, [recording])
        differs = check is not None and check.differs
        chosen = combined(worn, check.best, len(decoder.spec.channels)) if check is not None and differs else number
        count.add(accuracies, number, chosen)


def main() -> None:
    """Judge all people and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--further", type=Path, help="folder with people who are in no table")
    options = parser.parse_args()
    ways = ("with labels", "without labels")
    tables: dict[str, dict[str, Count]] = {f"{len(SUBJECTS)} people, each left out": {way: Count() for way in ways}}
    for person in SUBJECTS:
        rounds = [read_round(person, name) for name in ROUNDS]
        judge(next(iter(tables.values())), fold_decoder(NAME, person), rounds)
    calibrated = Count()
    for person in SUBJECTS:
        first, *later = (read_round(person, name) for name in ROUNDS)
        with TemporaryDirectory() as folder:
            mine = load_decoder(fit_to_wearer(CALIBRATED, first).write(folder))
        for whole in later:
            judge_without_labels(calibrated, mine, whole)
    tables[f"the same, calibrated to each as {CALIBRATED}"] = {"later rounds without labels": calibrated}
    if options.further is not None:
        people = sorted(path.name for path in options.further.iterdir() if (path / ROUNDS[0]).is_dir())
        name = f"{len(people)} further people"
        tables[name] = {way: Count() for way in ways}
        for person in people:
            judge(tables[name], load_decoder(NAME), [read_round(person, ROUNDS[0], root=options.further)])
    lines = ["# Armbands that are worn turned or mirrored", "", *LEGEND, ""]
    lines += ["| people, way | cases | worn wrongly | put right | left | harmed | accuracy before | after |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    lines += [count.row(f"{group}, {way}") for group, counts in tables.items() for way, count in counts.items()]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "worn_bands.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
