"""EEG decoder whose alignment follows the run: ``python benchmarks/eeg_follows.py --out FOLDER``.

Each of the 79 people is decoded by the decoder of the fold that was trained without them (trained first if the cache
lacks it), eyes regressed out. Runs 8 and 12 are played in order; run 4 is the calibration run, whose labels are not
read. A window is decoded with what earlier windows told. Ways: `eeg_fists`, which does not follow; the decoder as the
calibration run alone tells; online; cleared between the two runs; trials in random order, because labels alternate; and
trials of one side alone.

*Whole*: mean posterior of the windows inside a trial. *Late*: the window from 2 s after the cue on.

**Loop**: `NeuroArm-v0`, the 15 test people by the shipped decoder, with and without adaptation in the same episodes.

People are the unit, differences are paired. The script writes ``eeg_follows.json`` (after each person; a stopped run
goes on), ``eeg_follows.md`` and ``eeg_follows.png``. It needs the extra ``train`` and the recordings
(``NEUROMOTION_DATA``); 20 minutes of one core, training included.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from following import decision_ms, looped, told

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders.adaptation import AdaptationOptions, adaptation_in_use
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.unlabelled import unlabelled_windows
from neuromotion_gym.files import make_folder, replacing, write_text
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.recording import Trial
from neuromotion_gym.statistics import rate_interval
from neuromotion_gym.training.folds import fold_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording, Session

NAME, DATASET = "eeg_fists_follows", "eegmmidb"
CONTRAST = registry.dataset(DATASET).contrasts[0]
ONLINE = AdaptationOptions(start="calibration", keep="session")
CLEARED = AdaptationOptions(start="calibration")
STILL = AdaptationOptions(start="calibration", update=False)
LATE_S = 2.0
ORDERS = 3
"""Random orders of the trials that are averaged."""


@dataclass(frozen=True)
class Way:
    """How the decoder is adapted in a run, and how its trials are played.

    Parameters
    ----------
    options : AdaptationOptions
    orders : int
        Random orders of the trials; 0 leaves them as recorded.
    side : str, optional
        The only label whose trials are played, besides rest.
    decoder : str
    """

    options: AdaptationOptions = ONLINE
    orders: int = 0
    side: str | None = None
    decoder: str = NAME


BASE, PLAIN = "calibration run alone", "eeg_fists"
WAYS: dict[str, Way] = {
    PLAIN: Way(STILL, decoder=PLAIN),
    BASE: Way(STILL),
    "online": Way(),
    "online, cleared between runs": Way(CLEARED),
    "random order, online": Way(orders=ORDERS),
    "left alone, calibration run alone": Way(STILL, side=CONTRAST[0]),
    "left alone, online": Way(side=CONTRAST[0]),
    "right alone, calibration run alone": Way(STILL, side=CONTRAST[1]),
    "right alone, online": Way(side=CONTRAST[1]),
}
LOOP_WAYS: dict[str, AdaptationOptions] = {
    PLAIN: STILL,
    BASE: STILL,
    "online, cleared with each episode": CLEARED,
    "online, kept over the session": ONLINE,
    "open_loop: online, labels chosen at the start": CLEARED,
    "shuffled: online, labels at random": CLEARED,
}
LEVEL, EPISODES = "easy", 6
"""Of each of a person's two runs."""


def without(way: str) -> str:
    """Name of the way in which the same trials are decoded without going on."""
    order, known, _ = way.rpartition(", ")
    return order + known + BASE if order in ("left alone", "right alone") else BASE  # which no order changes


def stretches(recording: Recording) -> list[tuple[int, int, tuple[Trial, ...]]]:
    """What lies before the first trial of a fist, then each of them with the rest that follows: start, stop, trials."""
    starts = [trial.start for trial in recording.trials if trial.label in CONTRAST]
    edges = [0, *starts, recording.samples.shape[1]]
    return [
        (first, last, tuple(trial for trial in recording.trials if first <= trial.start < last))
        for first, last in pairwise(edges)
        if last > first
    ]


def played(recording: Recording, way: Way, seed: int) -> Recording:
    """The recording as a way plays it."""
    if not way.orders and way.side is None:
        return recording
    pieces = stretches(recording)
    beginning = [one for one in pieces if all(trial.label not in CONTRAST for trial in one[2])]
    rest = [one for one in pieces if one not in beginning]
    if way.side is not None:
        rest = [one for one in rest if any(trial.label == way.side for trial in one[2])]
    if way.orders:
        rest = [rest[number] for number in np.random.default_rng(seed).permutation(len(rest))]
    samples, trials, length = [], [], 0
    for first, last, inside in [*beginning, *rest]:
        samples.append(recording.samples[:, first:last])
        trials += [
            Trial(trial.label, trial.start - first + length, min(trial.stop, last) - first + length) for trial in inside
        ]
        length += last - first
    return replace(recording, samples=np.concatenate(samples, axis=1), trials=tuple(trials), bad_spans=())


