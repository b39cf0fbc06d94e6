"""Finger joints from EMG in the loop: ``python benchmarks/finger_joints.py --out FOLDER``.

Decoders of continuous targets are fitted to one person's repetitions 1 to 6 of ``ninapro_db1_a``, which are the
person's calibration run and are never played. They say where eleven joints are, -1 to 1. In ``NeuroHand-v0`` the joints
of the hand follow them (controller ``follow``). The goal is one of eleven hidden end postures of that person, selected
by staying with it for the dwell time, and then the hand has to come back to rest. Later repetitions are played.

- *ridge*: linear regression of the features of `change_features`, from a window of 0.4 s;
- *network*: one hidden layer of 32, from the last second in steps of 0.1 s.

Beside them stand the shipped ``emg_finger_joints``, whose last layer alone is fitted to the person, and the decoders of
its folds, whose hidden layers have not seen the person at all.

Bounds: the oracle (what the glove really did, averaged over the window); open-loop replay; shuffled; and two policies
that see nothing of the decoder. *mean* moves as the person does on average over all movements, from the onset on;
*one posture* goes to the person's end posture of the first movement. Both rest after the dwell time.

``--choose`` compares gains and time constants of the controller on the tune part; what was chosen there is `CHOSEN`.
The script writes ``finger_joints.json`` after each person (a stopped run goes on) and ``finger_joints.md``. It needs
scikit-learn and the recordings (``NEUROMOTION_DATA``).
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers import HandWritten, make_controller
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.ninapro_db1_a.reader import JOINTS, MOVEMENTS, REST, SPEC
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders import BoundDecoder, ProbabilityDecoder, load_decoder
from neuromotion_gym.decoders.calibration import balanced_accuracy, discriminant
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.target_head import target_windows
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.files import write_text
from neuromotion_gym.signals.end_postures import end_postures
from neuromotion_gym.signals.target_windows import blocks_at, targets_at, window_ends
from neuromotion_gym.statistics import rate_interval, studentised_bootstrap_interval
from neuromotion_gym.training.folds import fold_decoder
from neuromotion_gym.training.target_evaluation import Clock, estimate, target_report
from neuromotion_gym.training.target_evaluation import explained as share_explained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.controllers.base import Memory, Seen
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.signals.recording import Recording, Session
    from neuromotion_gym.statistics import Interval

DATASET = "ninapro_db1_a"
LABELS = (REST, *(movement for movement in MOVEMENTS if movement != "thumb_adduction"))
"""In thumb adduction the thumb moves as in thumb flexion: on the tune part not even the glove told them apart."""
SMALL_V = 0.02
HOP_S = 0.05
SHIPPED = "emg_finger_joints"
SHRINKAGE = 0.1
"""Of LDA, see `told_by_rest`."""
EPISODES = 8
"""Per person."""
GAINS, SMOOTHS_S = (1.0, 1.5, 2.0), (0.3,)
CHOSEN: dict[str, dict[str, float]] = {
    "ridge": {"gain": 1.5, "smooth_s": 0.3},
    "network": {"gain": 1.5, "smooth_s": 0.3},
    SHIPPED: {"gain": 1.5, "smooth_s": 0.3},
}
"""Of the `GAINS` those with most success on the tune part."""


def change_features(windows: np.ndarray) -> np.ndarray:
    """Both halves of windows (n, channels, samples), and the whole as a share of all channels; (n, 3 channels)."""
    half = windows.shape[2] // 2
    early, late, whole = windows[..., :-half].mean(2), windows[..., -half:].mean(2), windows.mean(2)
    share = whole / (np.linalg.norm(whole, axis=1, keepdims=True) + SMALL_V)
    return np.concatenate([np.arcsinh(late / SMALL_V), np.arcsinh(early / SMALL_V), share], axis=1)


def history_features(windows: np.ndarray) -> np.ndarray:
    """Means of ten parts of windows (n, channels, samples); (n, 10 channels)."""
    parts = windows.reshape(*windows.shape[:2], 10, -1).mean(axis=3)
    return np.arcsinh(parts / SMALL_V).reshape(len(windows), -1)


KINDS: dict[str, tuple[int, Any, Any]] = {
    "ridge": (40, change_features, lambda: make_pipeline(StandardScaler(), Ridge(alpha=10.0))),
    "network": (
        100,
        history_features,
        lambda: make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(32,), alpha=10.0, max_iter=15, random_state=0)
        ),
    ),
}


class Regression:
    """Features of a window, and a model that is fitted to them."""

    def __init__(self, kind: str, recordings: Sequence[Recording]) -> None:
        self.window, self.features, model = KINDS[kind]
        self.model = model()
        found = target_windows(recordings, specification(kind, self.window))
        self.model.fit(self.features(found.windows), found.targets)

    def predict(self, windows: np.ndarray) -> np.ndarray:
        """Targets, shape (n, joints)."""
        return np.asarray(self.model.predict(self.features(windows)))


def specification(kind: str, window: int) -> DecoderSpec:
    """What the loop has to know of a decoder of joints."""
    return DecoderSpec(
        name=f"finger_joints_{kind}",
        modality="emg",
        dataset=DATASET,
        labels=LABELS,
        targets=tuple(JOINTS),
        channels=SPEC.channels,
        rate_hz=SPEC.rate_hz,
        unit=SPEC.unit,
        window=window,
        hop_s=HOP_S,
        output="targets",
        split="trial",
        licence="not stated",
    )


def fitted(kind: str, recordings: Sequence[Recording]) -> ProbabilityDecoder:
    """A decoder of joints for the person of ``recordings``."""
    model = Regression(kind, recordings)
    return ProbabilityDecoder(model, specification(kind, model.window))


def explained(decoder: Decoder, session: Session) -> list[float]:
    """R² within blocks and as a whole, means over the joints that move."""
    found = target_report(estimate(decoder, [session]))
    return [found[kind]["decoder"]["mean"] for kind in ("within_blocks", "as_a_whole")]


class Moments(NamedTuple):
    """Windows of one recording: features, targets, movement, hops since it began, piece, and whether they are at rest.

    A window is at rest if all of it is. Each piece between two gaps has one movement and the rest before it.
    """

    features: np.ndarray
    targets: np.ndarray
    blocks: np.ndarray
    phases: np.ndarray
    pieces: np.ndarray
    rests: np.ndarray


def moments_of(decoder: OnnxDecoder, recording: Recording) -> Moments:
    """All windows of a recording, one hop apart."""
    spec, hop = decoder.spec, round(decoder.spec.hop_s * decoder.spec.rate_hz)
    ends = window_ends(recording, spec.window, hop)
    views = np.lib.stride_tricks.sliding_window_view(recording.samples, spec.window, axis=1)
    begins = ends - spec.window
    found = blocks_at(recording, ends, REST)
    rests = [(begins >= one.start) & (ends <= one.stop) for one in recording.trials if one.label == REST]
    return Moments(
        decoder.features(views[:, begins].transpose(1, 0, 2)).astype(np.float64),
        targets_at(recording, spec.targets, ends),
        found.label,
        found.since // hop,
        np.searchsorted([gap for gap, _ in recording.bad_spans], begins, side="right"),
        np.any(rests, axis=0),
    )


def told_by_rest(decoder: OnnxDecoder, session: Session) -> dict[str, float]:
    """What the features of windows at rest tell of the movement that comes next, which is that of their block.

    ``told``: balanced accuracy of LDA that is fitted to the rests of the calibration run. ``phase``: R² within blocks
    of the mean of the time since a movement began. ``phase and rest``: the same when the means of the movements that
    the rest just before suggests are mixed in, by the share that serves this person best. It knows the time, and the
    share is chosen on what it is measured on, so that this is generous.
    """
    parts = session.calibration, session.recordings
    calibration, played = ([moments_of(decoder, one) for one in part] for part in parts)
    names = sorted({str(name) for one in calibration for name in one.blocks})
    resting, tested = (
        tuple(np.concatenate([getattr(one, name)[one.rests] for one in part]) for name in ("features", "blocks"))
        for part in (calibration, played)
    )
    head = discriminant(resting[0], np.searchsorted(names, resting[1]), SHRINKAGE)
    decided = (tested[0] @ head[:, :-1].T + head[:, -1]).argmax(axis=1)
    clock = Clock.of(session.calibration, decoder.spec, REST)
    assert clock is not None
    phase, suggested = [], []
    for one in played:
        says = [clock.says(np.full(len(one.blocks), name), one.phases) for name in names]
        posterior = np.full((len(one.blocks), len(names)), 1 / len(names))
        for piece in np.unique(one.pieces[one.rests]):
            mine = one.pieces == piece
            logits = one.features[mine & one.rests] @ head[:, :-1].T + head[:, -1]
            posterior[mine] = softmax(logits.mean(axis=0))
        phase.append(says[0]["phase"])
        suggested.append(np.einsum("nm,mnt->nt", posterior, [each["block and phase"] for each in says]))
    truth, blocks = (np.concatenate([getattr(one, part) for one in played]) for part in ("targets", "blocks"))
    alone, mixed = np.concatenate(phase), np.concatenate(suggested)
    shares = [
        float(np.nanmean(share_explained((1 - share) * alone + share * mixed, truth, blocks)))
        for share in np.linspace(0, 1, 21)
    ]
    told = balanced_accuracy(decided, np.searchsorted(names, tested[1]))
    return {"told": told, "phase": shares[0], "phase and rest": max(shares)}


class Timed(HandWritten):
    """Brings the joints along a course that is known before, shape (steps, joints), then to rest; sees no decoder."""

    reads_targets = True

    def __init__(self, layout: ObservationLayout, course: np.ndarray) -> None:
        super().__init__(layout)
        self.axes, self.course = course.shape[1], np.concatenate([course, np.zeros((1, course.shape[1]))])

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        step = np.minimum(np.rint(seen.time_s / self.layout.control_s).astype(int), len(self.course) - 1)
        return (self.course[step] - seen.position) / (2 * self.layout.speed * self.layout.control_s), memory


def courses(recordings: Sequence[Recording], layout: ObservationLayout) -> dict[str, np.ndarray]:
    """Courses of the two blind policies: they stay for the dwell time and the operator's reaction, 0.6 s."""
    steps = round((layout.dwell_s + 0.6 + 1 / layout.speed) / layout.control_s)
    per_step = round(layout.control_s * SPEC.rate_hz)
    made = []
    for recording in recordings:
        assert recording.targets is not None
        for trial in recording.trials:
            if trial.label != REST:
                at = np.minimum(trial.start + per_step * np.arange(steps), trial.stop - 1)
                made.append(recording.targets.values[:, at].T)
    first = end_postures(recordings, MOVEMENTS[:1], tuple(JOINTS))
    return {"mean": np.mean(made, axis=0), "one posture": np.tile(first, (steps, 1))}


