"""A band that is put on anew, by people never seen: ``python benchmarks/put_on_anew.py --out FOLDER``.

`emg_armband_anew` on the 17 people of the readings, each decoded by the decoder of the fold that was trained without
them (trained first if the cache lacks it). Rest and five gestures; three sessions a person, each with the band put on
anew.

**Stream**: the trials of a session in random order, 5 s each, decided from the first second on; then the session's file
of stray movements. The same streams as in ``never_seen.py``, so that `emg_armband_follows`, which was trained on people
of another protocol, is paired with it (its committed rows are read). Ways: without adaptation; online, from nothing;
after the session before, labels not read, and online; after the first two repetitions of the same session, labels not
read, and online, scored on the other two.

**Loop**: `NeuroHand-v0`, level standard, controller argmax, five episodes a session; chance is 0.2.

**Labels once**: `emg_armband_again` on the same streams of sessions 2 and 3: online from nothing; after the labels of
the session before, without adaptation and online; and session 3 after the labels of both sessions before. In the loop
the labels are those of session 1.

People are the unit; differences are paired. The script writes ``put_on_anew.json`` (after each person; a stopped run
goes on), ``put_on_anew.md`` and ``put_on_anew.png``. It needs the extra ``train`` and the recordings
(``NEUROMOTION_DATA``); about 20 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from following import decision_ms, looped, strip_plot, told
from never_seen import LEAVING_S, STEADY_S, balanced, decided, joined, read_anew, windows_of

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.myo_readings_8ch.reader import DATASET, SESSIONS, STRAY, read_session
from neuromotion_gym.decoders.adaptation import AdaptationOptions
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import write_text
from neuromotion_gym.statistics import rate_interval
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder

NAME, BEFORE, AGAIN = "emg_armband_anew", "emg_armband_follows", "emg_armband_again"
COMMITTED = Path(__file__).parent / "results" / "never_seen" / "never_seen.json"
NOTHING = AdaptationOptions(update=False)
ONLINE = AdaptationOptions()
RUN_ONLINE = AdaptationOptions(start="calibration")
KEPT = AdaptationOptions(keep="session")
LABELS = AdaptationOptions(start="labels", update=False)
LABELS_ONLINE = AdaptationOptions(start="labels")
LABELS_KEPT = AdaptationOptions(start="labels", keep="session")
WAYS: dict[str, AdaptationOptions] = {
    "without adaptation": NOTHING,
    "online, from nothing": ONLINE,
    "after the session before without labels, and online": RUN_ONLINE,
}
HALF = "after half of the session without labels, on the other half, and online"
LOOP_WAYS: dict[str, AdaptationOptions] = {
    "without adaptation": NOTHING,
    "online, cleared with each episode": ONLINE,
    "online, kept over the session": KEPT,
    "shuffled: online, labels at random": ONLINE,
}
TWO = "after the labels of both sessions before, and online"
AGAIN_WAYS: dict[str, AdaptationOptions] = {
    "online, from nothing": ONLINE,
    "after the labels of the session before, without adaptation": LABELS,
    "after the labels of the session before, and online": LABELS_ONLINE,
    TWO: LABELS_ONLINE,
}
AGAIN_LOOP_WAYS: dict[str, AdaptationOptions] = {
    "online from nothing, kept over the session": KEPT,
    "after the labels of session 1, and online, kept over the session": LABELS_KEPT,
    "after the labels of session 1, without adaptation": LABELS,
    "shuffled: after the labels of session 1, and online, labels at random": LABELS_KEPT,
}
COLUMNS = (
    "way",
    "balanced accuracy",
    "to no adaptation",
    f"to `{BEFORE}`",
    "lowest person",
    "test part",
    "stray movements: not rest",
    "activations a minute",
)
AGAIN_COLUMNS = (
    "way",
    "balanced accuracy",
    f"to `{NAME}` online from nothing",
    "to no adaptation after the same labels",
    "lowest person",
    "largest loss",
    "test part",
    "stray movements: not rest",
    "activations a minute",
)
EPISODES = 5
ENV_ID, LEVEL, CHANCE = "NeuroHand-v0", "standard", 0.2


def half_and_half(decoder: OnnxDecoder, person: str, session: str) -> float:
    """Balanced accuracy on the last two repetitions of each gesture, after the first two without labels."""
    labels, recording = decoder.spec.labels, read_session(person, session)
    halves: tuple[list[Any], list[Any]] = ([], [])
    made: dict[tuple[int, str], int] = {}
    file, gaps = 0, {start for start, _ in recording.bad_spans}
    for trial in recording.trials:
        file += trial.start in gaps
        if trial.label in labels and trial.label != STRAY:
            made[file, trial.label] = made.get((file, trial.label), 0) + 1
            halves[made[file, trial.label] > 2].append(trial)
    order = np.random.default_rng(0)
    first, second = ([half[number] for number in order.permutation(len(half)).tolist()] for half in halves)
    views = [windows_of(recording.samples[:, trial.start : trial.stop]) for trial in second]
    found = decided(decoder, np.ascontiguousarray(np.concatenate(views)), RUN_ONLINE, [joined(recording, first)])
    hop_s, edges = decoder.spec.hop_s, np.cumsum([0, *(len(view) for view in views)])
    steady = [
        slice(start + round(STEADY_S / hop_s), stop - round(LEAVING_S / hop_s)) for start, stop in pairwise(edges)
    ]
    truth = np.concatenate(
        [np.full(len(found[one]), labels.index(trial.label)) for one, trial in zip(steady, second, strict=True)]
    )
    return balanced(np.concatenate([found[one] for one in steady]) == truth, truth)


def again(decoder: OnnxDecoder, person: str, way: str) -> list[list[float]]:
    """Figures of the sessions that a way is for."""
    options, found = AGAIN_WAYS[way], []
    count = 2 if way == TWO else 1
    for number in range(count, len(SESSIONS)):
        earlier = SESSIONS[number - count : number] if options.start == "labels" else ()
        found.append(read_anew(decoder, person, SESSIONS[number], options, earlier))
    return found


def of_people(people: dict[str, Any]) -> np.ndarray:
    """Figures of people, mean over sessions, shape (people, figures)."""
    return np.array([np.mean(np.reshape(one, (len(one), -1)), axis=0) for one in people.values()], dtype=float)


def told_rate(values: np.ndarray, sessions: int = len(SESSIONS)) -> str:
    """Success rate and interval over people, each with the same number of episodes."""
    episodes = EPISODES * sessions
    interval = rate_interval(np.rint(values * episodes).astype(int), np.full(len(values), episodes))
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def compared(values: np.ndarray, other: np.ndarray) -> str:
    """Paired difference in words; a dash for the same figures."""
    return "–" if np.array_equal(values, other) else told(values - other, -1.0)


def table(result: dict[str, Any]) -> str:
    """The page of results."""
    older = json.loads(COMMITTED.read_text(encoding="utf-8"))["readings"]
    people = list(result["stream"]["without adaptation"])
    test = [people.index(one) for one in registry.dataset(DATASET).table.runs("test")]
    plain = of_people(result["stream"]["without adaptation"])[:, 0]
    lines = [
        f"# A band that is put on anew: `{NAME}` on people never seen",
        "",
        f"{len(people)} people of `{DATASET}`, each decoded by a decoder trained without them. Mean over people with",
        "its 95 % interval; differences are paired over people. Rest and five gestures, chance 0.167; windows from 2 s",
        "after a cue to 0.5 s before the next. Test part: the four people on whom nothing was chosen.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    for way, found in result["stream"].items():
        values = of_people(found)
        before = compared(values[:, 0], of_people(older[way])[:, 0]) if way in older else "–"
        cells = [told(values[:, 0]), compared(values[:, 0], plain), before, f"{values[:, 0].min():.2f}"]
        stray = [told(values[:, 1]), f"{values[:, 2].mean():.1f}"] if values.shape[1] > 1 else ["–", "–"]
        lines.append(f"| {' | '.join([way, *cells, f'{values[test, 0].mean():.3f}', *stray])} |")
    for way in WAYS:
        values = of_people(older[way])
        cells = [
            f"{values[:, 0].min():.2f}",
            f"{values[test, 0].mean():.3f}",
            told(values[:, 1]),
            f"{values[:, 2].mean():.1f}",
        ]
        lines.append(f"| {' | '.join([f'`{BEFORE}`, {way}', told(values[:, 0]), '–', '–', *cells])} |")
    lines += [
        "",
        f"## In the loop: `{ENV_ID}`, {LEVEL}, argmax, {EPISODES} episodes a session, chance {CHANCE}",
        "",
        "| way | success | difference | lowest person |",
        "|---|---|---|---|",
    ]
    base = np.array(list(result["loop"]["without adaptation"].values()))
    for way, found in result["loop"].items():
        values = np.array(list(found.values()))
        lines.append(f"| {way} | {told_rate(values)} | {compared(values, base)} | {values.min():.2f} |")
    lines += [
        "",
        f"One decision with its adaptation takes {result['cost_ms']:.3f} ms of processor time in a batch of 64.",
        *again_table(result, test),
    ]
    return "\n".join([*lines, ""])


def later(people: dict[str, Any], sessions: int) -> np.ndarray:
    """Figures of people, mean over their last sessions, shape (people, figures)."""
    return np.array([np.mean(one[-sessions:], axis=0) for one in people.values()], dtype=float)


def again_table(result: dict[str, Any], test: list[int]) -> list[str]:
    """Rows of the people who gave labels once."""
    anew, own = result["stream"]["online, from nothing"], result["again"]
    lines = [
        "",
        f"## Labels once: `{AGAIN}`",
        "",
        "The same people and streams, sessions 2 and 3. Differences are paired over people, on the same sessions.",
        "",
        f"| {' | '.join(AGAIN_COLUMNS)} |",
        f"|{'---|' * len(AGAIN_COLUMNS)}",
    ]
    fixed = own["after the labels of the session before, without adaptation"]
    for way, found in own.items():
        sessions = 1 if way == TWO else 2
        values, plain = later(found, sessions), later(anew, sessions)[:, 0]
        gain = values[:, 0] - plain
        online = AGAIN_WAYS[way] == LABELS_ONLINE and way != TWO
        cells = [
            told(values[:, 0]),
            told(gain, -1.0),
            told(values[:, 0] - later(fixed, sessions)[:, 0], -1.0) if online else "–",
            f"{values[:, 0].min():.2f}",
            f"{max(0.0, -gain.min()):.2f}",
            f"{values[test, 0].mean():.3f}",
            told(values[:, 1]),
            f"{values[:, 2].mean():.1f}",
        ]
        lines.append(f"| {' | '.join([way if way != TWO else f'{way} (session 3)', *cells])} |")
    one = later(own["after the labels of the session before, and online"], 1)[:, 0]
    two = later(own[TWO], 1)[:, 0]
    lines += [
        "",
        f"Session 3 alone: {told(one)} after the labels of session 2, {told(two)} after those of both sessions;",
        f"difference {told(two - one, -1.0)}.",
        "",
        f"In the loop, sessions 2 and 3 after the labels of session 1, {EPISODES} episodes a session:",
        "",
        "| way | success | difference | lowest person |",
        "|---|---|---|---|",
    ]
    base = np.array(list(result["again_loop"][next(iter(AGAIN_LOOP_WAYS))].values()))
    for way, found in result["again_loop"].items():
        values = np.array(list(found.values()))
        rate = told_rate(values, len(SESSIONS) - 1)
        lines.append(f"| {way} | {rate} | {compared(values, base)} | {values.min():.2f} |")
    cost = result["again_cost_ms"]
    return [*lines, "", f"One decision with its adaptation takes {cost:.3f} ms of processor time in a batch of 64."]


def picture(result: dict[str, Any], path: Path) -> None:
    """A dot a person for each way: streams, loop."""
    older = json.loads(COMMITTED.read_text(encoding="utf-8"))["readings"]
    shown = {
        "stream: balanced accuracy of windows, 17 people": {
            **{f"{BEFORE}, {way}": of_people(older[way])[:, 0] for way in list(WAYS)[:2]},
            **{way: of_people(found)[:, 0] for way, found in result["stream"].items()},
        },
        f"{AGAIN}, sessions 2 and 3: balanced accuracy, 17 people": {
            way: of_people(found)[:, 0] for way, found in result["again"].items()
        },
        "loop: success, 17 people": {way: np.array(list(found.values())) for way, found in result["loop"].items()},
    }
    wrapped = {title: {textwrap.fill(way, 40): one for way, one in ways.items()} for title, ways in shown.items()}
    strip_plot(wrapped, (1 / 6, 1 / 6, CHANCE), 9, path)


def main() -> None:
    """Measure all people and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "put_on_anew")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path, people = options.out / "put_on_anew.json", registry.dataset(DATASET).table.people
    result: dict[str, Any] = {
        "stream": {way: {} for way in [*WAYS, HALF]},
        "loop": {way: {} for way in LOOP_WAYS},
    }
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
    result.setdefault("again", {way: {} for way in AGAIN_WAYS})
    result.setdefault("again_loop", {way: {} for way in AGAIN_LOOP_WAYS})
    began = time.process_time()

    def keep(what: str) -> None:
        write_text(path, json.dumps(result, indent=1) + "\n")
        print(what, round(time.process_time() - began), "s", flush=True)

    if "cost_ms" not in result:
        recording = read_session(people[0], SESSIONS[0])
        made = joined(recording, [one for one in recording.trials if one.label != STRAY])
        windows = np.ascontiguousarray(windows_of(made.samples))
        result["cost_ms"] = round(decision_ms(load_decoder(NAME), windows, ONLINE, (), apart=40), 4)
    for person in people:
        if person in result["stream"][HALF]:
            continue
        decoder = fold_decoder(NAME, person)
        for way, given in WAYS.items():
            sessions = SESSIONS[1:] if given.start == "calibration" else SESSIONS
            result["stream"][way][person] = [read_anew(decoder, person, one, given) for one in sessions]
        result["stream"][HALF][person] = [half_and_half(decoder, person, one) for one in SESSIONS]
        keep(f"{person}, stream")
    for person in people:
        if person in result["loop"][list(LOOP_WAYS)[-1]]:
            continue
        decoder = fold_decoder(NAME, person)
        for way, given in LOOP_WAYS.items():
            bound = way.split(":")[0]
            result["loop"][way][person] = looped(decoder, person, given, ENV_ID, LEVEL, "all", EPISODES, bound)
        keep(f"{person}, loop")
    if "again_cost_ms" not in result:
        one, other = (read_session(people[0], session) for session in SESSIONS[:2])
        made = joined(other, [trial for trial in other.trials if trial.label != STRAY])
        windows = np.ascontiguousarray(windows_of(made.samples))
        result["again_cost_ms"] = round(decision_ms(load_decoder(AGAIN), windows, LABELS_ONLINE, (one,), apart=40), 4)
    for person in people:
        if person in result["again"][TWO]:
            continue
        decoder = fold_decoder(AGAIN, person)
        for way in AGAIN_WAYS:
            result["again"][way][person] = again(decoder, person, way)
        keep(f"{person}, labels once")
    for way, given in AGAIN_LOOP_WAYS.items():
        bound, found = way.split(":")[0], result["again_loop"][way]
        for person in people:
            if person not in found:
                decoder = fold_decoder(AGAIN, person)
                found[person] = looped(decoder, person, given, ENV_ID, LEVEL, "all", EPISODES, bound, after_labels=True)
                keep(f"{person}, {way}")
    write_text(options.out / "put_on_anew.md", table(result))
    picture(result, options.out / "put_on_anew.png")
    print(table(result))


if __name__ == "__main__":
    main()
