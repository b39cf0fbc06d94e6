"""Electrodes put on anew each day, and a last layer that follows without labels: ``python benchmarks/days.py``.

`emg_days` is trained on days 1 to 3 of five people of ``unibo_inail_4ch``, in posture 1. Tested are days 5 to 7; day 4
is its tune part and stands beside.

**Stream**: rest and gestures of a day in random order, decided from the first second on, about 100 s (posture 2: 65 s);
three orders a day. Ways: without adaptation; online, with the person known from days 1 to 3 (labels not read), and not
known; after one half of the day, whose labels are not read, on the other half; and the day a second time, when each of
its trials has been in the stream once. In posture 2 the decoder is the same. People never seen: the decoders of the
folds, each without one person.

**With labels**: linear discriminant analysis of log amplitudes (root mean square and mean absolute difference of each
window and channel), trained on the person's own days 1 to 3, and within the day with one repetition left out; and the
same within the day on the features of the decoder.

**Loop**: `NeuroHand-v0`, level standard, controller argmax, replay of days 5 to 7, ten episodes a day.

People are the unit, the mean of their days; differences are paired over people. The script writes ``days.json`` (after
each person; a stopped run goes on), ``days.md`` and ``days.png``. It needs the recordings (``NEUROMOTION_DATA``) and
for the folds the extra ``train``; 15 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from following import decision_ms, looped, told
from never_seen import TIMES, balanced, decided
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from neuromotion_gym.datasets.unibo_inail_4ch.reader import read_day
from neuromotion_gym.decoders.adaptation import AdaptationOptions
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import write_text
from neuromotion_gym.statistics import rate_interval
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording, Trial

NAME = "emg_days"
PEOPLE = ("u1", "u3", "u4", "u5", "u7")
TRAINED, TUNE, TESTED = (1, 2, 3), (4,), (5, 6, 7)
ORDERS = 3
WINDOW, HOP = 100, 25
KNOWN = AdaptationOptions(start="calibration", update=False)
KNOWN_ONLINE = AdaptationOptions(start="calibration")
NOT_KNOWN = AdaptationOptions(update=False)
NOT_KNOWN_ONLINE = AdaptationOptions()
PLAIN = "without adaptation"
ONLINE = "online"
HALF = "after half of the day"
AGAIN = "the day a second time"
WAYS: dict[str, AdaptationOptions] = {
    PLAIN: KNOWN,
    ONLINE: KNOWN_ONLINE,
    HALF: KNOWN_ONLINE,
    AGAIN: KNOWN_ONLINE,
    "person not known, without adaptation": NOT_KNOWN,
    "person not known, online": NOT_KNOWN_ONLINE,
}
UNSEEN_WAYS = {"people never seen, without adaptation": NOT_KNOWN, "people never seen, online": NOT_KNOWN_ONLINE}
LDA, LDA_WITHIN, OWN_WITHIN = (
    "labels of days 1 to 3 (discriminant analysis)",
    "labels of the day (discriminant analysis)",
    "labels of the day (the same on the decoder's features)",
)
LOOP_WAYS: dict[str, AdaptationOptions] = {
    PLAIN: KNOWN,
    "online, cleared with each episode": KNOWN_ONLINE,
    "online, kept over the session": AdaptationOptions(start="calibration", keep="session"),
    "person not known, online, kept over the session": AdaptationOptions(keep="session"),
    "open_loop: online, labels chosen at the start": KNOWN_ONLINE,
    "shuffled: online, labels at random": KNOWN_ONLINE,
    "oracle": KNOWN,
}
EPISODES = 10


def windows_of(recording: Recording, trial: Trial) -> np.ndarray:
    """Windows of 0.2 s, 0.05 s apart, shape (n, channels, 100)."""
    views = np.lib.stride_tricks.sliding_window_view(recording.samples[:, trial.start : trial.stop], WINDOW, axis=1)
    return views[:, ::HOP].transpose(1, 0, 2)


def stream(recording: Recording, trials: Sequence[Trial], labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Windows of trials one after another, and their labels."""
    views = [windows_of(recording, trial) for trial in trials]
    truth = np.repeat([labels.index(trial.label) for trial in trials], [len(view) for view in views])
    return np.ascontiguousarray(np.concatenate(views)), truth