def episodes_of(decoder: Any, part: str, person: str, controller: dict[str, float] | str, count: int) -> dict[str, Any]:
    """Success, wrong selections, median time and distinct trials of one person."""
    parts = assemble("NeuroHand-v0", decoder=decoder, source="replay", part=part, subjects=[person], level="standard")
    loop = ClosedLoop(parts, min(count, 8))
    made = (
        Timed(loop.layout, courses(parts.source.calibration(0), loop.layout)[controller])
        if isinstance(controller, str)
        else make_controller("follow", loop.layout, **controller)
    )
    found, trials = play(loop, made, episode_keys(parts.source.sessions, count), 0)
    loop.close()
    times = [one["time_s"] for one in found if one["success"]]
    return {
        "success": float(np.mean([one["success"] for one in found])),
        "wrong": float(np.mean([one["wrong_selection"] for one in found])),
        "time_s": float(np.median(times)) if times else None,
        "trials": len(trials),
        "episodes": len(found),
    }


def own_decoders(session: Session) -> dict[str, ProbabilityDecoder]:
    """The decoders that are fitted to the person of a session."""
    return {kind: fitted(kind, session.calibration) for kind in KINDS}


def choose(path: Path) -> None:
    """Gains and time constants on the tune part, six people, four episodes each."""
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    people = sorted(registry.dataset(DATASET).table.runs("tune"))
    for person in people:
        (session,) = load_sessions(DATASET, "tune", subjects=[person], calibration_apart=True)
        for kind, decoder in {**own_decoders(session), SHIPPED: load_decoder(SHIPPED)}.items():
            for gain, smooth_s in product(GAINS, SMOOTHS_S):
                name = f"{kind}, gain {gain}, {smooth_s} s"
                if person not in result.setdefault(name, {}):
                    options = {"gain": gain, "smooth_s": smooth_s}
                    result[name][person] = episodes_of(decoder, "tune", person, options, 4)
                    write_text(path, json.dumps(result, indent=1) + "\n")
    for name, found in result.items():
        values = list(found.values())
        print(name, *(f"{key} {np.mean([one[key] for one in values]):.3f}" for key in ("success", "wrong")))


