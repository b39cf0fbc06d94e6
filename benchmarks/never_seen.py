"""Adaptation without labels on people never seen: ``python benchmarks/never_seen.py --out FOLDER``.

Each of the ten people of the armband set is decoded by the decoder of the fold that was trained without them (trained
first if the cache lacks it). **Stream**: the trials of a round in random order, 5 s each, decided from the first second
on; one stream for each of three rounds. **Loop**: `NeuroArm-v0`, level standard, controller argmax, test part.

Ways: without adaptation; online, from nothing; online while everybody wears the band mirrored; after the calibration
run of the person, labels not read; calibrated with its labels (another decoder). People are the unit; differences are
paired. The script writes ``never_seen.json``, ``never_seen.md`` and ``never_seen.png``. It needs the extra ``train``
and the recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers.registry import make_controller
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.myo_armband.reader import LABELS, ROUNDS, SUBJECTS, read_round
from neuromotion_gym.datasets.myo_readings_8ch.reader import GESTURES, REST, SESSIONS, STRAY, read_session
from neuromotion_gym.decoders.adaptation import AdaptationOptions, adaptation_in_use
from neuromotion_gym.decoders.arrangement import Arrangement
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.statistics import studentised_bootstrap_interval
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.recording import Recording

NAME, CALIBRATED = "emg_armband_follows", "emg_armband_calibrated"
MIRRORED = Arrangement(6, mirrored=True)
"""How the three people of the set and of eight further ones wear it who wear it mirrored."""
FROM_NOTHING, FROM_RUN = AdaptationOptions(), AdaptationOptions(start="calibration")
WAYS: dict[str, AdaptationOptions] = {
    "without": AdaptationOptions(update=False),
    "online": FROM_NOTHING,
    "online, mirrored": FROM_NOTHING,
    "after the calibration run": FROM_RUN,
}
TIMES = ((0, 20), (20, 40), (40, 70), (70, 1000))
STEADY_S = 2.0
"""Time after a cue from which on a window counts: people follow it by up to 1.5 s."""
EPISODES = 10
COLUMNS = (
    "way",
    "balanced accuracy",
    "difference",
    "lowest person",
    *(f"{first}–{last} s" for first, last in TIMES[:-1]),
    "later",
    "in the loop",
    "difference",
)


def stream(recording: Recording, seed: int, *, mirrored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the trials in random order, shape (n, channels, samples), and their labels, shape (n,)."""
    order = np.random.default_rng(seed).permutation(len(recording.trials))
    windows, labels = [], []
    for number in order.tolist():
        trial = recording.trials[number]
        samples = recording.samples[:, trial.start : trial.stop]
        views = np.lib.stride_tricks.sliding_window_view(samples, 40, axis=1)[:, ::10].transpose(1, 0, 2)
        windows.append(views)
        labels += [LABELS.index(trial.label)] * len(views)
    whole = np.concatenate(windows)
    return np.ascontiguousarray(whole[:, MIRRORED.order(8)] if mirrored else whole), np.array(labels)


def streamed(decoder: OnnxDecoder, person: str, way: str, options: AdaptationOptions) -> list[list[float]]:
    """For each round, the balanced accuracy, then the accuracy in each of `TIMES`."""
    found = []
    rounds = ROUNDS[1:] if options.start == "calibration" else ROUNDS
    for number, name in enumerate(rounds):
        windows, truth = stream(read_round(person, name), number, mirrored=way.endswith("mirrored"))
        adapted = adaptation_in_use(decoder, options, 1)
        assert adapted is not None
        adapted.begin(0, 0, lambda: [read_round(person, ROUNDS[0])])
        row, right = np.zeros(1, int), np.zeros(len(truth), bool)
        for index in range(len(truth)):
            one = windows[index : index + 1]
            right[index] = decoder.predict_proba(one, adapted.values)[0].argmax() == truth[index]
            adapted.update(row, one)
        seconds = np.arange(len(truth)) * decoder.spec.hop_s
        inside = [right[(seconds >= first) & (seconds < last)].mean() for first, last in TIMES]
        found.append([balanced(right, truth), *map(float, inside)])
    return found


