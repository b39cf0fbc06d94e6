"""How often an audit finds what is there, and what is not: ``python benchmarks/audit_power.py --data DIR``.

Clean runs are real recordings of people drawn at random, with the labels of trials permuted within sessions; all
questions are asked. Planted runs are such recordings with one fault of one kind, at three sizes; the question that has
to find it is asked, and its p-values are corrected as if `TESTS` answers had been tested. Where channels of some people
were moved, only a finding that names one of them counts: as recorded, a finding may be there already. Results go to
``results/audit/power.json`` and ``power.md``; a stopped run continues.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit import Material, Options, audit
from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.asking import judged
from neuromotion_gym.audit.registry import QUESTIONS
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.files import make_folder, write_text
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results" / "audit"
OPTIONS = Options(permutations=799)
TESTS = 8
"""Answers with a p-value in the largest audit: what a planted fault is corrected for."""
RUNS = {"clean": 50, "small": 10, "middle": 100, "large": 10}
FIRST = {"montage": 1000, "clean": 1000}
"""Seed of the first run of a question, and of clean runs: smaller ones were looked at while `montage` was changed.
Other questions start at 0. Results with another first seed are measured anew."""
BATCH = 20
"""Runs after which the next kind has its turn, so that a stopped study has some of each."""
SIZES = ("small", "middle", "large")
PEOPLE = {"eeg": 16, "armband": 10}
DRAWN = {"eeg": 8, "armband": 9}
SECONDS = {"eeg": 2.0, "armband": 1.5}
"""Length of an excerpt, from the beginning of a trial."""
CHANNELS = """Fp1 Fp2 AF7 AF8 F7 F8 F3 F4 Fz FT7 FT8 T7 T8 TP7 TP8 FC3 FC4 C3 C4 Cz CP3 CP4 P3 P4 P7 P8 PO7 PO8 O1 O2"""
"""Electrodes of the scalp that are read: all regions, and fewer than were recorded, to save time."""
MIRRORED = "Male7"
"""Wears the band mirrored: a finding of its own, so he is not in the pool where labels are real."""


def pool(name: str, root: str | None) -> Material:
    """All recordings from which runs draw people; real labels."""
    if name == "eeg":
        people = [f"S{number:03d}" for number in range(6, 6 + PEOPLE[name])]
        sessions = load_sessions("eegmmidb", "train", subjects=people, root=root)
        sessions = [session.pick(CHANNELS.split()) for session in sessions]
        whole = Material.of_sessions(sessions, rest_label="rest", eyes=("Fp1", "Fp2", "F7", "F8"))
    else:
        whole = Material.of_sessions(load_sessions("myo_armband", "all", root=root), rest_label="neutral", ring=True)
    length = round(SECONDS[name] * whole.rates_hz[0])
    kept = [i for i, one in enumerate(whole.excerpts) if whole.labels[i] in whole.names and one.shape[1] >= length]
    cut = [np.array(whole.excerpts[i][:, :length]) for i in kept]
    return rows(replace(whole, recordings=(), tested=(), sessions_read=()), np.array(kept), cut)


def rows(material: Material, kept: np.ndarray, excerpts: list[np.ndarray] | None = None) -> Material:
    """Some excerpts of a material."""
    fields = ("labels", "people", "sessions", "trials", "test", "rates_hz", "start_s", "from_onset")
    return replace(
        material,
        excerpts=[material.excerpts[i] for i in kept] if excerpts is None else excerpts,
        **{field: getattr(material, field)[kept] for field in fields},
    )


def drawn(whole: Material, count: int, generator: np.random.Generator) -> Material:
    """Some people of a pool, of whom a third is the test part."""
    people = generator.permutation(sorted(set(whole.people.tolist())))[:count]
    found = rows(whole, np.flatnonzero(np.isin(whole.people, people)))
    return replace(found, test=np.isin(found.people, people[: count // 3]))


def shuffled(material: Material, generator: np.random.Generator) -> Material:
    """Labels of trials permuted within sessions."""
    labels = material.labels.copy()
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    for key in sorted(set(keys.tolist())):
        mine = np.flatnonzero(keys == key)
        labels[mine] = labels[generator.permutation(mine)]
    return material.with_labels(labels)


def changed(material: Material, change: Callable[[int, np.ndarray], np.ndarray]) -> Material:
    """The material with every excerpt changed by a function of its number and a copy of its samples."""
    return replace(material, excerpts=[change(i, np.array(one)) for i, one in enumerate(material.excerpts)])


def channels(material: Material, *starts: str) -> np.ndarray:
    """Which channels have names that begin so."""
    return np.array([name.startswith(starts) for name in material.channels])


def some(material: Material, share: float, among: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Numbers of a share of the chosen excerpts, at least one."""
    mine = np.flatnonzero(among)
    return generator.permutation(mine)[: max(1, round(share * len(mine)))]


