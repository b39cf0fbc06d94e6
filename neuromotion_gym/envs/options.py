"""From the options of ``gym.make`` to the parts of a loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs.closed_loop import Parts
from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import IntentMap, intent_map
from neuromotion_gym.limbs.limb import Limb
from neuromotion_gym.operators import Operator, OperatorSpec
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.schema import from_mapping
from neuromotion_gym.tasks.posture import PostureLevel, PostureTask, WrongSelection, posture_level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.datasets.playing import PlayedPart, SourceKind
    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.sources import Source

CONTROL_S = 0.05


def assemble(
    env_id: str,
    *,
    decoder: str | Path | Decoder | BoundDecoder | None = None,
    source: str | Source = "surrogate",
    level: str = "standard",
    part: str = "tune",
    subjects: Sequence[str] | None = None,
    ocular: Ocular | None = None,
    skip_cue: float | None = None,
    data_root: str | Path | None = None,
    operator: OperatorSpec | Mapping[str, Any] | None = None,
    wrong_selection: WrongSelection = "end",
    discount: float = 0.99,
) -> Parts:
    """Put the parts of a loop together.

    Parameters
    ----------
    env_id : str
        A key of `ENVIRONMENTS`.
    decoder : str, path, Decoder or BoundDecoder, optional
        A shipped decoder's name, a decoder's folder, an object, or ``"oracle"``, ``"shuffled"``, ``"blind"``, alone or
        before a colon and the name of the decoder that they bound. Default: the environment's own.
    source : {"surrogate", "replay"} or Source, default "surrogate"
        Where samples come from: the embedded generators, held-out trials of the data set, or an object.
    level : {"easy", "standard", "hard"}, default "standard"
        See `PostureLevel`.
    part : {"tune", "test"}, default "tune"
        Part of the data set that the source plays; ``test`` is for benchmarks alone.
    subjects : sequence of str, optional
        Only these people of the part.
    ocular : {"keep", "regress"}, optional
        Whether ocular channels are regressed out of the samples. Default: as the decoder was trained.
    skip_cue : float, optional
        Seconds left out at the start of every trial that is played. Default: what the data set says for decoders of
        sliding windows, 0 for those of whole trials.
    data_root : str or path, optional
        Where data sets lie (replay); default ``NEUROMOTION_DATA``.
    operator : OperatorSpec or mapping, optional
        Figures of the simulated user.
    wrong_selection, discount
        See `PostureTask`.

    Raises
    ------
    NeuroMotionError
        If an option is unknown or out of range, or if the parts do not fit together.
    """
    if env_id not in ENVIRONMENTS:
        raise NeuroMotionError(f"No environment is called {env_id!r}. Environments: {', '.join(ENVIRONMENTS)}.")
    row = ENVIRONMENTS[env_id]
    chosen = choose_decoder(decoder, row.decoder)
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
        )
        source = open_source(playing, data_root)
    else:
        given = {"subjects": subjects, "ocular": ocular, "skip_cue": skip_cue, "data_root": data_root}
        ignored = [name for name, value in given.items() if value is not None] + ["part"] * (part != "tune")
        if ignored:
            raise NeuroMotionError(
                f"Options {', '.join(ignored)} say what a data set plays; they do not apply to a source of your own. "
                "Build the source as it should play."
            )
    layout, rules = _layout(intents, spec, source, level)
    task = PostureTask(rules, CONTROL_S, wrong_selection, discount)
    figures = operator if isinstance(operator, OperatorSpec) else from_mapping(OperatorSpec, operator or {}, "operator")
    user = Operator(figures, intents, CONTROL_S, layout.lag_s, layout.speed, layout.tolerance, layout.time_limit_s)
    return Parts(limb, layout, task, user, source, chosen)


def choose_decoder(decoder: str | Path | Decoder | BoundDecoder | None, default: str) -> Decoder | BoundDecoder:
    """The decoder meant by an option of ``gym.make``."""
    if decoder is None:
        return load_decoder(default)
    if isinstance(decoder, str):
        kind, inner = parse_decoder_name(decoder)
        loaded = load_decoder(inner or default)
        return BoundDecoder(kind, loaded) if kind else loaded
    if isinstance(decoder, Path):
        return load_decoder(decoder)
    if not hasattr(decoder, "spec"):
        raise NeuroMotionError(
            f"A decoder is a name, a folder or an object with a spec, not {type(decoder).__name__}; "
            "ProbabilityDecoder wraps anything that has predict_proba."
        )
    return decoder


def _layout(
    intents: IntentMap, spec: DecoderSpec, source: Source, level: str
) -> tuple[ObservationLayout, PostureLevel]:
    window_s = spec.window / spec.rate_hz
    piece_s = source.mean_piece_s()
    if spec.pacing == "trial":
        assert spec.epoch_s is not None
        hop_s, lag_s = piece_s, piece_s / 2 + spec.epoch_s[1]
    else:
        hop_s, lag_s = spec.hop_s, piece_s / 2 + window_s / 2 + spec.hop_s / 2
    rules = posture_level(level, len(intents.axes), lag_s, piece_s, intents.rest is not None)
    layout = ObservationLayout(
        intents=intents,
        effort=spec.effort,
        control_s=CONTROL_S,
        hop_s=hop_s,
        window_s=window_s,
        lag_s=lag_s,
        speed=rules.speed,
        dwell_s=rules.dwell_s,
        time_limit_s=rules.time_limit_s,
        tolerance=rules.tolerance,
        candidates=rules.candidates,
    )
    return layout, rules