def balanced(right: np.ndarray, truth: np.ndarray) -> float:
    """Mean share of right decisions over labels."""
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def looped(decoder: OnnxDecoder, person: str, options: AdaptationOptions | None) -> float:
    """Share of episodes that end with the right selection."""
    parts = assemble(
        decoder=decoder, source="replay", part="test", subjects=[person], level="standard", adaptation=options
    )
    keys = episode_keys(parts.source.sessions, EPISODES)
    loop = ClosedLoop(parts, len(keys))
    try:
        episodes, _ = play(loop, make_controller("argmax", loop.layout), keys, 0)
    finally:
        loop.close()
    return float(np.mean([one["success"] for one in episodes]))


def read_anew(decoder: OnnxDecoder, person: str, session: str, options: AdaptationOptions) -> tuple[float, float]:
    """Balanced accuracy of one session of the readings, and the share of stray windows that are not taken for rest."""
    recording = read_session(person, session)
    names = {label: LABELS.index(label) for label in GESTURES if label in LABELS} | {REST: 0, STRAY: 0}
    trials = [trial for trial in recording.trials if trial.label in names]
    stray = [trial for trial in trials if trial.label == STRAY]
    cued = [trial for trial in trials if trial.label != STRAY]
    order = np.random.default_rng(0).permutation(len(cued)).tolist()
    adapted = adaptation_in_use(decoder, options, 1)
    assert adapted is not None
    adapted.begin(0, 0, tuple)
    row, counted, false = np.zeros(1, int), [], []
    for trial in [*(cued[number] for number in order), *stray]:
        samples = recording.samples[:, trial.start : trial.stop]
        views = np.lib.stride_tricks.sliding_window_view(samples, 40, axis=1)[:, ::10].transpose(1, 0, 2)
        for index, view in enumerate(views):
            decided = int(decoder.predict_proba(view[None], adapted.values)[0].argmax())
            adapted.update(row, view[None])
            if trial.label == STRAY:
                false.append(decided != 0)
            elif STEADY_S <= index * decoder.spec.hop_s <= len(views) * decoder.spec.hop_s - 0.5:
                counted.append((names[trial.label], decided))
    truth, found = np.array(counted).T
    return balanced(found == truth, truth), float(np.mean(false))


def labelled(person: str) -> list[list[float]]:
    """Balanced accuracy on later rounds of the decoder that is calibrated with the labels of the first round."""
    decoder = fold_decoder(CALIBRATED, person)
    head = decoder.adapt([read_round(person, ROUNDS[0])])
    assert head is not None
    found = []
    for number, name in enumerate(ROUNDS[1:]):
        windows, truth = stream(read_round(person, name), number)
        decided = decoder.predict_proba(windows, np.broadcast_to(head, (len(windows), *head.shape))).argmax(axis=1)
        found.append([balanced(decided == truth, truth)])
    return found


