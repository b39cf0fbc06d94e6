"""Adaptation without labels on people never seen: ``python benchmarks/never_seen.py --out FOLDER``.

**Stream**: the trials of a round in random order, 5 s each, decided from the first second on; each of a person's two
later rounds is a stream of its own. Each of the ten people of the armband set is decoded by the decoder of the fold
that was trained without them (trained first if the cache lacks it); four further people, in no part that was trained
on, by the shipped one. Ways: without adaptation; online, from nothing; after 35 s in which each gesture was made once,
in random order, labels not read; both; after labels, and online; the same with the band mirrored, and with some
gestures alone; and another decoder that is calibrated with labels.

**Loop**: the episodes of ``emg_leave_one_person_out.yaml`` (`NeuroArm-v0`, level standard, controller argmax), so that
the committed rows of the decoders without adaptation are paired with these.

**Readings**: the shipped decoder on a set of other people and another protocol, the trials of a session in random
order, then its file of stray movements.

People are the unit; differences are paired. The script writes ``never_seen.json`` (after each person; a stopped run
goes on), ``never_seen.md`` and ``never_seen.png``. It needs the extra ``train`` and the recordings
(``NEUROMOTION_DATA``); 10 minutes of one core.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from following import decision_ms, looped, strip_plot, told

from neuromotion_gym.benchmark.metrics import false_activations_per_minute
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.myo_armband.reader import LABELS, ROUNDS, SUBJECTS, read_round
from neuromotion_gym.datasets.myo_readings_8ch.reader import GESTURES, REST, SESSIONS, STRAY, read_session
from neuromotion_gym.decoders.adaptation import AdaptationOptions, adaptation_in_use
from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.files import write_text
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Trial
from neuromotion_gym.statistics import rate_interval
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording

NAME, CALIBRATED, POOLED = "emg_armband_follows", "emg_armband_calibrated", "emg_armband"
FURTHER = "myo_armband_pretraining_8ch"
COMMITTED = Path(__file__).parent / "results" / "emg_leave_one_person_out" / "episodes.csv"
MIRRORED = Arrangement(6, mirrored=True)
"""How the three people of the set and of eight further ones wear it who wear it mirrored."""
NOTHING = AdaptationOptions(update=False)
ONLINE = AdaptationOptions()
RUN = AdaptationOptions(start="calibration", update=False)
RUN_ONLINE = AdaptationOptions(start="calibration")
SESSION = AdaptationOptions(keep="session")
RUN_LABELS = AdaptationOptions(start="labels")


@dataclass(frozen=True)
class Way:
    """How the decoder is adapted in a stream, and what the wearer does."""

    options: AdaptationOptions
    worn: Arrangement = PLAIN
    labels: tuple[str, ...] = LABELS
    labelled_s: float = 0.0
    """Seconds of the run before whose labels are read."""


FEW = ("neutral", "wrist_flexion", "wrist_extension", "hand_close")
WAYS: dict[str, Way] = {
    "without adaptation": Way(NOTHING),
    "online, from nothing": Way(ONLINE),
    "after 35 s without labels": Way(RUN),
    "after 35 s without labels, and online": Way(RUN_ONLINE),
    "mirrored, without adaptation": Way(NOTHING, MIRRORED),
    "mirrored, online": Way(ONLINE, MIRRORED),
    "three gestures and rest, without adaptation": Way(NOTHING, labels=FEW),
    "three gestures and rest, online": Way(ONLINE, labels=FEW),
    "rest alone, without adaptation": Way(NOTHING, labels=FEW[:1]),
    "rest alone, online": Way(ONLINE, labels=FEW[:1]),
    "with labels, 10 s, and online": Way(RUN_LABELS, labelled_s=10.0),
    "with labels, 140 s, and online": Way(RUN_LABELS, labelled_s=140.0),
}
LABELLED = {"with labels, 10 s": 10.0, "with labels, 140 s": 140.0}
FURTHER_WAYS = (
    "without adaptation",
    "online, from nothing",
    "mirrored, without adaptation",
    "mirrored, online",
)
"""Further people have one round, so that there is none to adapt in before."""
LOOP_WAYS: dict[str, AdaptationOptions] = {
    "without adaptation": NOTHING,
    "online, cleared with each episode": ONLINE,
    "online, kept over the session": SESSION,
    "after 140 s without labels": RUN,
    "shuffled: online, labels at random": ONLINE,
}
READ_WAYS: dict[str, AdaptationOptions] = {
    "without adaptation": NOTHING,
    "online, from nothing": ONLINE,
    "after the session before without labels, and online": RUN_ONLINE,
}
TIMES = ((0, 20), (20, 40), (40, 70), (70, 1000))
STEADY_S = 2.0
"""Time after a cue from which on a window counts: people follow it by up to 1.5 s."""
LEAVING_S = 0.5
"""Time before the next cue from which on it does not count: some people are early."""
EPISODES = 10
"""Of each of a person's two rounds, as in the committed benchmark."""
BLOCK = 40
"""Windows decided in one call while the adaptation stays as it is."""


