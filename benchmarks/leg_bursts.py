"""All artefacts of the source system "leg EMG → which muscle": ``python benchmarks/leg_bursts.py COMMAND``.

============ ================================================================================================
``explore``  bursts of the knee set: number, length, amplitude of each muscle; a picture of what is found
``simulate`` burst detection on simulated bursts of known onset: F-measure and error of the onset
``peers``    the same bursts found by neurokit2 and biosppy, which have to be installed (``burst_peers.py``)
``across``   the two sets pooled: how much of "which muscle" the set alone gives away; spectra of one muscle
``loop``     both decoders move the leg: success with argmax, beside oracle, open-loop replay and shuffled labels
``figures``  confusion matrices and curves of both decoders, and the tables of the page
============ ================================================================================================

The decoders themselves are trained by ``neuromotion train classifiers/leg_hold/recipe.yaml`` and ``leg_burst``. Each
command but the last writes its part of ``results/leg_bursts.json``; ``figures`` writes the tables of
docs/systems/leg_bursts.md from it. All but ``simulate``, ``peers`` and ``figures`` need the recordings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from simulated_bursts import MOVEMENT, RATE_HZ, SNRS_DB, interval, judged, quartiles

from neuromotion_gym.datasets.leg_uci_knee.reader import MUSCLES, RUNS, SPEC, movement_file, read_samples
from neuromotion_gym.datasets.registry import dataset
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.files import make_folder, replacing, write_text
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.bursts import (
    BurstRule,
    activity,
    burst_figures,
    burst_windows,
    find_bursts,
    thresholds,
)
from neuromotion_gym.training.history import HISTORY
from neuromotion_gym.training.metrics_file import read_metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "systems" / "leg_bursts.md"
IMAGES = ROOT / "docs" / "images"
RESULT = ROOT / "benchmarks" / "results" / "leg_bursts.json"
BEGIN, END = "<!-- made by benchmarks/leg_bursts.py figures -->", "<!-- end -->"
HOLD, BURST = "leg_hold", "leg_burst"
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
PEER_SNRS_DB, PEER_ONSET_DB = (0, 6, 12, 24), 12
"""Ratios of the table of other libraries, and that of its onsets."""
SHOWN = ("N06", "seated")
"""Whose bursts the picture shows; a person of the train part."""

RULES = {
    "Teager-Kaiser, double threshold (the default)": BurstRule(),
    "envelope, double threshold": BurstRule(method="envelope"),
    "envelope, one threshold": BurstRule(method="envelope", low=4.0),
}


def simulate(_: Path) -> dict[str, Any]:
    """F-measure and error of the onset over signal-to-noise ratios, with and without slow movement."""
    table: dict[str, Any] = {}
    for name, rule in RULES.items():

        def find(samples: np.ndarray, rest: np.ndarray, rule: BurstRule = rule) -> np.ndarray:
            return find_bursts(samples, RATE_HZ, rule)

        for movement in (0.0, MOVEMENT):
            rows = [judged(find, snr, movement)[0] for snr in SNRS_DB]
            table[name + (", with movement" if movement else "")] = rows
    _draw_simulated(table)
    return table


def peers(_: Path) -> dict[str, Any]:
    """The same simulated bursts, found by other libraries."""
    from burst_peers import compared

    return compared(_stored().get("peers", {}), lambda table: _store("peers", table))


def _draw_simulated(table: dict[str, Any]) -> None:
    figure = _figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    for (name, rows), (colour, line, mark) in zip(
        table.items(),
        [(colour, *style) for colour in (BLUE, ORANGE, GREEN) for style in (("-", "o"), ("--", "s"))],
        strict=True,
    ):
        left.plot(
            SNRS_DB, [row["f_measure"]["mean"] for row in rows], line, color=colour, marker=mark, ms=3.5, label=name
        )
        known = [row for row in rows if row["onset_error_ms"] is not None]
        right.plot(
            [row["snr_db"] for row in known],
            [row["onset_error_ms"][1] for row in known],
            line,
            color=colour,
            marker=mark,
            ms=3.5,
        )
    left.set_ylim(0, 1.02)
    left.set_ylabel("F-measure")
    right.axhline(0, color="grey", lw=0.8)
    right.set_ylabel("onset found less onset, median, ms")
    for axes in (left, right):
        axes.set_xlabel("power of a burst over noise, dB")
    left.legend(fontsize=6.5, loc="lower right")
    _save(figure, "leg_bursts_simulated.png")


def explore(root: Path) -> dict[str, Any]:
    """What the bursts of each muscle are like, on all people of the knee set."""
    rule = BurstRule()
    people = sorted({session.subject for session in load_sessions("leg_uci_knee", "all", root=root)})
    table: dict[str, dict[str, list[float]]] = {muscle: {} for muscle in MUSCLES}
    for person in people:
        for run in RUNS:
            for muscle, samples in zip(MUSCLES, read_samples(movement_file(root, person, run)), strict=True):
                bursts = find_bursts(samples, SPEC.rate_hz, rule)
                about = burst_figures(samples, bursts, SPEC.rate_hz)
                own = table[muscle]
                own.setdefault("bursts", []).append(about.number)
                own.setdefault("per_minute", []).append(about.per_minute)
                own.setdefault("length_s", []).append(about.length_s)
                own.setdefault("amplitude_mv", []).append(about.amplitude)
                own.setdefault("contrast", []).append(about.contrast)
                windows = burst_windows(bursts, len(samples), round(SPEC.rate_hz))
                own.setdefault("windows", []).append(len(windows))
    _draw_found(root, rule)
    return {
        muscle: {
            name: (int(sum(values)) if name in ("bursts", "windows") else quartiles(_finite(values)))
            for name, values in own.items()
        }
        for muscle, own in table.items()
    }


def _finite(values: list[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]


def _draw_found(root: Path, rule: BurstRule) -> None:
    """Signals of one recording, the curve, its thresholds and the bursts that are found."""
    figure = _figure(8, 5.2)
    samples = read_samples(movement_file(root, *SHOWN))
    for axes, muscle, one in zip(figure.subplots(len(MUSCLES), 1, sharex=True), MUSCLES, samples, strict=True):
        seconds = np.arange(len(one)) / SPEC.rate_hz
        curve = activity(one, SPEC.rate_hz, rule)
        low, high = thresholds(curve, SPEC.rate_hz, rule)
        axes.plot(seconds, 1000 * one, color="0.6", lw=0.4)
        for start, stop in find_bursts(one, SPEC.rate_hz, rule) / SPEC.rate_hz:
            axes.axvspan(start, stop, color=ORANGE, alpha=0.25, lw=0)
        other = axes.twinx()
        other.plot(seconds, curve, color=BLUE, lw=0.8)
        for level, line in ((low, ":"), (high, "--")):
            other.axhline(level, color=BLUE, lw=0.8, ls=line)
        other.set_yscale("log")
        other.set_yticks([])
        other.minorticks_off()
        axes.set_ylabel(f"{muscle}, µV")
        axes.margins(x=0)
    axes.set_xlabel("s")
    _save(figure, "leg_bursts_found.png")


# Both sets


def windows_of(name: str, root: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows of one second of a set, one after the other without overlap: (n, samples), labels, people."""
    rows, labels, people = [], [], []
    for session in load_sessions(name, "all", root=root):
        for recording in session.recordings:
            for trial, samples in recording.trial_samples():
                length = round(recording.spec.rate_hz)
                for start in range(0, samples.shape[1] - length + 1, length):
                    rows.append(samples[0, start : start + length].astype(np.float64))
                    labels.append(trial.label)
                    people.append(session.subject)
    return np.stack(rows), np.array(labels), np.array(people)