def measure(path: Path) -> dict[str, Any]:
    """All figures of the test part."""
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    people = sorted(registry.dataset(DATASET).table.runs("test"))
    for person in [one for one in people if one not in result.setdefault("rest", {})]:
        (session,) = load_sessions(DATASET, "test", subjects=[person], calibration_apart=True)
        decoders: dict[str, Decoder] = {**own_decoders(session), SHIPPED: load_decoder(SHIPPED)}
        decoders[f"{SHIPPED}, person not seen"] = fold_decoder(SHIPPED, person)
        ridge, shipped = decoders["ridge"], load_decoder(SHIPPED)
        plain = {"gain": 1.0, "smooth_s": CHOSEN["ridge"]["smooth_s"]}
        cells: dict[str, tuple[Any, dict[str, float] | str]] = {
            **{kind: (decoder, CHOSEN[kind.split(",")[0]]) for kind, decoder in decoders.items()},
            "oracle": (BoundDecoder("oracle", ridge), plain),
            "open-loop replay, ridge": (BoundDecoder("open_loop", ridge), CHOSEN["ridge"]),
            "shuffled, ridge": (BoundDecoder("shuffled", ridge), CHOSEN["ridge"]),
            "blind: mean": (BoundDecoder("blind", ridge), "mean"),
            "blind: one posture": (BoundDecoder("blind", ridge), "one posture"),
            f"oracle, {SHIPPED}": (BoundDecoder("oracle", shipped), plain),
            f"open-loop replay, {SHIPPED}": (BoundDecoder("open_loop", shipped), CHOSEN[SHIPPED]),
            f"shuffled, {SHIPPED}": (BoundDecoder("shuffled", shipped), CHOSEN[SHIPPED]),
        }
        for kind, decoder in decoders.items():
            result.setdefault("explained", {}).setdefault(kind, {})[person] = explained(decoder, session)
        for name, (decoder, controller) in cells.items():
            if person not in result.setdefault("loop", {}).setdefault(name, {}):
                result["loop"][name][person] = episodes_of(decoder, "test", person, controller, EPISODES)
                write_text(path, json.dumps(result, indent=1) + "\n")
        result["rest"][person] = told_by_rest(shipped, session)  # the last figure: a person who has it is finished
        write_text(path, json.dumps(result, indent=1) + "\n")
    return result


