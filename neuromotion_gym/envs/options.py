"""Build the parts of a loop from the options of ``gym.make``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.closed_loop import Parts
from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_map
from neuromotion_gym.limbs.limb import Limb
from neuromotion_gym.operators import Operator, OperatorSpec
from neuromotion_gym.registration import ENVIRONMENTS, drive_class, environment, task_class
from neuromotion_gym.schema import from_mapping, shortened
from neuromotion_gym.tasks.task import Timing, middle_level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.datasets.playing import Perturbation, PlayedPart, SourceKind
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.sources import Source

CONTROL_S = 0.05
LOOP_OPTIONS = ("observe", "observe_goal", "decoy", "render_mode", "threads")
"""Options of every environment that do not belong to `assemble`: they do not change the parts of a loop."""


def assemble(
    env_id: str | None = None,
    *,
    decoder: str | Path | Decoder | BoundDecoder | None = None,
    decoder_facts: Mapping[str, Any] | None = None,
    source: str | Source = "surrogate",
    level: str | None = None,
    part: str = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    perturbations: Sequence[Perturbation | Mapping[str, Any] | str] = (),
    data_root: str | Path | None = None,
    operator: OperatorSpec | Mapping[str, Any] | None = None,
    **task_options: Any,
) -> Parts:
    """Put the parts of a loop together.

    Parameters
    ----------
    env_id : str, optional
        A key of `ENVIRONMENTS`; the first one if left out.
    decoder : str, path, Decoder or BoundDecoder, optional
        Name of one of the library's decoders, folder of a decoder, an object, or one of the bounds ``"oracle"``,
        ``"shuffled"`` and ``"blind"``, alone or followed by a colon and the name of the decoder that it bounds.
        Default: the environment's own decoder.
    decoder_facts : mapping, optional
        What the file of a decoder from elsewhere does not say, as fields of `DecoderSpec`: ``labels``, ``rate_hz`` …
    source : {"surrogate", "replay"} or Source, default "surrogate"
        Source of the samples: the surrogates of the library, held-out trials of the data set, or an object.
    level : str, optional
        One of the task's levels of difficulty; the middle one if left out.
    part : {"tune", "test"}, default "tune"
        Part of the data set that the source plays; use ``test`` only for benchmarks.
    subjects : sequence of str, optional
        Only these people of the part.
    ocular : {"keep", "regress"}, optional
        Whether ocular channels are regressed out of the samples. Default: as the decoder was trained.
    skip_cue : float, optional
        Seconds left out at the start of every trial that is played. Default: the value of the data set for decoders of
        sliding windows, 0 for decoders of whole trials.
    perturbations : sequence of mapping or str, optional
        Changes of the samples before the decoder reads them: names, or mappings with ``name`` and ``options``.
    data_root : str or path, optional
        Folder of the data sets, for replay. Default: the environment variable ``NEUROMOTION_DATA``.
    operator : OperatorSpec or mapping, optional
        Parameters of the simulated user.
    **task_options
        Options of the environment's task, such as ``wrong_selection``; see its class.

    Raises
    ------
    NeuroMotionError
        If an option is unknown or out of range, or if the parts do not fit together.
    """
    row = environment(env_id or next(iter(ENVIRONMENTS)))
    kind = task_class(row.task)
    make_task = kind.from_level
    _check_options(make_task, task_options)
    chosen = choose_decoder(decoder, row.decoder, decoder_facts)
    spec = chosen.spec
    limb = Limb.load(row.limb)
    intents = intent_map(limb.name, spec.labels)
    if isinstance(source, str):
        if part not in ("tune", "test"):
            raise NeuroMotionError(
                f"A loop plays part 'tune' or 'test', never what decoders were trained on: not {part!r}."
            )
        playing = playing_for(
            spec,
            source=cast("SourceKind", source),
            part=cast("PlayedPart", part),
            subjects=subjects,
            ocular=ocular,
            skip_cue=skip_cue,
            perturbations=perturbations,
        )
        source = open_source(playing, data_root)
    else:
        given: dict[str, object] = {
            "subjects": subjects,
            "ocular": ocular,
            "skip_cue": skip_cue,
            "data_root": data_root,
            "perturbations": perturbations or None,
        }
        ignored = [name for name, value in given.items() if value is not None] + ["part"] * (part != "tune")
        if ignored:
            raise NeuroMotionError(
                f"Options {', '.join(ignored)} say what a data set plays; they do not apply to a source of your own. "
                "Build the source so that it plays what you want."
            )
    hop_s, timing = _clocks(spec, source)
    drive = drive_class(row.drive)
    task = make_task(
        middle_level(kind.levels) if level is None else level,
        limb,
        intents,
        lambda axes, speed: drive(limb, intents, axes, speed, CONTROL_S),
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
    )
    figures = operator if isinstance(operator, OperatorSpec) else from_mapping(OperatorSpec, operator or {}, "operator")
    user = Operator(
        figures,
        len(spec.labels),
        intents.rest,
        task.drive,
        CONTROL_S,
        timing.lag_s,
        layout.tolerance,
        layout.time_limit_s,
    )
    return Parts(limb, task.drive, layout, task, user, source, chosen)


def _check_options(make_task: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse options that neither a loop nor its task has."""
    known = [
        name
        for function in (assemble, make_task)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise NeuroMotionError(
            f"No option is called {', '.join(map(repr, unknown))}. Options: {', '.join([*LOOP_OPTIONS, *known])}."
        )


def choose_decoder(
    decoder: str | Path | Decoder | BoundDecoder | None, default: str, facts: Mapping[str, Any] | None = None
) -> Decoder | BoundDecoder:
    """The decoder that the options ``decoder`` and ``decoder_facts`` of ``gym.make`` stand for."""
    facts = {} if facts is None else facts
    if not isinstance(facts, Mapping) or not all(isinstance(key, str) for key in facts):
        raise NeuroMotionError(f"decoder_facts is a mapping of names to values, not {shortened(facts)}.")
    if decoder is None:
        return load_decoder(default, **facts)
    if isinstance(decoder, str):
        kind, inner = parse_decoder_name(decoder)
        loaded = load_decoder(inner or default, **facts)
        return BoundDecoder(kind, loaded) if kind else loaded
    if isinstance(decoder, Path):
        return load_decoder(decoder, **facts)
    if facts:
        raise NeuroMotionError("decoder_facts complete a decoder's file; an object with a spec has all of them.")
    if not hasattr(decoder, "spec"):
        raise NeuroMotionError(
            f"A decoder is a name, a folder or an object with a spec, not {type(decoder).__name__}; "
            "ProbabilityDecoder wraps anything that has predict_proba."
        )
    return decoder


def _clocks(spec: DecoderSpec, source: Source) -> tuple[float, Timing]:
    """Time between two decisions, and the times from which a task sets its rules."""
    piece_s = source.mean_piece_s()
    if spec.pacing == "trial":
        assert spec.epoch_s is not None
        return piece_s, Timing(CONTROL_S, piece_s / 2 + spec.epoch_s[1], piece_s)
    return spec.hop_s, Timing(CONTROL_S, piece_s / 2 + spec.window_s / 2 + spec.hop_s / 2, piece_s)