def relative_spectrum(windows: np.ndarray) -> np.ndarray:
    """Logarithm of the power in 64 bands up to 500 Hz, less its mean: the gain of the electrode does not count."""
    from scipy.signal import welch

    power = np.log(welch(windows, RATE_HZ, nperseg=128, axis=1)[1][:, 1:] + 1e-12 * windows.var(axis=1)[:, None])
    return power - power.mean(axis=1, keepdims=True)


def held_out(features: np.ndarray, labels: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Labels that a discriminant analysis gives to each person, fitted on all other people."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found = np.empty_like(labels)
    for person in np.unique(people):
        mine = people == person
        model = LinearDiscriminantAnalysis("lsqr", shrinkage=0.1).fit(features[~mine], labels[~mine])
        found[mine] = model.predict(features[mine])
    return found


def balanced(found: np.ndarray, labels: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """Balanced accuracy, mean over people, with its interval."""
    each = []
    for person in np.unique(people):
        mine = people == person
        each.append(np.mean([(found[mine & (labels == name)] == name).mean() for name in np.unique(labels[mine])]))
    return interval(np.array(each))


def across(root: Path) -> dict[str, Any]:
    """Which muscle, with the two sets pooled: what the set alone gives away."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    sets = {name: windows_of(name, root) for name in ("leg_isometric_holds", "leg_uci_knee")}
    features = {name: relative_spectrum(windows) for name, (windows, _, _) in sets.items()}
    found: dict[str, Any] = {}
    for name, (_, labels, people) in sets.items():
        found[name] = {
            "spectrum": balanced(held_out(features[name], labels, people), labels, people),
            "labels": len(np.unique(labels)),
            "windows": len(labels),
        }
    spectra = np.concatenate(list(features.values()))
    labels = np.concatenate([one[1] for one in sets.values()])
    where = np.concatenate([np.full(len(one[1]), name) for name, one in sets.items()])
    people = np.char.add(where, np.concatenate([one[2] for one in sets.values()]))
    decided = held_out(spectra, labels, people)
    own = {name: np.unique(one[1]) for name, one in sets.items()}
    inside = np.array([label in own[name] for label, name in zip(decided, where, strict=True)])
    both = sorted(set(own["leg_isometric_holds"]) & set(own["leg_uci_knee"]))
    found["pooled"] = {
        "muscles": balanced(decided, labels, people),
        "labels": len(np.unique(labels)),
        "set": balanced(held_out(spectra, where, people), where, people),
        "decided_for_a_muscle_of_the_set": float(inside.mean()),
        # A model that knows the set and nothing else names one of its muscles
        "set_alone": float(np.mean([1 / len(own[name]) for name in where])),
        "in_both": both,
    }
    # A muscle that is in both sets: learned on one, recognised on the other
    for one, other in (tuple(sets), tuple(reversed(sets))):
        tested = np.isin(sets[other][1], both)
        model = LinearDiscriminantAnalysis("lsqr", shrinkage=0.1).fit(features[one], sets[one][1])
        right = model.predict(features[other][tested]) == sets[other][1][tested]
        who = sets[other][2][tested]
        found[f"{'/'.join(both)} of {other} by a model of {one}"] = interval(
            np.array([right[who == person].mean() for person in np.unique(who)])
        )
    _draw_spectra(sets, both[0])
    return found


def _draw_spectra(sets: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], muscle: str) -> None:
    """Spectrum of one muscle in both sets, a line for each person."""
    from scipy.signal import welch

    figure = _figure(6, 3.2)
    axes = figure.subplots()
    for (name, (windows, labels, people)), colour in zip(sets.items(), (BLUE, ORANGE), strict=True):
        for number, person in enumerate(np.unique(people)):
            chosen = windows[(people == person) & (labels == muscle)]
            if len(chosen):
                frequency, power = welch(chosen, RATE_HZ, nperseg=256, axis=1)
                mean = (power / power.sum(axis=1, keepdims=True)).mean(axis=0)
                label = f"{muscle}, {name}" if not number else None
                axes.semilogy(frequency[1:], mean[1:], color=colour, lw=0.7, alpha=0.7, label=label)
    axes.set_xlabel("Hz")
    axes.set_ylabel("share of the power")
    axes.legend(fontsize=8)
    _save(figure, "leg_bursts_spectra.png")


# The leg


def loop(root: Path) -> dict[str, Any]:
    """Success of argmax on the level `standard`: replay of the test part, and signals generated from it."""
    from bounds import Level

    from neuromotion_gym.envs import NeuroEnv

    found: dict[str, Any] = {}
    for name in (HOLD, BURST):
        level = Level("NeuroLeg-v0", "standard", 60, Path())
        env = NeuroEnv("NeuroLeg-v0", decoder=name, level="standard")
        axes = list(env.loop.parts.task.axes)
        env.close()
        lines = {}
        for row in ("argmax", "oracle", "open_loop", "shuffled"):
            decoder = name if row == "argmax" else f"{row}:{name}"
            played = level.driven("argmax", decoder, source="replay", data_root=root)
            lines[row] = level.line(row, played, people=row != "oracle")
        lines["generated"] = level.line("generated", level.driven("argmax", name, source="surrogate"), people=True)
        found[name] = {"axes": axes, **lines}
    return found


# Pictures and tables of both decoders


def figures(_: Path) -> None:
    """Confusion matrices over folds of people and curves of training; tables of the page."""
    figure = _figure(8, 6.4)
    panels = figure.subplots(2, 2)
    for name, row in zip((HOLD, BURST), panels, strict=True):
        folder = decoder_folder(name)
        folds = read_metrics(folder)["folds"]
        _confusion(row[0], np.array(folds["confusion"], float), load_recipe(folder).decoder.labels)
        row[0].set_title(f"{name}: each person held out, n = {folds['per_window']['people']}", fontsize=9)
        rows = json.loads((folder / HISTORY).read_text(encoding="utf-8"))[0]
        tuned = [one for one in rows if "tune_balanced_accuracy" in one]
        row[1].plot([one["epoch"] for one in rows], [one["accuracy"] for one in rows], color=BLUE, label="trained on")
        row[1].plot(
            [one["epoch"] for one in tuned],
            [one["tune_balanced_accuracy"] for one in tuned],
            color=ORANGE,
            label="tune people, balanced accuracy",
        )
        row[1].set_ylim(0, 1)
        row[1].set_ylabel("share right")
        row[1].legend(fontsize=7, loc="lower right")
    panels[1, 1].set_xlabel("epoch")
    panels[1, 0].set_xlabel("decoded")
    _save(figure, "leg_bursts_confusion.png")
    stored = _stored()
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    write_text(PAGE, before + "\n".join([BEGIN, "", *_tables(stored), "", after]))


def _confusion(axes: Axes, counts: np.ndarray, labels: tuple[str, ...]) -> None:
    share = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(share, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylabel("muscle")
    for i, j in np.ndindex(share.shape):
        axes.text(j, i, f"{share[i, j]:.2f}", ha="center", va="center", color="white" if share[i, j] > 0.6 else "black")


def _tables(stored: dict[str, Any]) -> list[str]:
    lines = [
        "| decoder | tested on | windows | balanced accuracy | chance |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in (HOLD, BURST):
        metrics = read_metrics(decoder_folder(name))
        reports = {"tune": metrics["parts"]["tune"], "test": metrics["parts"]["test"], "each person": metrics["folds"]}
        for part, report in reports.items():
            own = report["per_window"]
            words = f"{part} held out" if part == "each person" else f"{part} part"
            lines.append(
                f"| `{name}` | {words}, {own['people']} people | {report['windows']} | "
                f"{_words(own['balanced_accuracy'])} | {own['chance']['mean']:.3f} |"
            )
        lines += _contrasts(name, metrics["folds"])
    lines += _across_rows(stored["across"])
    lines += ["", "| muscle | bursts | a minute | length, s | amplitude, µV | over the rest | windows |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
    for muscle, own in stored["explore"].items():
        amplitude = [1000 * value for value in own["amplitude_mv"]]
        lines.append(
            f"| {muscle} | {own['bursts']} | {_range(own['per_minute'], 0)} | {_range(own['length_s'], 2)} | "
            f"{_range(amplitude, 0)} | {_range(own['contrast'], 1)} | {own['windows']} |"
        )
    heads = " | ".join(f"{snr} dB" for snr in SNRS_DB)
    lines += ["", f"| F-measure | {heads} |", "| --- |" + " --- |" * len(SNRS_DB)]
    for name, rows in stored["simulate"].items():
        lines.append(f"| {name} | " + " | ".join(f"{row['f_measure']['mean']:.2f}" for row in rows) + " |")
    lines += ["", f"| onset found less onset, ms | {heads} |", "| --- |" + " --- |" * len(SNRS_DB)]
    for name, rows in stored["simulate"].items():
        lines.append(f"| {name} | " + " | ".join(_range(row["onset_error_ms"], 0) for row in rows) + " |")
    if "peers" in stored:
        lines += _peer_rows(stored["peers"], stored["simulate"])
    lines += [
        "",
        "| loop, `standard`, test part | joints | replay | generated | oracle | open loop | shuffled | chance |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, own in stored["loop"].items():
        cells = [
            f"{own[row]['success']:.2f} [{own[row]['low']:.2f}, {own[row]['high']:.2f}]"
            for row in ("argmax", "generated", "oracle", "open_loop", "shuffled")
        ]
        lines.append(
            f"| `{name}`, {own['argmax']['episodes']} episodes | {', '.join(own['axes'])} | {' | '.join(cells)} | "
            f"{own['argmax']['chance']:.2f} |"
        )
    return lines


def _peer_rows(found: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Burst detection of other libraries below ours: F-measures, what is found without bursts, onsets."""
    ratios = " / ".join(map(str, PEER_SNRS_DB))
    named = ", ".join(f"{library} {version}" for library, version in found["versions"].items())
    head = [
        named,
        "settings",
        f"F-measure at {ratios} dB",
        "with movement",
        "over all, less the default",
        "with movement",
    ]
    head += ["bursts a minute where there are none, with movement", f"onset error at {PEER_ONSET_DB} dB, ms"]
    default = next(iter(RULES))
    own = found["ours"] | {"still": ours[default], "movement": ours[f"{default}, with movement"]}
    rows = [[default, "", *_peer_rates(own), "", "", *_peer_errors(own)]]
    for one in found["methods"]:
        settings = one["kind"] if one["kind"] != "chosen" else f"best of {one['tried']}"
        less = [_signed(one[f"{name}_less_ours"]) for name in ("still", "movement")]
        called = f"{one['library']} `{one['method']}`"
        rows.append([called, f"{settings}, n = {one['recordings']}", *_peer_rates(one), *less, *_peer_errors(one)])
    return ["", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]


def _peer_rates(one: dict[str, Any]) -> list[str]:
    shown = [SNRS_DB.index(snr) for snr in PEER_SNRS_DB]
    return [" / ".join(f"{one[name][at]['f_measure']['mean']:.2f}" for at in shown) for name in ("still", "movement")]


def _peer_errors(one: dict[str, Any]) -> list[str]:
    false = ", ".join(f"{one[f'{name}_false_a_minute']['mean']:.1f}" for name in ("still", "movement"))
    return [false, _range(one["still"][SNRS_DB.index(PEER_ONSET_DB)]["onset_error_ms"], 0)]


def _signed(interval: dict[str, float]) -> str:
    told = f"{interval['mean']:+.3f}"
    return told if interval["low"] is None else f"{told} [{interval['low']:+.3f}, {interval['high']:+.3f}]"


def _contrasts(name: str, folds: dict[str, Any]) -> list[str]:
    """Rows of the labels that the data set compares apart."""
    found = []
    for chosen in dataset(load_recipe(decoder_folder(name)).decoder.dataset).contrasts:
        own = folds["_".join(chosen)]["per_window"]
        found.append(
            f"| `{name}` | the same, windows of {', '.join(chosen)} alone | | {_words(own['balanced_accuracy'])} | "
            f"{own['chance']['mean']:.3f} |"
        )
    return found


def _across_rows(found: dict[str, Any]) -> list[str]:
    rows = [
        f"| discriminant analysis of the spectrum | `{name}`, each person held out | {found[name]['windows']} | "
        f"{_words(found[name]['spectrum'])} | {1 / found[name]['labels']:.3f} |"
        for name in ("leg_isometric_holds", "leg_uci_knee")
    ]
    return rows


def _words(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _range(values: list[float] | None, digits: int) -> str:
    if values is None:
        return "none found"
    return f"{values[1]:.{digits}f} ({values[0]:.{digits}f} to {values[2]:.{digits}f})"


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, name: str) -> None:
    make_folder(IMAGES)
    with replacing(IMAGES / name) as path:
        figure.savefig(path, dpi=110, metadata={"Software": None})
    print(IMAGES / name)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def _stored() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text(encoding="utf-8"))) if RESULT.is_file() else {}


def _store(command: str, found: dict[str, Any]) -> None:
    write_text(RESULT, json.dumps({**_stored(), command: _rounded(found)}, indent=1) + "\n")


COMMANDS: dict[str, Callable[[Path], dict[str, Any] | None]] = {
    "explore": explore,
    "simulate": simulate,
    "peers": peers,
    "across": across,
    "loop": loop,
    "figures": figures,
}


def main() -> None:
    """Run one command and keep its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--data")
    given = parser.parse_args()
    found = COMMANDS[given.command](data_root(given.data))
    if found is not None:
        _store(given.command, found)


if __name__ == "__main__":
    main()