def decided(
    decoder: Decoder, session: Session, way: Way, seed: int
) -> list[tuple[str, bool | None, bool | None, bool]]:
    """For each trial: its label, whether it was told right from the other fist, late alone, and of all labels.

    None for the two fists where it is rest, and for late where no window begins late enough.
    """
    spec = decoder.spec
    hop, late = round(spec.hop_s * spec.rate_hz), round(LATE_S * spec.rate_hz)
    adapted = adaptation_in_use(decoder, way.options, 1)
    assert adapted is not None
    columns, found = [spec.labels.index(label) for label in CONTRAST], []
    for recording in session.recordings:
        picked = played(fitted(recording, spec), way, seed)
        adapted.begin(0, 0, lambda: session.calibration)
        views = np.lib.stride_tricks.sliding_window_view(picked.samples, spec.window, axis=1).transpose(1, 0, 2)
        known, ends = [adapted.values[0].copy()], [0]
        for start in range(0, len(views), hop):
            adapted.update(np.zeros(1, int), views[None, start])
            if not np.array_equal(adapted.values[0], known[-1]):
                known.append(adapted.values[0].copy())
                ends.append(start + spec.window)
        for trial in picked.trials:
            starts = np.arange(trial.start, trial.stop - spec.window + 1, hop)
            if trial.label not in spec.labels or not len(starts):
                continue
            values = np.stack([known[place] for place in np.searchsorted(ends, starts + spec.window, "right") - 1])
            posterior = decoder.decode(np.ascontiguousarray(views[starts]), values)[0]
            after = posterior[starts >= trial.start + late]
            whole: bool | None = None
            ended: bool | None = None
            if trial.label in CONTRAST:
                truth = CONTRAST.index(trial.label)
                whole = bool(posterior.mean(axis=0)[columns].argmax() == truth)
                ended = bool(after.mean(axis=0)[columns].argmax() == truth) if len(after) else None
            told_right = bool(posterior.mean(axis=0).argmax() == spec.labels.index(trial.label))
            found.append((trial.label, whole, ended, told_right))
    return found


def balanced(trials: Sequence[tuple[Any, ...]], column: int) -> float:
    """Mean share of right trials over the labels that were played."""
    shares = []
    for label in sorted({one[0] for one in trials}):
        mine = [one[column] for one in trials if one[0] == label and one[column] is not None]
        shares += [float(np.mean(mine))] if mine else []
    return float(np.mean(shares))


def figures(decoder: Decoder, session: Session, way: Way) -> list[float]:
    """Balanced accuracy of left against right, whole and late; then that of all three labels."""
    runs = [decided(decoder, session, way, seed) for seed in range(max(1, way.orders))]
    means: list[float] = np.mean([[balanced(run, column) for column in (1, 2, 3)] for run in runs], axis=0).tolist()
    return [round(one, 4) for one in means]