def parts_of(recording: Recording, seed: int, way: str) -> list[tuple[list[Trial], list[Trial]]]:
    """Trials that come first and are not counted, and trials that are counted, in random order."""
    order = np.random.default_rng(seed).permutation(len(recording.trials)).tolist()
    trials = [recording.trials[number] for number in order]
    if way == AGAIN:
        return [(trials, trials)]
    if way == HALF:
        # A gesture and the rest after it belong to one half
        pairs = np.random.default_rng(seed).permutation(len(trials) // 2)
        first = {*pairs[: len(pairs) // 2].tolist()}
        halves = [[recording.trials[at] for at in order if (at // 2 in first) == one] for one in (True, False)]
        return [(halves[0], halves[1]), (halves[1], halves[0])]
    return [([], trials)]


def streamed(
    decoder: OnnxDecoder, recording: Recording, way: str, options: AdaptationOptions, before: list[Recording]
) -> list[float]:
    """Balanced accuracy, then the accuracy in each of `TIMES`, mean over orders."""
    found = []
    for seed in range(ORDERS if options.update else 1):
        for first, counted in parts_of(recording, seed, way):
            windows, truth = stream(recording, [*first, *counted], decoder.spec.labels)
            skipped = len(stream(recording, first, decoder.spec.labels)[1]) if first else 0
            right = (decided(decoder, windows, options, before) == truth)[skipped:]
            seconds = np.arange(len(right)) * decoder.spec.hop_s
            inside = [right[(seconds >= start) & (seconds < stop)] for start, stop in TIMES]
            found.append(
                [balanced(right, truth[skipped:]), *(float(one.mean()) if len(one) else np.nan for one in inside)]
            )
    return [round(float(one), 4) for one in np.mean(found, axis=0)]


def amplitudes(windows: np.ndarray) -> np.ndarray:
    """Log root mean square and log mean absolute difference of each channel, shape (n, 8)."""
    size = np.sqrt((windows.astype(np.float64) ** 2).mean(axis=2))
    length = np.abs(np.diff(windows.astype(np.float64), axis=2)).mean(axis=2)
    return np.concatenate([np.log(size + 30), np.log(length + 3)], axis=1)


def discriminant() -> LinearDiscriminantAnalysis:
    """Linear discriminant analysis with shrinkage, labels equally likely."""
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(6, 1 / 6))


def labelled(decoder: OnnxDecoder, recording: Recording, before: list[Recording]) -> dict[str, list[float]]:
    """What labels give: of earlier days, and of the day."""
    labels = decoder.spec.labels
    earlier = [stream(one, one.trials, labels) for one in before]
    windows, truth = stream(recording, recording.trials, labels)
    model = discriminant().fit(
        amplitudes(np.concatenate([one[0] for one in earlier])), np.concatenate([one[1] for one in earlier])
    )
    found = {LDA: [round(balanced(model.predict(amplitudes(windows)) == truth, truth), 4)]}
    # Repetitions of a gesture follow each other in the recording; rest belongs to the repetition before it
    counts: dict[str, int] = {}
    repetition = []
    for gesture, rest in zip(recording.trials[::2], recording.trials[1::2], strict=True):
        counts[gesture.label] = counts.get(gesture.label, -1) + 1
        repetition += [counts[gesture.label]] * (len(windows_of(recording, gesture)) + len(windows_of(recording, rest)))
    of = np.array(repetition)
    for name, features in ((LDA_WITHIN, amplitudes(windows)), (OWN_WITHIN, decoder.features(windows))):
        right = np.zeros(len(truth), bool)
        for one in np.unique(of):
            right[of == one] = (
                discriminant().fit(features[of != one], truth[of != one]).predict(features[of == one])
                == truth[of == one]
            )
        found[name] = [round(balanced(right, truth), 4)]
    return found


def of_days(people: dict[str, dict[str, list[float]]], days: Sequence[int], figure: int = 0) -> np.ndarray:
    """Mean over some days of one figure of each person."""
    return np.array([np.mean([own[str(day)][figure] for day in days]) for own in people.values()])


def stream_table(found: dict[str, Any], base: str) -> list[str]:
    """Rows of the streams of one posture."""
    lines = [
        "| way | days 5 to 7 | difference | lowest person | 0–20 s | 20–40 s | 40–70 s | later | day 4 (tune) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, people in found.items():
        values, other = (
            of_days(people, TESTED),
            of_days(found[base if "not known" not in way else "person not known, without adaptation"], TESTED),
        )
        apart = "–" if np.array_equal(values, other) or "labels" in way else told(values - other, -1.0)
        figures = len(next(iter(people["u1"].values())))
        inside = [f"{of_days(people, TESTED, number).mean():.3f}" if figures > 1 else "–" for number in range(1, 5)]
        inside = ["–" if one == "nan" else one for one in inside]
        cells = [way, told(values), apart, f"{values.min():.2f}", *inside, f"{of_days(people, TUNE).mean():.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(result: dict[str, Any]) -> str:
    """The page of results."""
    first = result["posture_1"]
    before, within = of_days(first[LDA], TESTED), of_days(first[LDA_WITHIN], TESTED)
    lines = [
        "# Electrodes put on anew: days without labels",
        "",
        "Written by `benchmarks/days.py`, which says what each line is. Five people of `unibo_inail_4ch`, days 5 to 7",
        "(day 4 is the tune part). Balanced accuracy of windows over rest and five gestures, chance 0.167; mean over",
        "people with its 95 % interval; differences are paired over people, to the same decoder without adaptation.",
        "",
        "## Posture 1, in which the decoder was trained",
        "",
        *stream_table(first, PLAIN),
        "",
        "Share of the distance that is closed, from labels of days 1 to 3 to labels of the day (discriminant analysis,",
        "means):",
        "",
    ]
    for way in (PLAIN, ONLINE, HALF, AGAIN):
        share = (of_days(first[way], TESTED).mean() - before.mean()) / (within.mean() - before.mean())
        lines.append(f"- {way}: {share:.2f}")
    lines += ["", "## Posture 2, in which it was not trained", "", *stream_table(result["posture_2"], PLAIN), ""]
    lines += ["## People never seen, posture 1", "", *stream_table(result["unseen"], next(iter(UNSEEN_WAYS))), ""]
    lines += [
        "## In the loop: `NeuroHand-v0`, standard, argmax, 30 episodes a person, chance 0.2",
        "",
        "| way | success | difference | lowest person |",
        "|---|---|---|---|",
    ]
    base = np.array(list(result["loop"][PLAIN].values()))
    for way in LOOP_WAYS:
        values = np.array(list(result["loop"][way].values()))
        count = EPISODES * len(TESTED)
        rate = rate_interval(np.rint(values * count).astype(int), np.full(len(values), count))
        apart = "–" if np.array_equal(values, base) else told(values - base, -1.0)
        lines.append(f"| {way} | {rate.mean:.2f} [{rate.low:.2f}, {rate.high:.2f}] | {apart} | {values.min():.2f} |")
    told_ms = ", ".join(f"{what} {value:.3f} ms" for what, value in result["cost_ms"].items())
    lines += ["", f"One decision with its adaptation takes, in a batch of 64, of processor time: {told_ms}."]
    return "\n".join([*lines, ""])


def picture(result: dict[str, Any], path: Path) -> None:
    """A dot a person for each way: streams and loop."""
    import matplotlib.pyplot as plt

    shown = {
        f"{title}: balanced accuracy of windows": {way: of_days(people, TESTED) for way, people in result[name].items()}
        for name, title in (("posture_1", "posture 1"), ("posture_2", "posture 2"), ("unseen", "never seen"))
    }
    shown["loop: success in NeuroHand-v0"] = {way: np.array(list(result["loop"][way].values())) for way in LOOP_WAYS}
    figure, axes = plt.subplots(
        len(shown),
        figsize=(8, 0.36 * sum(len(ways) + 2 for ways in shown.values())),
        dpi=100,
        height_ratios=[len(ways) + 1 for ways in shown.values()],
    )
    for axis, (title, ways), chance in zip(axes, shown.items(), (1 / 6, 1 / 6, 1 / 6, 1 / 5), strict=True):
        for place, values in enumerate(ways.values()):
            spread = np.linspace(-0.2, 0.2, len(values))
            axis.plot(np.sort(values), place + spread, "o", color="#0072B2", alpha=0.7, ms=4)
            axis.plot([values.mean()] * 2, [place - 0.35, place + 0.35], color="black")
        axis.axvline(chance, color="grey", linestyle=":")
        axis.set_yticks(range(len(ways)), list(ways), fontsize=8)
        axis.invert_yaxis()
        axis.set_xlim(-0.02, 1.02)
        axis.set_title(title, fontsize=10, loc="left")
    axes[-1].set_xlabel("dot: a person; line: mean; dotted: chance")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def measured(person: str, result: dict[str, Any]) -> None:
    """Decode all streams of one person."""
    decoder, unseen = load_decoder(NAME), fold_decoder(NAME, person)
    before = [read_day(person, f"day_{day}_posture_1") for day in TRAINED]
    for posture in ("posture_1", "posture_2"):
        for day in (*TUNE, *TESTED):
            recording = read_day(person, f"day_{day}_{posture}")
            ways = [PLAIN, ONLINE] if posture == "posture_2" else list(WAYS)
            figures = {way: streamed(decoder, recording, way, WAYS[way], before) for way in ways}
            figures |= labelled(decoder, recording, before)
            for way, values in figures.items():
                result[posture].setdefault(way, {}).setdefault(person, {})[str(day)] = values
            if posture == "posture_1":
                for way, options in UNSEEN_WAYS.items():
                    values = streamed(unseen, recording, way, options, [])
                    result["unseen"].setdefault(way, {}).setdefault(person, {})[str(day)] = values


def driven(person: str, result: dict[str, Any]) -> None:
    """Let one person's days drive the hand in the ways that are missing."""
    for way, options in LOOP_WAYS.items():
        if person not in result["loop"].setdefault(way, {}):
            result["loop"][way][person] = looped(
                load_decoder(NAME), person, options, "NeuroHand-v0", "standard", "test", EPISODES, way.split(":")[0]
            )


def main() -> None:
    """Measure all people and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "days")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "days.json"
    result: dict[str, Any] = {"posture_1": {}, "posture_2": {}, "unseen": {}, "loop": {}}
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
    began = time.process_time()
    for person in PEOPLE:
        if person not in result["unseen"].get(list(UNSEEN_WAYS)[-1], {}):
            measured(person, result)
        driven(person, result)
        write_text(path, json.dumps(result, indent=1) + "\n")
        print(person, round(time.process_time() - began), "s", flush=True)
    if "cost_ms" not in result:
        before = [read_day("u1", f"day_{day}_posture_1") for day in TRAINED]
        decoder, recording = load_decoder(NAME), read_day("u1", "day_4_posture_1")
        windows, _ = stream(recording, recording.trials, decoder.spec.labels)
        result["cost_ms"] = {
            "person known": round(decision_ms(decoder, windows, KNOWN_ONLINE, before, apart=29), 4),
            "person not known": round(decision_ms(decoder, windows, NOT_KNOWN_ONLINE, [], apart=29), 4),
        }
        write_text(path, json.dumps(result, indent=1) + "\n")
    write_text(options.out / "days.md", table(result))
    picture(result, options.out / "days.png")
    print(table(result))


if __name__ == "__main__":
    main()