def joined(recording: Recording, trials: Sequence[Trial]) -> Recording:
    """Some trials of a recording, joined in this order."""
    pieces = [recording.samples[:, trial.start : trial.stop] for trial in trials]
    edges = np.cumsum([0, *(piece.shape[1] for piece in pieces)]).tolist()
    named = tuple(
        Trial(trial.label, start, stop, has_onset=False)
        for trial, start, stop in zip(trials, edges[:-1], edges[1:], strict=True)
    )
    return replace(recording, samples=np.concatenate(pieces, axis=1), trials=named, bad_spans=())


def calibration_of(recording: Recording, seed: int) -> Recording:
    """The first trial of each label in random order: 35 s."""
    first = [next(trial for trial in recording.trials if trial.label == label) for label in LABELS]
    return joined(recording, [first[number] for number in np.random.default_rng(seed).permutation(len(first))])


def shortened(recording: Recording, seconds: float) -> Recording:
    """The first trial of each label, cut so that all of them last ``seconds``; the whole round if it is as long."""
    if seconds >= recording.samples.shape[1] / recording.spec.rate_hz - len(LABELS):
        return recording
    each = round(seconds / len(LABELS) * recording.spec.rate_hz)
    first = [next(trial for trial in recording.trials if trial.label == label) for label in LABELS]
    return joined(recording, [replace(trial, stop=trial.start + each) for trial in first])


def windows_of(samples: np.ndarray) -> np.ndarray:
    """Windows of 0.2 s, 0.05 s apart, shape (n, channels, 40)."""
    return np.lib.stride_tricks.sliding_window_view(samples, 40, axis=1)[:, ::10].transpose(1, 0, 2)