def told(values: np.ndarray) -> str:
    """Mean and interval over people."""
    interval = studentised_bootstrap_interval(values, generator=np.random.default_rng(0), bounds=(-1, 1))
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def table(result: dict[str, Any]) -> str:
    """The page of results."""
    base = np.array(list(result["stream"]["without"].values()))[:, 0]
    base_loop = np.array(list(result["loop"]["without"].values()))
    lines = [
        "# Adaptation without labels: people never seen",
        "",
        "Ten people of `myo_armband`, each decoded by a decoder trained without them; 7 labels, chance 0.143. Mean",
        "over people with a 95 % interval; differences are paired, to the same decoder without adaptation.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for way, people in result["stream"].items():
        rows = [np.array(values) for values in people.values()]
        means = np.array([values[0] for values in rows])
        inside = [f"{np.mean([values[1 + k] for values in rows]):.3f}" for k in range(len(rows[0]) - 1)]
        inside += ["–"] * (4 - len(inside))
        loop = result["loop"].get(way)
        limb = ["–", "–"]
        if loop is not None:
            wins = np.array(list(loop.values()))
            limb = [told(wins), told(wins - base_loop)]
        cells = [way, told(means), told(means - base), f"{means.min():.2f}", *inside, *limb]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "17 people of `myo_readings_8ch`, a set that the decoder was not trained on, three sessions each: rest and the",
        "five gestures that both sets have. The decoder knows one more label, which nobody makes.",
        "",
        "| way | balanced accuracy | difference | lowest person | stray movements taken for a gesture |",
        "|---|---|---|---|---|",
    ]
    before = np.array([np.mean(one, axis=0) for one in result["readings"]["without"].values()])
    for way, people in result["readings"].items():
        values = np.array([np.mean(one, axis=0) for one in people.values()])
        cells = [way, told(values[:, 0]), told(values[:, 0] - before[:, 0]), f"{values[:, 0].min():.2f}"]
        lines.append(f"| {' | '.join([*cells, told(values[:, 1])])} |")
    return "\n".join([*lines, ""])


def picture(result: dict[str, Any], path: Path) -> None:
    """A dot a person for each way."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 3.2), dpi=110)
    ways = list(result["stream"])
    for place, way in enumerate(ways):
        values = np.array(list(result["stream"][way].values()))[:, 0]
        spread = np.linspace(-0.15, 0.15, len(values))
        axis.plot(values, place + spread, "o", color="#0072B2", alpha=0.7, markersize=5)
        axis.plot([values.mean()] * 2, [place - 0.3, place + 0.3], color="black")
    axis.set_yticks(range(len(ways)), ways)
    axis.invert_yaxis()
    axis.axvline(1 / 7, color="grey", linestyle=":", label="chance")
    axis.set_xlabel("balanced accuracy of windows; a dot is a person never seen, the line their mean")
    axis.set_xlim(0, 1)
    axis.legend(loc="lower left", frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Measure all people and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "never_seen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "never_seen.json"
    empty = {"stream": {way: {} for way in [*WAYS, "with labels"]}, "loop": {way: {} for way in [*WAYS, "with labels"]}}
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty
    assert registry.dataset("myo_armband").table.people == tuple(sorted(SUBJECTS))
    for person in SUBJECTS:
        if person in result["stream"]["with labels"]:
            continue
        start, decoder = time.process_time(), fold_decoder(NAME, person)
        for way, chosen in WAYS.items():
            result["stream"][way][person] = np.mean(streamed(decoder, person, way, chosen), axis=0).tolist()
            if not way.endswith("mirrored"):
                result["loop"][way][person] = looped(decoder, person, chosen)
        result["stream"]["with labels"][person] = np.mean(labelled(person), axis=0).tolist()
        result["loop"]["with labels"][person] = looped(fold_decoder(CALIBRATED, person), person, None)
        path.write_text(json.dumps(result, indent=1), encoding="utf-8")
        print(person, round(time.process_time() - start), "s", flush=True)
    shipped = load_decoder(NAME)
    readings = result.setdefault("readings", {"without": {}, "online": {}})
    for person in registry.dataset("myo_readings_8ch").table.people:
        for way, people in readings.items():
            if person not in people:
                people[person] = [read_anew(shipped, person, session, WAYS[way]) for session in SESSIONS]
        path.write_text(json.dumps(result, indent=1), encoding="utf-8")
    result["loop"] = {way: people for way, people in result["loop"].items() if people}
    (options.out / "never_seen.md").write_text(table(result), encoding="utf-8")
    picture(result, options.out / "never_seen.png")
    print(table(result))


if __name__ == "__main__":
    main()
