"""``card.md``: what a decoder is, what it was fitted on and how well it decodes, made from recipe and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuromotion_gym.datasets import registry
from neuromotion_gym.training.target_card import is_of_targets, table, target_limits, target_sections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuromotion_gym.decoders.fitted_on_record import FittedOn
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.decoders.spec import DecoderSpec

PICTURE = "card.png"
"""Confusion matrices and calibration plots, see `neuromotion_gym.training.card_picture`."""
FEW_PEOPLE = 10
ADAPTATIONS = {
    "none": "not adapted to a person",
    "euclidean": "aligned to a person by the unlabelled calibration run",
    "head": "last layer fitted to a person's labelled calibration run",
    "turned": "features standardised, and the turn of the grid found, by the unlabelled calibration run",
    "running": "alignment follows the run without labels; here as the calibration run tells",
    "wearer": "last layer follows the wearer without labels; here it is that of the unlabelled calibration run",
    "day": "last layer follows the day without labels; here it is what is expected of the person, nothing of the day",
}


def reports(metrics: dict[str, Any]) -> dict[str, Any]:
    """Reports in ``metrics.json`` by title: of each part, and over the folds."""
    found = dict(metrics.get("parts", {}))
    if "folds" in metrics:
        whole = {"person": "people", "run": "runs"}[metrics["folds"].get("of", "person")]
        found[f"{metrics['folds']['count']} folds of whole {whole}"] = metrics["folds"]
    return found


def card(recipe: Recipe, metrics: dict[str, Any], record: FittedOn | None = None) -> str:
    """Markdown text of a decoder's card.

    Parameters
    ----------
    recipe : Recipe
    metrics : dict
        Content of ``metrics.json``.
    record : FittedOn, optional
        What the decoder was fitted on.
    """
    spec = recipe.decoder
    lines = [f"# {spec.name}", ""]
    if spec.control:
        lines += ["**A control, not a decoder to be ranked.**", ""]
    if recipe.notes:
        lines += [recipe.notes.strip(), ""]
    lines += [
        *table(
            ("", ""),
            [
                ("labels" if spec.classifies else "targets", ", ".join(spec.decoded)),
                (
                    "signal",
                    f"{spec.modality.upper()}, {spec.channel_count}, {spec.rate_hz:g} Hz, unit {spec.unit}",
                ),
                ("window, hop", f"{spec.window_s:g} s, {spec.hop_s:g} s ({spec.pacing})"),
                ("person", _adaptation(spec)),
                ("effort", "given" if spec.effort else "not given"),
                *([("eyes", f"ocular: {spec.ocular}")] if _sees_eyes(spec) else []),
                ("data", f"{_datasets(recipe)}, licence {_licences(recipe)}"),
                ("weights", _weights_licence(recipe)),
                *([("fitted on", _fitted_on(record))] if record is not None else []),
                ("split", spec.split),
                *_training_rows(recipe),
                *([("training time", _time(metrics["training_s"]))] if "training_s" in metrics else []),
            ],
        ),
        "",
    ]
    everything = reports(metrics)
    found = {title: report for title, report in everything.items() if not is_of_targets(report)}
    of_targets = {title: report for title, report in everything.items() if is_of_targets(report)}
    if of_targets:
        lines += target_sections(of_targets, PICTURE)
    if found:
        lines += ["## Balanced accuracy", "", "Mean over people with its 95 % interval (bootstrap-t over people).", ""]
        lines += [
            *table(("on", "people", "windows", "per window", "per trial", "chance"), _accuracy_rows(found)),
            "",
        ]
        lines += ["## People", "", "Balanced accuracy per window.", "", *_people(found), ""]
    for title, report in everything.items():
        if seen := report.get("seen_in_training"):
            lines += [f"**On {title} the decoder was trained on recordings of {', '.join(seen)}.**", ""]
    if "conditions" in metrics:
        lines += _conditions(metrics["conditions"], spec)
    if found:
        lines += ["## Confusion and calibration", "", f"![Confusion matrices and calibration plots]({PICTURE})", ""]
    for title, report in found.items():
        lines += [f"## Confusion on {title}", "", "Rows: shown. Columns: decoded. Share of the row's windows.", ""]
        lines += [*_confusion(report), ""]
        lines += [f"Expected calibration error {report['expected_calibration_error']:.3f}.", ""]
        if report.get("latency"):
            latency = report["latency"]
            median = "more than half of the trials never" if latency["median_s"] < 0 else f"{latency['median_s']:.2f} s"
            lines += [
                f"First right decision after onset: median {median}; never in {latency['never']:.0%} of trials.",
                "",
            ]
    if "milliseconds_per_decision_batch_64" in metrics:
        time_ms = metrics["milliseconds_per_decision_batch_64"]
        lines += [
            f"One decision takes {time_ms:.4f} ms in a batch of 64 on one core of the machine that made this card.",
            "",
        ]
    lines += ["## Limits", "", *(f"- {limit}" for limit in _limits(recipe, found, of_targets)), ""]
    if recipe.sources:
        lines += ["## Sources", "", *(f"- {source}" for source in recipe.sources), ""]
    lines += ["## Made again", "", "```", f"neuromotion train classifiers/{spec.name}/recipe.yaml"]
    lines += [f"neuromotion evaluate {spec.name} --part both --folds --write", "```"]
    return "\n".join(lines) + "\n"


def _adaptation(spec: DecoderSpec) -> str:
    kind = spec.adaptation.kind
    if kind == "head" and not spec.classifies:
        return "last layer fitted to what a person did in the calibration run"
    known = registry.is_known(spec.dataset)
    if kind == "wearer" and known and not registry.dataset(spec.dataset).table.kind(None).calibration:
        return ADAPTATIONS[kind].split("; ")[0] + "; here it is not adapted, since there is no calibration run"
    return ADAPTATIONS[kind]


def _licences(recipe: Recipe) -> str:
    """Licences of all data sets that a decoder was trained on."""
    also = () if recipe.data is None else recipe.data.also
    further = (registry.dataset(name).table.licence for name in also if registry.is_known(name))
    return " and ".join(dict.fromkeys([recipe.decoder.licence or "", *further]))


def _weights_licence(recipe: Recipe) -> str:
    licences = _licences(recipe)
    if "not stated" in licences:
        return "not to be passed on without asking: the data's licence is not stated"
    return f"the data's licence{'s' if ' and ' in licences else ''}, {licences}"


def _fitted_on(record: FittedOn) -> str:
    """Number of people and runs, and whether copies of them are recognised."""
    records = (record, *record.also)
    runs = sum(len(names) for one in records for names in one.runs.values())
    people = len({(one.dataset, person) for one in records for person in one.people})
    prints = "with fingerprints" if all(one.fingerprints for one in records) else "without fingerprints"
    return f"{_many(runs, 'run')} of {_many(people, 'person', 'people')}, listed {prints} in `fitted_on.json`"


def _many(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _time(seconds: float) -> str:
    shown = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"about {shown} of processor time, reading included"


def _limits(recipe: Recipe, found: dict[str, Any], of_targets: dict[str, Any]) -> list[str]:
    """What the figures do not say."""
    spec, also = recipe.decoder, () if recipe.data is None else recipe.data.also
    fitted_on = f"{1 + len(also)} data sets: their devices" if also else "one data set: its device"
    read = f"It reads {spec.unit} at {spec.rate_hz:g} Hz, and knows no others than {', '.join(spec.decoded)}."
    lines = [f"Fitted on {fitted_on}, electrodes, places and protocol. {read}"]
    counted = [(report, report["per_window"]["people"]) for report in found.values()]
    counted += [(report, report["people"]) for report in of_targets.values()]
    people = max((count for report, count in counted if report.get("of") != "run"), default=0)
    if people == 1:
        lines.append("All figures are of one person; there is no interval over people.")
    elif 1 < people < FEW_PEOPLE:
        lines.append(f"All figures are of {people} people or fewer, so that the intervals are wide.")
    for title, report in found.items():
        figure, chance = report["per_window"]["balanced_accuracy"], report["per_window"]["chance"]
        low = figure["mean"] if figure["low"] is None else figure["low"]
        if low <= chance["upper_95"]:
            lines.append(f"On {title} its accuracy is not shown to be above chance.")
    return lines + target_limits(of_targets)


def _training_rows(recipe: Recipe) -> list[tuple[str, str]]:
    if recipe.data is None or recipe.network is None or recipe.training is None:
        return []
    options = ", ".join(f"{key} {value}" for key, value in recipe.network.options.items())
    training = recipe.training
    how = (
        "closed form"
        if training.method == "closed_form"
        else f"{training.epochs} epochs, AdamW, learning rate {training.learning_rate:g}, "
        f"{training.seeds} seed(s) from {training.seed}, weights of the {training.keep} epoch"
    )
    return [
        ("network", f"`{recipe.network.name}`" + (f" ({options})" if options else "")),
        ("training", f"part {recipe.data.train}, {how}"),
    ]


def _accuracy_rows(reports: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for title, report in reports.items():
        window, trial = report["per_window"], report["per_trial"]
        yield (
            title,
            str(window["people"]),
            str(report["windows"]),
            _interval(window["balanced_accuracy"]),
            _interval(trial["balanced_accuracy"]),
            f"{window['chance']['mean']:.3f}",
        )
        for pair in (key for key in report if isinstance(report[key], dict) and "per_window" in report[key]):
            alone = report[pair]
            yield (
                f"{title}, {pair.replace('_', ' ')} alone",
                str(alone["per_window"]["people"]),
                "",
                _interval(alone["per_window"]["balanced_accuracy"]),
                _interval(alone["per_trial"]["balanced_accuracy"]),
                f"{alone['per_window']['chance']['mean']:.3f}",
            )


def _conditions(groups: dict[str, Any], spec: DecoderSpec) -> list[str]:
    """Balanced accuracy over whole trials under each condition of `neuromotion_gym.audit.conditions`."""
    lines = [
        "## What it rests on",
        "",
        "Balanced accuracy over whole trials; conditions as in `audit/conditions.py`.",
        "",
    ]
    contrasts = [labels for labels in _contrasts(spec) if set(labels) < set(spec.labels)]
    rows = []
    for group, conditions in groups.items():
        for name, figures in conditions.items():
            values = [figures, *(figures["_".join(labels)] for labels in contrasts)]
            intervals = (_interval(value["per_trial"]["balanced_accuracy"]) for value in values)
            rows.append((group, name.replace("_", " "), *intervals))
    titles = (" against ".join(label.replace("_", " ") for label in labels) for labels in contrasts)
    return [*lines, *table(("on", "condition", "all labels", *titles), rows), ""]


def _contrasts(spec: DecoderSpec) -> tuple[tuple[str, ...], ...]:
    return registry.dataset(spec.dataset).contrasts if registry.is_known(spec.dataset) else ()


def _sees_eyes(spec: DecoderSpec) -> bool:
    """Whether the data set has channels that record the eyes."""
    return registry.is_known(spec.dataset) and bool(registry.dataset(spec.dataset).ocular_channels)


def _interval(value: dict[str, float | None]) -> str:
    if value["low"] is None or value["high"] is None:
        return f"{value['mean']:.3f}"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def _people(reports: dict[str, Any]) -> list[str]:
    people = sorted({person for report in reports.values() for person in report["per_window"]["by_person"]})
    rows = []
    for person in people:
        scores = (report["per_window"]["by_person"].get(person) for report in reports.values())
        rows.append((person, *("" if score is None else f"{score:.3f}" for score in scores)))
    return table(("person", *reports), rows)


def _confusion(report: dict[str, Any]) -> list[str]:
    labels = report["labels"]
    rows = []
    for label, counts in zip(labels, report["confusion"], strict=True):
        total = max(1, sum(counts))
        rows.append((label, *(f"{count / total:.2f}" for count in counts)))
    return table(("", *labels), rows)


def _datasets(recipe: Recipe) -> str:
    """Names of the data sets that a decoder was trained on."""
    return " and ".join([recipe.decoder.dataset, *(() if recipe.data is None else recipe.data.also)])
