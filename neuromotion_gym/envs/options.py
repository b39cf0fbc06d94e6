"""Build the parts of a loop from the options of ``gym.make``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.decoders.adaptation import adaptation_options, reads_calibration, reads_earlier_labels
from neuromotion_gym.decoders.bounds import BoundDecoder, split_bound
from neuromotion_gym.decoders.relabelled import for_limb
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.closed_loop import Parts
from neuromotion_gym.envs.kinds import check_kinds
from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.envs.played import is_source, played_source
from neuromotion_gym.errors import NeuroMotionError, UnknownOptionError
from neuromotion_gym.intents import intent_map
from neuromotion_gym.limbs.drives import Settling
from neuromotion_gym.limbs.limb import Limb
from neuromotion_gym.operators import Operator, OperatorSpec
from neuromotion_gym.registration import ENVIRONMENTS, drive_class, environment, task_class
from neuromotion_gym.schema import from_mapping, shortened
from neuromotion_gym.tasks.task import Surrounded, Timing, middle_level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.datasets.playing import Perturbation
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.adaptation import AdaptationOptions
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.model import Side
    from neuromotion_gym.registration import Environment
    from neuromotion_gym.signals.reading import Reading
    from neuromotion_gym.tasks.task import Task

CONTROL_S = 0.05
LOOP_OPTIONS = ("observe", "observe_goal", "decoy", "assist", "render_mode", "width", "height", "camera", "threads")
"""Options of every environment that do not belong to `assemble`: they do not change the parts of a loop."""


def assemble(
    env_id: str | None = None,
    *,
    decoder: Any = None,
    decoder_facts: Mapping[str, Any] | None = None,
    source: Any = "surrogate",
    reading: Reading | Mapping[str, Any] | None = None,
    level: str | None = None,
    side: Side = "right",
    part: str = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    resample: bool = False,
    perturbations: Sequence[Perturbation | Mapping[str, Any] | str] = (),
    data_root: str | Path | None = None,
    operator: OperatorSpec | Mapping[str, Any] | None = None,
    adaptation: AdaptationOptions | Mapping[str, Any] | None = None,
    **task_options: Any,
) -> Parts:
    """Put the parts of a loop together.

    Parameters
    ----------
    env_id : str, optional
        A key of `ENVIRONMENTS`; the first one if left out.
    decoder : str, path, Decoder or BoundDecoder, optional
        Name of one of the library's decoders, folder of a decoder, an ONNX file, an object with ``predict_proba`` or
        ``predict``, or a network of PyTorch; or one of the bounds ``"oracle"``, ``"open_loop"``, ``"shuffled"`` and
        ``"blind"``, alone or followed by a colon and the name or path of the decoder that it bounds; for an object a
        pair such as ``("oracle", model)``. Default: the environment's own decoder. Other usual names of the limb's
        labels become those of the limb (``info["about"]["renamed_labels"]``).
    decoder_facts : mapping, optional
        What a decoder from elsewhere does not say, as fields of `DecoderSpec`: ``labels``, ``rate_hz`` …; for an object
        also ``features``.
    source : {"surrogate", "replay"}, path, recordings or Source, default "surrogate"
        Source of the samples: the surrogates of the library, held-out trials of the data set, or your own recordings:
        a file, a folder, a Recording, an MNE Raw or Epochs, a MOABB data set, sessions, or a list of them. Or a source
        object, which plays what it is asked for.
    reading : Reading or mapping, optional
        How your own recordings are read, see `neuromotion_gym.signals.reading.Reading`: ``unit``, ``labels``,
        ``channels``, which runs calibrate …
    level : str, optional
        One of the task's levels of difficulty; the middle one if left out.
    side : {"right", "left"}, default "right"
        Side of the body to which the limb belongs.
    part : {"tune", "test"}, default "tune"
        Part of the data set that the source plays; use ``test`` only for benchmarks.
    subjects : sequence of str, optional
        Only these people. With ``source="replay"`` also people who are in no part of the data set, if the folder of the
        data sets holds their files.
    ocular : {"keep", "regress"}, optional
        Whether ocular channels are regressed out of the samples. Default: as the decoder was trained.
    skip_cue : float, optional
        Seconds left out at the start of every trial that is played. Default: the value of the data set for decoders of
        sliding windows, 0 for decoders of whole trials.
    resample : bool, default False
        Whether recordings at another rate are resampled, with a warning; otherwise they are refused.
    perturbations : sequence of mapping or str, optional
        Changes of the samples before the decoder reads them: names, or mappings with ``name`` and ``options``.
    data_root : str or path, optional
        Folder of the data sets, for replay alone. Default: the environment variable ``NEUROMOTION_DATA``.
    operator : OperatorSpec or mapping, optional
        Parameters of the simulated user.
    adaptation : AdaptationOptions or mapping, optional
        For decoders that follow their wearer: where they start, whether they go on, and for how long they keep what
        they have learned; see `neuromotion_gym.decoders.adaptation.AdaptationOptions`.
    **task_options
        Options of the environment's task, such as ``wrong_selection``; see its class.

    Raises
    ------
    NeuroMotionError
        If an option is unknown or out of range, or if the parts do not fit together.
    """
    kinds = {"level": level, "part": part, "subjects": subjects, "ocular": ocular, "data_root": data_root}
    check_kinds({"env_id": env_id, "decoder": decoder, "operator": operator, "perturbations": perturbations, **kinds})
    row = environment(env_id or next(iter(ENVIRONMENTS)))
    _check_options(task_options, assemble, task_class(row.task).from_level)
    played = source.labels if is_source(source) else ()
    chosen = for_limb(choose_decoder(decoder, row.decoder, decoder_facts), row.limb, played, row.intents)
    spec = chosen.spec
    _intents(env_id, spec)  # refused before anything is read
    adapted = adaptation_options(adaptation, spec)
    opened, facts = played_source(
        chosen,
        source,
        reading=reading,
        part=part,
        subjects=subjects,
        ocular=ocular,
        skip_cue=skip_cue,
        resample=resample,
        perturbations=perturbations,
        data_root=data_root,
        adapted=reads_calibration(spec, adapted),
        after_labels=reads_earlier_labels(chosen, adapted),
    )
    made = make_task(env_id, spec, opened.mean_piece_s(), level, side, **task_options)
    figures = operator if isinstance(operator, OperatorSpec) else from_mapping(OperatorSpec, operator or {}, "operator")
    user = Operator(
        figures,
        len(spec.labels),
        made.layout.intents.rest,
        made.task.drive,
        CONTROL_S,
        made.layout.lag_s,
        made.layout.tolerance,
        made.layout.time_limit_s,
        open_loop=getattr(chosen, "kind", None) == "open_loop",
        dwell_s=made.layout.dwell_s,
    )
    facts = {"environment": env_id or next(iter(ENVIRONMENTS)), **facts}
    return Parts(made.limb, made.task.drive, made.layout, made.task, user, opened, chosen, facts, adapted)


class Made(NamedTuple):
    """A task with its limb, and the layout of its observations."""

    limb: Limb
    task: Task
    layout: ObservationLayout


def make_task(
    env_id: str | None,
    spec: DecoderSpec,
    mean_piece_s: float,
    level: str | None = None,
    side: Side = "right",
    **task_options: Any,
) -> Made:
    """The task of an environment for a decoder, before anything is played.

    Parameters
    ----------
    env_id : str, optional
        The first environment if left out.
    spec : DecoderSpec
    mean_piece_s : float
        Mean time between two restarts of the source, on which the task's clocks depend.
    level : str, optional
        The middle one if left out.
    side : {"right", "left"}, default "right"
        Side of the body to which the limb belongs.
    **task_options
        Options of the environment's task.

    Raises
    ------
    NeuroMotionError
        If an option or the level is unknown or out of range, or the limb cannot express the decoder's labels.
    """
    name = env_id or next(iter(ENVIRONMENTS))
    row = environment(name)
    task_name, drive_name = _moved_by(name, row, spec)
    kind = task_class(task_name)
    _check_options(task_options, kind.from_level)
    limb = Limb.load(row.limb, row.scene, side)
    intents = _intents(env_id, spec)
    hop_s, timing = _clocks(spec, mean_piece_s)
    drive = drive_class(drive_name)
    joints = {} if spec.classifies else {"joints": spec.targets}
    task = kind.from_level(
        middle_level(kind.levels) if level is None else level,
        limb,
        intents,
        lambda axes, speed, **options: drive(limb, intents, axes, speed, CONTROL_S, **joints, **options),
        timing,
        **task_options,
    )
    layout = ObservationLayout(
        intents=intents,
        facts=task.facts,
        columns=tuple(task.drive.columns),
        effort=spec.effort,
        control_s=CONTROL_S,
        hop_s=hop_s,
        window_s=spec.window_s,
        lag_s=timing.lag_s,
        speed=task.drive.speed,
        targets=spec.targets,
        context=task.context if isinstance(task, Surrounded) else (),
        axes=tuple(task.axes),
        moves=_moves(task.drive, limb, len(spec.labels)),
        settles=isinstance(task.drive, Settling),
    )
    return Made(limb, task, layout)


def _moved_by(name: str, row: Environment, spec: DecoderSpec) -> tuple[str, str]:
    """Task and drive of an environment for a decoder.

    Raises
    ------
    NeuroMotionError
        If the decoder gives targets and the environment takes none, or it names no labels.
    """
    if spec.classifies:
        return row.task, row.drive
    if row.of_targets is None:
        takes = [one for one, other in ENVIRONMENTS.items() if other.of_targets is not None]
        raise NeuroMotionError(
            f"{name} needs a decoder with a posterior over labels; {spec.name!r} gives the targets "
            f"{', '.join(spec.targets)}. Environments for targets: {', '.join(takes) or 'none'}."
        )
    if not spec.labels:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives targets; its labels have to say besides which movements the wearer makes, "
            "among which the operator chooses."
        )
    return row.of_targets


def _intents(env_id: str | None, spec: DecoderSpec) -> IntentMap:
    """What the labels of a decoder mean in an environment, which takes the decoder."""
    name = env_id or next(iter(ENVIRONMENTS))
    row = environment(name)
    _moved_by(name, row, spec)
    intents = intent_map(row.limb, spec.labels, row.intents)
    if row.needs_rest and intents.rest is None:
        raise NeuroMotionError(
            f"{name} needs a decoder with a label for rest; {spec.name!r} has {', '.join(spec.labels)}."
        )
    return intents


def _moves(drive: Drive, limb: Limb, labels: int) -> np.ndarray:
    """Movement while a label is asked for, with the limb at home, as a share of full speed; (labels, axes)."""
    at_home = np.tile(limb.home_sensors, (labels, 1))
    drive.start(labels)
    return drive.effect(np.arange(labels), at_home) / (drive.speed * CONTROL_S)


def _check_options(given: Mapping[str, Any], *takers: Callable[..., Any]) -> None:
    """Refuse options that none of ``takers`` has."""
    known = [
        name
        for function in takers
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UnknownOptionError(
            f"Got an unexpected keyword argument {', '.join(map(repr, unknown))}: no such option. "
            f"Options: {', '.join([*(LOOP_OPTIONS if assemble in takers else ()), *known]) or 'none'}."
        )


def choose_decoder(decoder: Any, default: str, facts: Mapping[str, Any] | None = None) -> Decoder | BoundDecoder:
    """The decoder that the options ``decoder`` and ``decoder_facts`` of ``gym.make`` stand for."""
    facts = {} if facts is None else facts
    if not isinstance(facts, Mapping) or not all(isinstance(key, str) for key in facts):
        raise NeuroMotionError(f"decoder_facts is a mapping of names to values, not {shortened(facts)}.")
    kind, inner = split_bound(decoder)
    loaded = load_decoder(default if inner is None else inner, **facts)
    return BoundDecoder(kind, loaded) if kind else loaded


def _clocks(spec: DecoderSpec, piece_s: float) -> tuple[float, Timing]:
    """Time between two decisions, and the times from which a task sets its rules."""
    if spec.pacing == "trial":
        assert spec.epoch_s is not None
        return piece_s, Timing(CONTROL_S, piece_s / 2 + spec.epoch_s[1], piece_s)
    if spec.hop_s < CONTROL_S - 1e-9:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} has a hop of {spec.hop_s:g} s, but the loop decides once a control period at most, "
            f"every {CONTROL_S:g} s; say hop_s={CONTROL_S:g}."
        )
    return spec.hop_s, Timing(CONTROL_S, piece_s / 2 + spec.window_s / 2 + spec.hop_s / 2, piece_s)