def table(result: dict[str, Any]) -> str:
    """The page."""
    people = len(next(iter(result["loop"].values())))
    lines = [
        "# Finger joints in the loop",
        "",
        "Written by `benchmarks/finger_joints.py`, which says what each line is. Data set `ninapro_db1_a`, test part,",
        f"{people} people, {EPISODES} episodes each, split by repetitions; chance 1/11. Intervals of 95 % over people.",
        "",
        "| decoder | success | wrong selections | median time, s | distinct trials |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, found in result["loop"].items():
        values = list(found.values())
        cells = [in_text(values, key) for key in ("success", "wrong")]
        times = [one["time_s"] for one in values if one["time_s"] is not None]
        median = f"{np.median(times):.1f}" if times else "–"
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {median} | {sum(one['trials'] for one in values)} |")
    lines += ["", "| decoder | R² within blocks | R² as a whole |", "| --- | --- | --- |"]
    for kind, found in result["explained"].items():
        inside, whole = np.array(list(found.values())).T
        lines.append(f"| {kind} | {inside.mean():.3f} | {whole.mean():.3f} |")
    rest = np.array([list(one.values()) for one in result["rest"].values()])
    told, phase, both = (studentised_bootstrap_interval(column) for column in rest.T)
    lines += [
        "",
        f"Rest alone tells the block to LDA of the features of `{SHIPPED}`: {interval(told)},",
        f"chance {1 / len(MOVEMENTS):.3f}.",
        f"R² within blocks of the phase: {interval(phase)}, and with what rest tells, at best: {interval(both)}.",
    ]
    return "\n".join([*lines, ""])


def interval(found: Interval) -> str:
    """Mean and interval."""
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def in_text(values: Sequence[dict[str, Any]], key: str) -> str:
    """Mean over people of a rate, with its interval."""
    episodes = np.array([one["episodes"] for one in values])
    mean, low, high = rate_interval(np.rint([one[key] for one in values] * episodes).astype(int), episodes)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--choose", action="store_true", help="compare options of the controller on the tune part")
    options = parser.parse_args()
    if options.choose:
        choose(options.out / "finger_joints_tune.json")
        return
    result = measure(options.out / "finger_joints.json")
    write_text(options.out / "finger_joints.md", table(result))


if __name__ == "__main__":
    main()