def report(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    people = {way: found["stream"].get(way, {}) for way in WAYS}
    lines = [
        "# EEG: alignment that follows the run",
        "",
        "Written by `python benchmarks/eeg_follows.py`. Left against right fist, imagined; eyes regressed out; mean",
        f"over people [95 % interval]. Differences are paired, to the same trials with the {BASE}.",
        "",
        "| way | people | whole | difference | lose more than 0.02 | late | difference | three labels | difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, rows in people.items():
        if not rows:
            lines.append(f"| {way} | 0 | missing | | | missing | | missing | |")
            continue
        values = np.array([rows[person] for person in rows])
        gains = values - np.array([people[without(way)][person] for person in rows])
        same = way == without(way)
        if way == PLAIN:
            gains, same = np.zeros_like(values), True
        told_gains = ["" if same else told(gains[:, column], -1) for column in range(3)]
        lost = "" if same else str(int((gains[:, 0] < -0.02).sum()))
        whole, late, three = (told(values[:, column]) for column in range(3))
        lines.append(
            f"| {way} | {len(rows)} | {whole} | {told_gains[0]} | {lost} | {late} | {told_gains[1]} | {three} "
            f"| {told_gains[2]} |"
        )
    if people[PLAIN] and people["online"]:
        gains = np.array([np.subtract(people["online"][person], people[PLAIN][person]) for person in people["online"]])
        whole, late, three = (told(gains[:, column], -1) for column in range(3))
        lines += ["", f"Online less `{PLAIN}`: whole {whole}, late {late}, three labels {three}."]
    lines += ["", f"## Loop: `NeuroArm-v0`, {LEVEL}, argmax, test people, {2 * EPISODES} episodes a person", ""]
    lines += ["| way | people | success | difference |", "|---|---|---|---|"]
    for way in LOOP_WAYS:
        rows = found["loop"].get(way, {})
        if not rows:
            lines.append(f"| {way} | 0 | missing | |")
            continue
        values = np.array(list(rows.values()))
        rate = rate_interval(np.rint(values * 2 * EPISODES).astype(int), np.full(len(values), 2 * EPISODES))
        paired = "" if way == BASE else told(values - np.array([found["loop"][BASE][person] for person in rows]), -1)
        lines.append(f"| {way} | {len(rows)} | {rate.mean:.2f} [{rate.low:.2f}, {rate.high:.2f}] | {paired} |")
    if "cost_ms" in found:
        lines += [
            "",
            f"One decision with its adaptation: {found['cost_ms']:.3f} ms of processor time in a batch of 64.",
        ]
    return "\n".join(lines) + "\n"


def draw(found: dict[str, Any], path: Path) -> None:
    """A dot a person: whole trials without adaptation against with it."""
    from matplotlib.figure import Figure

    rows, base = found["stream"]["online"], found["stream"][BASE]
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    for axes, column, title in zip(
        figure.subplots(1, 2), (0, 1), ("whole trial", "from 2 s after the cue on"), strict=True
    ):
        before, after = (np.array([one[person][column] for person in rows]) for one in (base, rows))
        axes.plot([0.2, 1], [0.2, 1], color="grey", linewidth=0.8)
        axes.plot(before, after, "o", color="#0072B2", alpha=0.6, markersize=5)
        axes.plot(before.mean(), after.mean(), "P", color="#D55E00", markersize=11, label="mean")
        axes.set(xlim=(0.2, 1.02), ylim=(0.2, 1.02), aspect="equal", title=title)
        axes.set_xlabel("as the calibration run tells")
        axes.set_ylabel("alignment online")
        axes.legend(loc="upper left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)


def main() -> None:
    """Measure what is missing, and write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "eeg_follows")
    out: Path = parser.parse_args().out
    make_folder(out)
    path = out / "eeg_follows.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    stream, loop = found.setdefault("stream", {}), found.setdefault("loop", {})

    def keep(table: dict[str, Any], way: str, person: str, value: Any) -> None:
        table.setdefault(way, {})[person] = value
        write_text(path, json.dumps(found, indent=1) + "\n")

    names = registry.dataset(DATASET).table.people
    for person in names:
        if all(person in stream.get(way, {}) for way in WAYS):
            continue
        (session,) = load_sessions(DATASET, "all", subjects=[person], ocular="regress", calibration_apart=True)
        for way, one in WAYS.items():
            if person not in stream.get(way, {}):
                keep(stream, way, person, figures(fold_decoder(one.decoder, person), session, one))
        print(person, {way: stream[way][person][:2] for way in (BASE, "online")}, flush=True)
    plain, shipped = (OnnxDecoder(decoder_folder(name)) for name in (PLAIN, NAME))
    for person in sorted({session.subject for session in load_sessions(DATASET, "test", ocular="regress")}):
        for way in LOOP_WAYS:
            if person not in loop.get(way, {}):
                bound = way.split(":")[0]
                decoder = plain if way == PLAIN else shipped
                success = looped(decoder, person, LOOP_WAYS[way], "NeuroArm-v0", LEVEL, "test", EPISODES, bound)
                keep(loop, way, person, success)
        print(person, {way: loop[way][person] for way in LOOP_WAYS}, flush=True)
    if "cost_ms" not in found:
        session = load_sessions(DATASET, "test", subjects=["S001"], ocular="regress")[0]
        windows = unlabelled_windows(session.recordings[:1], shipped.spec)
        found["cost_ms"] = round(decision_ms(shipped, windows, CLEARED, session.calibration, apart=3), 4)
        write_text(path, json.dumps(found, indent=1) + "\n")
    write_text(out / "eeg_follows.md", report(found))
    draw(found, out / "eeg_follows.png")


if __name__ == "__main__":
    main()