def one_person(material: Material, generator: np.random.Generator) -> np.ndarray:
    """Which excerpts are of one person, drawn at random."""
    return np.asarray(material.people == generator.choice(sorted(set(material.people.tolist()))))


def sign(material: Material) -> np.ndarray:
    """1 for the first label, -1 for the others."""
    return np.where(material.labels == material.names[0], 1.0, -1.0)


# Each plants one kind of fault of a size into a clean material


def overlap(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Tested excerpts that overlap excerpts of the training part by three quarters, standardised channel by channel."""
    excerpts = list(material.excerpts)
    train = np.flatnonzero(~material.test)
    for index in some(material, size, material.test, generator):
        source = material.excerpts[generator.choice(train)]
        shift = source.shape[1] // 4
        joined = np.concatenate([source[:, shift:], excerpts[index][:, :shift]], axis=1)
        excerpts[index] = ((joined - joined.mean(1, keepdims=True)) / joined.std(1, keepdims=True)).astype(np.float32)
    return replace(material, excerpts=excerpts)


def two_names(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Excerpts of one person that are those of another one, in another unit."""
    one, other = generator.permutation(sorted(set(material.people.tolist())))[:2]
    excerpts = list(material.excerpts)
    source = np.flatnonzero(material.people == other)
    for index in some(material, size, material.people == one, generator):
        excerpts[index] = 1e3 * material.excerpts[generator.choice(source)]
    return replace(material, excerpts=excerpts)


def both_sides(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Some trials of tested people in the training part."""
    test = material.test.copy()
    test[some(material, size, test, generator)] = False
    return replace(material, test=test)


def eyes(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A look to the side of the label, a second long, in volts at F8 - F7; weaker in neighbours."""
    weights = channels(material, "F8", "AF8") * 0.5 - channels(material, "F7", "AF7") * 0.5
    rate, side = material.rates_hz[0], sign(material)

    def look(i: int, x: np.ndarray) -> np.ndarray:
        start = round((0.3 + 0.2 * generator.random()) * rate)
        x[:, start : start + round(rate)] += (size * side[i] * weights)[:, None]
        return x

    return changed(material, look)


def cue(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A potential evoked over the opposite side of the back of the head, 0.1 to 0.3 s after the cue, in volts."""
    weights = channels(material, "PO8", "O2", "P8", "P6") * 1.0 - channels(material, "PO7", "O1", "P7", "P5")
    rate, side = material.rates_hz[0], sign(material)
    span = slice(round(0.1 * rate), round(0.3 * rate))
    bump = np.hanning(span.stop - span.start)

    def evoked(i: int, x: np.ndarray) -> np.ndarray:
        x[:, span] += size * side[i] * weights[:, None] * bump
        return x

    return changed(material, evoked)


def alternation(material: Material, size: float, generator: np.random.Generator) -> Material:
    """The next label is another one than the last with a probability."""
    labels = material.labels.copy()
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    for key in sorted(set(keys.tolist())):
        last = generator.integers(2)
        for index in np.flatnonzero(keys == key):
            last = 1 - last if generator.random() < size else last
            labels[index] = material.names[last]
    return material.with_labels(labels)


def fixed_order(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A share of the sessions has its labels in one order."""
    labels = material.labels.copy()
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    order = generator.random(200)
    for key in sorted(set(keys.tolist())):
        mine = np.flatnonzero(keys == key)
        if generator.random() < size:
            # The same places of a session get the same labels, as far as it has them
            labels[mine[np.argsort(order[: len(mine)])]] = np.sort(labels[mine])
    return material.with_labels(labels)


def clipped(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A share of the samples of one channel of one person at the amplifier's limits."""
    mine, channel = one_person(material, generator), generator.integers(len(material.channels))
    joined = np.concatenate([material.excerpts[i][channel] for i in np.flatnonzero(mine)])
    low, high = np.quantile(joined, [size / 2, 1 - size / 2])

    def clip(i: int, x: np.ndarray) -> np.ndarray:
        if mine[i]:
            x[channel] = np.clip(x[channel], low, high)
        return x

    return changed(material, clip)


def still(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A share of the samples of one person stands still."""
    mine = one_person(material, generator)

    def stop(i: int, x: np.ndarray) -> np.ndarray:
        length = round(size * x.shape[1])
        if mine[i] and length > 1:
            start = generator.integers(x.shape[1] - length + 1)
            x[:, start : start + length] = x[:, start : start + 1]
        return x

    return changed(material, stop)


def twice(material: Material, size: float, generator: np.random.Generator) -> Material:
    """A share of the excerpts comes twice."""
    excerpts = list(material.excerpts)
    chosen = some(material, size, np.ones(len(excerpts), bool), generator)
    for index in chosen:
        excerpts[index] = material.excerpts[(index + 1) % len(excerpts)]
    return replace(material, excerpts=excerpts)


def by_session(material: Material, generator: np.random.Generator) -> tuple[Material, np.ndarray]:
    """Labels that differ between two kinds of sessions, whatever the signal; and who is of the first kind."""
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    names = sorted(set(keys.tolist()))
    first = np.isin(keys, generator.permutation(names)[: len(names) // 2])
    half = len(material.names) // 2
    low = generator.integers(half, size=len(keys))
    high = generator.integers(half, len(material.names), size=len(keys))
    return material.with_labels(np.array(material.names)[np.where(first, low, high)]), first


def device(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Sessions of one kind with a low-pass filter, at a share of half the sampling rate; 1 for none."""
    from scipy.signal import butter, sosfilt

    labelled, first = by_session(material, generator)
    if size >= 1:
        return labelled
    sections = butter(4, size, output="sos")
    return changed(labelled, lambda i, x: np.round(sosfilt(sections, x)).astype(np.float32) if first[i] else x)


def muscle(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Noise from 20 to 70 Hz at temporal electrodes with one label, in shares of their standard deviation there."""
    from scipy.signal import butter, sosfilt

    weights = channels(material, "T", "FT", "F7", "F8")
    sections = butter(4, [20, 70], "bandpass", fs=material.rates_hz[0], output="sos")
    side = sign(material)

    def tense(i: int, x: np.ndarray) -> np.ndarray:
        noise = sosfilt(sections, generator.standard_normal(x.shape))
        fast = sosfilt(sections, x).std(axis=1, keepdims=True)
        return (x + size * (side[i] > 0) * weights[:, None] * fast * noise / noise.std()).astype(np.float32)

    return changed(material, tense)


def worn(material: Material, size: float, generator: np.random.Generator) -> Material:
    """One person's band turned by some places (1 to 3), or mirrored (4)."""
    mine, count = one_person(material, generator), len(material.channels)
    order = -np.arange(count) if size == 4 else np.arange(count) + int(size)
    return changed(material, lambda i, x: x[order % count] if mine[i] else x)


def exchanged(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Some channels of one person in another order."""
    mine, count = one_person(material, generator), len(material.channels)
    places = generator.permutation(count)[: int(size)]
    order = np.arange(count)
    order[places] = np.roll(places, 1)
    return changed(material, lambda i, x: x[order] if mine[i] else x)


def sides(material: Material, size: float, generator: np.random.Generator) -> Material:
    """Left and right exchanged in a share of the people."""
    from neuromotion_gym.signals.montage import mirrored_channels

    people = generator.permutation(sorted(set(material.people.tolist())))[: int(size)]
    order = mirrored_channels(material.channels)
    return changed(material, lambda i, x: x[order] if material.people[i] in people else x)


def scale(material: Material, size: float, generator: np.random.Generator) -> Material:
    """One session of one person in another unit."""
    mine = one_person(material, generator)
    mine &= material.sessions == material.sessions[mine][0]
    return changed(material, lambda i, x: (size * x).astype(np.float32) if mine[i] else x)


def targets(material: Material, size: float, generator: np.random.Generator) -> Material:
    """One channel is a movement that follows the label, with some noise in shares of the movement."""
    from scipy.signal import butter, sosfilt

    channel = generator.integers(len(material.channels))
    sections = butter(2, 1.0, fs=material.rates_hz[0], output="sos")
    side = sign(material)

    def move(i: int, x: np.ndarray) -> np.ndarray:
        n = x.shape[1]
        way = side[i] * np.hanning(n) + 5 * sosfilt(sections, generator.standard_normal(n + 500))[500:]
        x[channel] = way + size * way.std() * generator.standard_normal(n)
        return x

    return changed(material, move)


def code(material: Material, size: float, generator: np.random.Generator) -> Material:
    """One channel is the number of the label, with noise."""
    channel = generator.integers(len(material.channels))
    number = np.searchsorted(np.array(material.names), material.labels)

    def write(i: int, x: np.ndarray) -> np.ndarray:
        x[channel] = number[i] + (size * generator.standard_normal(x.shape[1]) if size else 0)
        return x

    return changed(material, write)


Plant = tuple[
    str, str, "Callable[[Material, float, np.random.Generator], Material]", tuple[float, float, float], bool, str
]
PLANTS: dict[str, Plant] = {
    "windows that overlap": (
        "armband",
        "shared_samples",
        overlap,
        (0.001, 0.03, 0.3),
        True,
        "share of tested excerpts",
    ),
    "a person under two names": ("armband", "shared_people", two_names, (0.01, 0.1, 1.0), True, "share of trials"),
    "people on both sides": ("armband", "shared_people", both_sides, (0.001, 0.05, 0.5), True, "share of trials"),
    "eyes": ("eeg", "eyes", eyes, (5e-6, 2e-5, 7e-5), True, "volts, F8 - F7"),
    "cue": ("eeg", "cue", cue, (2e-6, 1e-5, 3e-5), True, "volts"),
    "alternation": ("eeg", "order", alternation, (0.55, 0.65, 0.76), True, "P(next is the other)"),
    "one order": ("eeg", "order", fixed_order, (0.2, 0.6, 1.0), True, "share of sessions"),
    "clipped": ("armband", "sample_faults", clipped, (0.02, 0.1, 0.3), True, "share of samples"),
    "standing still": ("armband", "sample_faults", still, (0.02, 0.15, 0.5), True, "share of samples"),
    "repeated": ("armband", "sample_faults", twice, (0.002, 0.02, 0.2), True, "share of excerpts"),
    "device": ("armband", "device", device, (0.8, 0.4, 0.2), True, "low-pass, share of half the rate"),
    "muscle": ("eeg", "muscle", muscle, (0.1, 0.4, 1.0), True, "share of the standard deviation, 20-70 Hz"),
    "band turned or mirrored": ("armband", "montage", worn, (1, 3, 4), False, "places, 4: mirrored"),
    "channels exchanged": ("armband", "montage", exchanged, (3, 6, 8), False, "channels"),
    "left and right exchanged": ("eeg", "montage", sides, (1, 2, 3), False, "people"),
    "scale": ("armband", "scale", scale, (3, 30, 1000), True, "times"),
    "a movement as channel": ("armband", "targets", targets, (0.3, 0.03, 0.0), True, "noise, share of the movement"),
    "labels as channel": ("armband", "targets", code, (0.3, 0.0, 0.0), True, "noise"),
}
"""Base, question, function, sizes, whether labels are shuffled first, and what a size is."""


def found(material: Material, question: str, whom: set[str] | None = None) -> bool:
    """Whether the question has a finding that stands the correction for `TESTS` answers, and names one of ``whom``."""
    asked = QUESTIONS[question]
    answers = asked.ask(material, OPTIONS)
    if isinstance(answers, NotAsked):
        return False
    blank = Answer("", Interval(0, 0, 0), 0, 1.0, "", "")
    more = max(0, TESTS - sum(answer.p is not None for answer in answers))
    pairs: list[tuple[Question, Answer]] = [*((asked, answer) for answer in answers), *[(asked, blank)] * more]
    return any(
        one.found and (whom is None or any(f" {name} (" in one.answer.sentence for name in whom))
        for one in judged(pairs)
    )


def clean(base: Material, name: str, run: int) -> dict[str, Any]:
    """One clean run: findings; whether sessions that differ in labels alone are a finding of devices.

    And whether the true labels make a finding of the montage.
    """
    generator = np.random.default_rng([run, 0])
    recorded = drawn(base, DRAWN[name], generator)
    material = shuffled(recorded, generator)
    names = [one.question for one in audit(material, options=OPTIONS).findings]
    device_found = found(by_session(material, generator)[0], "device")
    return {"findings": names, "device": device_found, "montage": found(recorded, "montage")}


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--only", nargs="*", default=None, help="Names of plants or recordings.")
    parser.add_argument("--runs", type=int, default=None)
    given = parser.parse_args()
    make_folder(RESULTS)
    path = RESULTS / "power.json"
    table: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    pools = {name: pool(name, given.data) for name in PEOPLE}
    todo = [(key, size) for size in ("middle", "clean", "small", "large") for key in (*PEOPLE, *PLANTS)]
    todo = [(key, size) for key, size in todo if (key in PEOPLE) == (size == "clean")]
    for batch in range(BATCH, max(RUNS.values()) + 1, BATCH):
        for key, size in todo:
            if given.only is not None and key not in given.only:
                continue
            value = None if size == "clean" else PLANTS[key][3][SIZES.index(size)]
            first = FIRST.get("clean" if value is None else PLANTS[key][1], 0)
            stored = table.get(f"{key}, {size}")
            same = stored is not None and (stored["value"], stored["first"]) == (value, first)
            done = stored["runs"] if stored is not None and same else []
            begin = time.process_time()
            wanted = range(first + len(done), first + min(batch, given.runs or RUNS[size]))
            if not wanted:
                continue
            done += [clean(pools[key], key, run) if value is None else planted(pools, key, size, run) for run in wanted]
            table[f"{key}, {size}"] = {"value": value, "first": first, "runs": done}
            write_text(path, json.dumps(table) + "\n")
            write_text(RESULTS / "power.md", as_markdown(table))
            hits = sum(bool(one["findings"]) if isinstance(one, dict) else one for one in done)
            seconds = time.process_time() - begin
            print(f"{key}, {size} ({value}): {hits} of {len(done)}, {seconds / len(wanted):.2f} s a run", flush=True)


def planted(pools: dict[str, Material], plant: str, size: str, run: int) -> bool:
    """Whether one planted fault is found."""
    base, question, function, sizes, mixed, _ = PLANTS[plant]
    number = SIZES.index(size)
    generator = np.random.default_rng([run, list(PLANTS).index(plant) + 1, number])
    people = pools[base]
    if not mixed:
        people = rows(people, np.flatnonzero(people.people != MIRRORED))
    material = drawn(people, DRAWN[base], generator)
    given = shuffled(material, generator) if mixed else material
    faulty = function(given, sizes[number], generator)
    return found(faulty, question, moved(given, faulty) if question == "montage" else None)


def moved(before: Material, after: Material) -> set[str]:
    """People whose samples differ between two materials."""
    pairs = zip(before.people.tolist(), before.excerpts, after.excerpts, strict=True)
    return {person for person, one, other in pairs if not np.array_equal(one, other)}


def as_markdown(table: dict[str, Any]) -> str:
    """The table of all runs."""
    about = (
        "Made by `benchmarks/audit_power.py`. Clean: real recordings of people drawn at random, labels permuted within "
        f"sessions, all questions, {OPTIONS.permutations} permutations. Planted: one fault, the question that has to "
        f"find it, corrected for {TESTS} answers; of the montage, a finding counts if it names a person whose channels "
        "were moved."
    )
    lines = [
        "# What an audit finds",
        "",
        about,
        "",
        "| clean | people | with a finding | by question | `device`, labels by session | `montage`, true labels |",
        "|---|---|---|---|---|---|",
    ]
    for name, count in DRAWN.items():
        if f"{name}, clean" in table:
            runs = table[f"{name}, clean"]["runs"]
            hits = [one for one in runs if one["findings"]]
            kinds = ", ".join(sorted({question for one in hits for question in one["findings"]})) or "–"
            odd = sum(one["device"] for one in runs)
            true = sum(one["montage"] for one in runs)
            counts = [f"{number} of {len(runs)}" for number in (len(hits), odd, true)]
            lines.append(f"| {name} | {count} | {counts[0]} | {kinds} | {counts[1]} | {counts[2]} |")
    lines += [
        "",
        "| planted | recordings | question | size is | small | middle | large |",
        "|---|---|---|---|---|---|---|",
    ]
    for plant, (base, question, _, _, _, unit) in PLANTS.items():
        cells = []
        for size in SIZES:
            one = table.get(f"{plant}, {size}")
            cells.append("–" if one is None else f"{one['value']:g}: {sum(one['runs'])} of {len(one['runs'])}")
        lines.append(f"| {plant} | {base} | `{question}` | {unit} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