def stream(recording: Recording, seed: int, way: Way) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the trials in random order, shape (n, channels, samples), and their labels, shape (n,)."""
    trials = [trial for trial in recording.trials if trial.label in way.labels]
    order = np.random.default_rng(seed).permutation(len(trials)).tolist()
    views = [windows_of(recording.samples[:, trials[number].start : trials[number].stop]) for number in order]
    truth = np.repeat([LABELS.index(trials[number].label) for number in order], [len(view) for view in views])
    whole = np.concatenate(views)
    return np.ascontiguousarray(whole[:, way.worn.order(8)]), truth


def decided(
    decoder: OnnxDecoder, windows: np.ndarray, options: AdaptationOptions, before: list[Recording]
) -> np.ndarray:
    """Decision on each window, made before the adaptation goes on with it, shape (n,)."""
    adapted = adaptation_in_use(decoder, options, 1)
    assert adapted is not None
    adapted.begin(0, 0, lambda: before)
    row, found, first = np.zeros(1, int), np.zeros(len(windows), int), 0
    while first < len(windows):
        head, block = adapted.values.copy(), windows[first : first + BLOCK]
        found[first : first + BLOCK] = decoder.predict_proba(block, head.repeat(len(block), axis=0)).argmax(axis=1)
        for one in block:
            adapted.update(row, one[None])
            first += 1
            if not np.array_equal(adapted.values, head):
                break  # what was decided beyond this window is decided again
    return found


def balanced(right: np.ndarray, truth: np.ndarray) -> float:
    """Mean share of right decisions over labels."""
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def streamed(
    decoder: OnnxDecoder, rounds: Sequence[Recording], way: Way, earlier: Recording | None
) -> list[float | None]:
    """Balanced accuracy, then the accuracy in each of `TIMES`, mean over rounds; the run before may be adapted in.

    None where a round is shorter than that.
    """
    found = []
    for number, recording in enumerate(rounds):
        windows, truth = stream(recording, number, way)
        before = [] if earlier is None else [calibration_of(earlier, number)]
        if earlier is not None and way.labelled_s:
            before = [shortened(earlier, way.labelled_s)]
        right = decided(decoder, windows, way.options, before) == truth
        seconds = np.arange(len(truth)) * decoder.spec.hop_s
        inside = [right[(seconds >= first) & (seconds < last)] for first, last in TIMES]
        found.append([balanced(right, truth), *(float(one.mean()) if len(one) else np.nan for one in inside)])
    means: list[float] = np.mean(found, axis=0).round(4).tolist()
    return [None if np.isnan(one) else one for one in means]


def labelled(person: str, rounds: Sequence[Recording], earlier: Recording, seconds: float) -> list[float]:
    """Balanced accuracy of the decoder that is calibrated with labels of the round before."""
    decoder = fold_decoder(CALIBRATED, person)
    head = decoder.adapt([shortened(earlier, seconds)])
    assert head is not None
    found = []
    for number, recording in enumerate(rounds):
        windows, truth = stream(recording, number, WAYS["without adaptation"])
        posterior = decoder.predict_proba(windows, np.broadcast_to(head, (len(windows), *head.shape)))
        found.append(balanced(posterior.argmax(axis=1) == truth, truth))
    return [round(float(np.mean(found)), 4)]


def committed(decoder: str) -> dict[str, float]:
    """Success of each person in the committed episodes of a decoder, level standard, controller argmax."""
    found: dict[str, list[bool]] = {}
    with COMMITTED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (row["decoder"], row["role"], row["controller"], row["level"]) == (
                decoder,
                "decoder",
                "argmax",
                "standard",
            ):
                found.setdefault(row["subject"], []).append(row["success"] == "True")
    return {person: float(np.mean(values)) for person, values in found.items()}


def read_anew(
    decoder: OnnxDecoder, person: str, session: str, options: AdaptationOptions, labelled: Sequence[str] = ()
) -> list[float]:
    """Balanced accuracy of a session of the readings, share of its stray windows not at rest, activations a minute.

    Labels of the sessions ``labelled`` are read where ``options`` start with labels.
    """
    labels = decoder.spec.labels  # the first one is rest, under the name that the decoder has for it
    names = {label: labels.index(label) for label in GESTURES if label in labels} | {REST: 0, STRAY: 0}
    recording = read_session(person, session)
    trials = [trial for trial in recording.trials if trial.label in names]
    stray = [trial for trial in trials if trial.label == STRAY]
    cued = [trial for trial in trials if trial.label != STRAY]
    order = np.random.default_rng(0).permutation(len(cued)).tolist()
    played = [*(cued[number] for number in order), *stray]
    views = [windows_of(recording.samples[:, trial.start : trial.stop]) for trial in played]
    before = [read_session(person, one) for one in labelled]
    if options.start == "calibration":
        earlier = read_session(person, SESSIONS[SESSIONS.index(session) - 1])
        before = [joined(earlier, [trial for trial in earlier.trials if trial.label in names and trial.label != STRAY])]
    found = decided(decoder, np.ascontiguousarray(np.concatenate(views)), options, before)
    edges, hop_s = np.cumsum([0, *(len(view) for view in views)]), decoder.spec.hop_s
    counted, truth = [], []
    for trial, start, stop in zip(played, edges[:-1], edges[1:], strict=True):
        steady = slice(start + round(STEADY_S / hop_s), stop - round(LEAVING_S / hop_s))
        if trial.label != STRAY:
            counted.append(found[steady])
            truth.append(np.full(len(counted[-1]), names[trial.label]))
    own = found[edges[len(cued)] :]
    wrong = false_activations_per_minute(np.zeros((1, len(own)), int), own[None], 0, hop_s)
    truths = np.concatenate(truth)
    return [balanced(np.concatenate(counted) == truths, truths), float((own != 0).mean()), wrong]


def told_rate(values: np.ndarray) -> str:
    """Success rate and interval over people, each with the same number of episodes."""
    episodes = 2 * EPISODES
    interval = rate_interval(np.rint(values * episodes).astype(int), np.full(len(values), episodes))
    return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def of_all(people: dict[str, Any]) -> np.ndarray:
    """Figures of people, shape (people, figures)."""
    return np.array([np.atleast_1d(one) for one in people.values()], dtype=float)


def without(way: str) -> str:
    """Name of the way in which the same stream is decoded without adaptation."""
    own = WAYS.get(way, Way(NOTHING))
    return next(
        name
        for name, one in WAYS.items()
        if one.options == NOTHING and (one.worn, one.labels) == (own.worn, own.labels)
    )


def stream_table(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """Rows of the streams."""
    lines = [
        "| way | balanced accuracy | difference | lowest person | largest loss | 0–20 s | 20–40 s | 40–70 s | later |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, people in found.items():
        values = of_all(people)
        other = of_all(found[without(way)])
        apart = ["–", "–"]
        if not np.array_equal(other, values, equal_nan=True):
            gains = values[:, 0] - other[:, 0]
            apart = [told(gains, -1.0), f"{max(0.0, -gains.min()):.2f}"]
        inside = [f"{one:.3f}" if np.isfinite(one) else "–" for one in values[:, 1:].mean(axis=0)]
        cells = [
            way,
            told(values[:, 0]),
            apart[0],
            f"{values[:, 0].min():.2f}",
            apart[1],
            *inside,
            *["–"] * (4 - len(inside)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(result: dict[str, Any]) -> str:
    """The page of results."""
    loop = {f"{POOLED} (committed)": committed(POOLED), **result["loop"]}
    loop[f"{CALIBRATED}, with labels, 140 s (committed)"] = committed(CALIBRATED)
    base = of_all(result["loop"]["without adaptation"])[:, 0]
    lines = [
        "# Adaptation without labels: people never seen",
        "",
        "Mean over people with its 95 % interval; differences are paired over people, to the same decoder without",
        "adaptation. Seven labels, chance 0.143; with fewer labels, balanced over those that were made.",
        "",
        "## Stream: ten people of `myo_armband`, each decoded by a decoder trained without them",
        "",
        *stream_table(result["stream"]),
        "",
        f"## Stream: four further people of `{FURTHER}`, by the shipped decoder",
        "",
        *stream_table(result["further"]),
        "",
        "## In the loop: `NeuroArm-v0`, standard, argmax, 20 episodes a person, chance 0.125",
        "",
        "| way | success | difference | lowest person |",
        "|---|---|---|---|",
    ]
    for way, people in loop.items():
        values = np.array([people[person] for person in result["loop"]["without adaptation"]])
        apart = "–" if np.array_equal(values, base) else told(values - base, -1.0)
        lines.append(f"| {way} | {told_rate(values)} | {apart} | {values.min():.2f} |")
    lines += [
        "",
        "## Readings: 17 people of `myo_readings_8ch`, another protocol, by the shipped decoder",
        "",
        "Rest and the five gestures that both sets have, three sessions a person with the band put on anew; the",
        "decoder knows one label more, which nobody makes. Windows from 2 s after a cue to 0.5 s before the next.",
        "",
        "| way | balanced accuracy | difference | lowest person | stray movements: not rest | activations a minute |",
        "|---|---|---|---|---|---|",
    ]
    before = np.array([np.mean(one, axis=0) for one in result["readings"]["without adaptation"].values()])
    for way, people in result["readings"].items():
        values = np.array([np.mean(one, axis=0) for one in people.values()])
        apart = "–" if np.array_equal(values, before) else told(values[:, 0] - before[:, 0], -1.0)
        cells = [way, told(values[:, 0]), apart, f"{values[:, 0].min():.2f}", told(values[:, 1])]
        lines.append(f"| {' | '.join([*cells, f'{values[:, 2].mean():.1f}'])} |")
    lines += [
        "",
        f"One decision with its adaptation takes {result['cost_ms']:.3f} ms of processor time in a batch of 64.",
    ]
    return "\n".join([*lines, ""])


def picture(result: dict[str, Any], path: Path) -> None:
    """A dot a person for each way: streams, loop, readings."""
    shown = {
        "stream: balanced accuracy of windows, ten people": {
            way: of_all(people)[:, 0]
            for way, people in result["stream"].items()
            if way not in WAYS or WAYS[way].labels == LABELS
        },
        "loop: success, ten people": {way: of_all(people)[:, 0] for way, people in result["loop"].items()},
        "readings: balanced accuracy of windows, 17 people": {
            way: np.array([np.mean(one, axis=0)[0] for one in people.values()])
            for way, people in result["readings"].items()
        },
    }
    strip_plot(shown, (1 / 7, 1 / 8, 1 / 7), 8, path)


def main() -> None:
    """Measure all people and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "never_seen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "never_seen.json"
    result: dict[str, Any] = {
        "stream": {way: {} for way in [*WAYS, *LABELLED]},
        "loop": {way: {} for way in LOOP_WAYS},
        "further": {way: {} for way in FURTHER_WAYS},
        "readings": {way: {} for way in READ_WAYS},
    }
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
    began = time.process_time()

    def keep(what: str) -> None:
        write_text(path, json.dumps(result, indent=1) + "\n")
        print(what, round(time.process_time() - began), "s", flush=True)

    result["stream"] = {way: result["stream"].get(way, {}) for way in [*WAYS, *LABELLED]}
    for person in SUBJECTS:
        missing = [name for name in WAYS if person not in result["stream"][name]]
        if not missing and person in result["loop"][list(LOOP_WAYS)[-1]]:
            continue
        decoder = fold_decoder(NAME, person)
        earlier, *rounds = [read_round(person, name) for name in ROUNDS]
        for name in missing:
            result["stream"][name][person] = streamed(decoder, rounds, WAYS[name], earlier)
        if person in result["loop"][list(LOOP_WAYS)[-1]]:
            keep(person)
            continue
        for name, seconds in LABELLED.items():
            result["stream"][name][person] = labelled(person, rounds, earlier, seconds)
        for name in LOOP_WAYS:
            result["loop"][name][person] = looped(
                decoder, person, LOOP_WAYS[name], "NeuroArm-v0", "standard", "all", EPISODES, name.split(":")[0]
            )
        keep(person)
    shipped, further = load_decoder(NAME), registry.dataset(FURTHER)
    if "cost_ms" not in result:
        windows, _ = stream(read_round(SUBJECTS[0], ROUNDS[0]), 0, WAYS["online, from nothing"])
        result["cost_ms"] = round(decision_ms(shipped, windows, ONLINE, (), apart=40), 4)
    for part in ("tune", "test"):
        for person in further.table.runs(part):
            if person in result["further"][FURTHER_WAYS[-1]]:
                continue
            rounds = [further.read(person, name, data_root()) for name in further.table.runs(part)[person]]
            for name in FURTHER_WAYS:
                result["further"][name][person] = streamed(shipped, rounds, WAYS[name], None)
            keep(person)
    for person in registry.dataset("myo_readings_8ch").table.people:
        if person in result["readings"][list(READ_WAYS)[-1]]:
            continue
        for name, way_options in READ_WAYS.items():
            sessions = SESSIONS[1:] if way_options.start == "calibration" else SESSIONS
            result["readings"][name][person] = [read_anew(shipped, person, one, way_options) for one in sessions]
        keep(person)
    write_text(options.out / "never_seen.md", table(result))
    picture(result, options.out / "never_seen.png")
    print(table(result))


if __name__ == "__main__":
    main()
