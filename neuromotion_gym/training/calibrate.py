"""`calibrate`: makes a decoder for one wearer from a labelled recording, and writes it to a folder of its own.

Two things are found. The last layer of a decoder that has one to fit (``adaptation.kind: head``). And, for a decoder
whose channels lie in a ring, how the band is worn: as the decoder expects it, turned, or mirrored.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.datasets.own import named_recordings
from neuromotion_gym.decoders.arrangement import can_be_arranged, labelled_arrangement
from neuromotion_gym.decoders.calibration import AT_CHANCE, above_chance, calibration_windows, fitted_head, left_out
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.decoders.target_head import TargetHeadFit, explained_of_left_out, fitted_target_head
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.reading import Reading, read_recordings
from neuromotion_gym.training.wearer_fit import WearerFit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.signals.recording import Recording

WEAK = 0.3
"""Largest distance from chance, as in `above_chance`, of a calibration that is warned about."""


def calibrate(
    decoder: OnnxDecoder | str | Path,
    recording: Any,
    out: str | Path,
    reading: Reading | Mapping[str, Any] | None = None,
) -> Path:
    """Make a decoder for one wearer and write it to a folder of its own.

    Parameters
    ----------
    decoder, recording, reading
        As in `fit_to_wearer`.
    out : path
        Folder to write: ``recipe.yaml``, ``model.onnx``, ``fitted_on.json``, ``card.md`` and, if a last layer was
        fitted, ``adaptation.npy``.

    Returns
    -------
    path
        The folder.

    Raises
    ------
    NeuroMotionError
        If the decoder cannot be calibrated, the recording does not fit, or the result is at chance.
    """
    return fit_to_wearer(decoder, recording, reading).write(out)


def fit_to_wearer(
    decoder: OnnxDecoder | str | Path,
    recording: Any,
    reading: Reading | Mapping[str, Any] | None = None,
    *,
    arrangement_only: bool = False,
) -> WearerFit:
    """Fit a decoder to one wearer: how the band is worn, if its channels lie in a ring, and the last layer.

    Parameters
    ----------
    decoder : OnnxDecoder, or name or folder of one
        Its ``adaptation.kind`` is "head", or ``ring`` is true. If its recipe names another decoder under
        ``calibrated_as``, the last layer is fitted to that one, with a warning.
    recording : Recording, MNE Raw or Epochs, path of a file or folder, MOABB data set, or list of these
        The wearer's labelled recordings, with every label of the decoder; for a decoder of targets with all targets.
    reading : Reading or mapping of its fields, optional
        What the files do not say, see `neuromotion_gym.signals.reading.read_recordings`. If ``calibration`` is given,
        only recordings that it names are used.
    arrangement_only : bool
        Only find how the band is worn, and keep the last layer of the decoder.

    Raises
    ------
    NeuroMotionError
        If the decoder cannot be calibrated, the recording does not fit, or the result is at chance.
    """
    if isinstance(decoder, str | Path):
        decoder = load_decoder(decoder)
    if not isinstance(decoder, OnnxDecoder):
        raise NeuroMotionError(
            f"A decoder to calibrate is a name, a folder or an OnnxDecoder, not {type(decoder).__name__}."
        )
    partner = None if arrangement_only else _partner(decoder)
    fitted = partner or decoder
    arranged = can_be_arranged(decoder)
    if not arranged and (arrangement_only or fitted.spec.adaptation.kind != "head"):
        raise NeuroMotionError(_nothing_to_fit(decoder, arrangement_only))
    if decoder.fixed_adaptation is not None and not arrangement_only:
        raise NeuroMotionError(
            f"{_calibrated_already(decoder)}, or find only how the band is worn (arrangement_only=True, "
            "--arrangement-only)."
        )
    recordings = _recordings(recording, Reading.of(reading), decoder)
    people = dict.fromkeys(one.subject for one in recordings)
    if len(people) > 1:
        raise NeuroMotionError(
            f"A decoder is calibrated to one wearer, but the recordings are of {', '.join(people)}; choose one: "
            f"only={{'subject': {next(iter(people))!r}}} in the reading."
        )
    channels, arrangement = decoder.spec.channels, None
    compared = {"scale": None}  # the amplitude has been compared already
    if arranged:
        windows, labels, _ = calibration_windows(recordings, decoder.spec.model_copy(update=compared))
        arrangement = labelled_arrangement(decoder, windows, labels)
        if arrangement.differs:
            channels = arrangement.best.of(channels)
    read_at = dict(zip(decoder.spec.channels, channels, strict=True))
    channels = tuple(read_at[name] for name in fitted.spec.channels)  # the partner may have another order
    head = None
    if fitted.spec.adaptation.kind == "head":
        spec = fitted.spec.model_copy(update={**compared, "channels": channels})
        head = (fitted_head if spec.classifies else fitted_target_head)(fitted.features, recordings, spec)
    fit = WearerFit(fitted, tuple(recordings), channels, head, arrangement)
    _check_above_chance(fit)
    return fit


def _recordings(what: Any, reading: Reading, decoder: OnnxDecoder) -> Sequence[Recording]:
    """Recordings to which the decoder is fitted: all, or those that ``calibration`` of the reading names."""
    if reading.play is not None:
        raise NeuroMotionError(
            "Nothing is played when a decoder is calibrated; name its recordings with calibration= in the reading, and "
            "leave out play=."
        )
    found = read_recordings(what, reading, decoder.spec)
    return found if reading.calibration is None else named_recordings(found, reading.calibration, "calibration")


def _partner(decoder: OnnxDecoder) -> OnnxDecoder | None:
    """The decoder that is fitted to a wearer in place of ``decoder``; None if that is itself."""
    name = None if decoder.spec.adaptation.kind == "head" else decoder.recipe().calibrated_as
    if name is None:
        return None
    partner = load_decoder(name)
    for field in ("labels", "modality", "rate_hz", "unit"):
        if getattr(partner.spec, field) != getattr(decoder.spec, field):
            raise NeuroMotionError(
                f"Decoder {decoder.spec.name!r} is calibrated as {name!r}, whose {field} differs: "
                f"{getattr(partner.spec, field)!r}, not {getattr(decoder.spec, field)!r}."
            )
    if partner.spec.adaptation.kind != "head" or {*partner.spec.channels} != {*decoder.spec.channels}:
        raise NeuroMotionError(
            f"Decoder {decoder.spec.name!r} is calibrated as {name!r}, which needs adaptation.kind 'head' and the same "
            f"channels, {', '.join(decoder.spec.channels)}."
        )
    warn(f"Decoder {decoder.spec.name!r} has no last layer to fit; {name!r} is calibrated in its place.")
    return partner


def _calibrated_already(decoder: OnnxDecoder) -> str:
    return (
        f"Decoder {decoder.spec.name!r} in {decoder.path.parent} is calibrated already; calibrate the decoder that it "
        "was made from"
    )


def _nothing_to_fit(decoder: OnnxDecoder, arrangement_only: bool) -> str:
    spec = decoder.spec
    if decoder.fixed_adaptation is not None:
        return f"{_calibrated_already(decoder)}."
    if spec.adaptation.kind == "wearer":
        return (
            f"Decoder {spec.name!r} has nothing to calibrate: its last layer follows the wearer in the loop. To begin "
            "with a labelled calibration run there, use adaptation={'start': 'labels'}."
        )
    ring = "its channels do not lie in a ring (ring: true in its recipe)"
    if arrangement_only:
        return f"How a band is worn cannot be found with decoder {spec.name!r}: {ring}, or it has a last layer to fit."
    return (
        f"Decoder {spec.name!r} has nothing to calibrate: no last layer to fit (its adaptation.kind is "
        f"{spec.adaptation.kind!r}, not 'head'), and {ring}."
    )


def _check_above_chance(fit: WearerFit) -> None:
    """Refuse a result that is no better than guessing, and warn about a weak one."""
    if isinstance(fit.head, TargetHeadFit):
        if not fit.head.explained > 0:
            raise NeuroMotionError(
                f"Decoder {fit.decoder.spec.name!r} explains nothing of what {fit.wearer} did: "
                f"{explained_of_left_out(fit.head.explained)}. Check that the targets belong to the samples, that the "
                "unit is right, and that all electrodes had contact."
            )
        return
    labels = len(fit.decoder.spec.labels)
    if fit.head is not None:
        what, accuracy = left_out(fit.head.accuracy, labels), fit.head.accuracy
    else:
        assert fit.arrangement is not None
        accuracy = fit.arrangement.score if fit.arrangement.differs else fit.arrangement.given_score
        what = f"balanced accuracy {accuracy:.2f}, chance {1 / labels:.2f}"
    share = above_chance(accuracy, labels)
    name = fit.decoder.spec.name
    if share <= AT_CHANCE:
        raise NeuroMotionError(
            f"Decoder {name!r} is at chance on the recording of {fit.wearer}: {what}. Check that the labels belong to "
            "the samples, that the unit is right, and that all electrodes had contact."
        )
    if share <= WEAK:
        warn(f"Decoder {name!r} is little better than chance on the recording of {fit.wearer}: {what}.")
