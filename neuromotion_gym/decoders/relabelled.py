"""A decoder under other names of its labels, and the names that a limb knows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.described import described, described_html
from neuromotion_gym.decoders.folders import decoder_folder, list_decoders
from neuromotion_gym.decoders.identity import digest_of, is_comparable
from neuromotion_gym.decoders.recipe import load_spec
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table, map_offer, meanings
from neuromotion_gym.registration import MAIN_TABLE
from neuromotion_gym.signals.labels import map_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording


class RelabelledDecoder:
    """A decoder whose labels have other names; everything else is as it was.

    Parameters
    ----------
    inner : Decoder
    labels : mapping of str to str
        Label of the inner decoder to its new name; labels that are not in it keep their names. ``spec.renamed`` keeps
        what was renamed.

    Raises
    ------
    NeuroMotionError
        If the map has names that are no labels, or two labels get the same name.
    """

    def __init__(self, inner: Decoder, labels: Mapping[str, str]) -> None:
        before = inner.spec
        if not before.classifies:
            raise NeuroMotionError(f"Decoder {before.name!r} gives targets; it has no labels that can be renamed.")
        self.inner = inner
        self.spec = renamed_spec(before, labels)
        self._before = dict(zip(self.spec.labels, before.labels, strict=True))

    @property
    def path(self) -> Any:
        """Path of the inner decoder, if it has one."""
        return self.inner.path  # type: ignore[attr-defined]

    def digest(self) -> str:
        """Digest of the inner decoder and of the new names."""
        return hashlib.sha256("\0".join([digest_of(self.inner), *self.spec.labels]).encode()).hexdigest()

    @property
    def comparable(self) -> bool:
        """Whether the digest of the inner decoder changes whenever its results may."""
        return is_comparable(self.inner)

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior and effort of the inner decoder, whose columns are the renamed labels."""
        return self.inner.decode(windows, adaptation)

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Posterior of the inner decoder, whose columns are the renamed labels."""
        return self.inner.predict_proba(windows, adaptation)

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray | None:
        """Adaptation of the inner decoder; the calibration run has the new names."""
        return self.inner.adapt([self._under_names_before(recording) for recording in calibration])

    def features(self, windows: np.ndarray) -> np.ndarray:
        """Features of the inner decoder, if it gives them."""
        found: np.ndarray = self.inner.features(windows)  # type: ignore[attr-defined]
        return found

    @property
    def population(self) -> Any:
        """Model of people of the inner decoder; None if it has none."""
        return getattr(self.inner, "population", None)

    def __repr__(self) -> str:
        return described(self)

    def _repr_html_(self) -> str:
        return described_html(self)

    def _under_names_before(self, recording: Recording) -> Recording:
        trials = tuple(replace(one, label=self._before.get(one.label, one.label)) for one in recording.trials)
        return replace(recording, trials=trials)


def renamed_spec(spec: DecoderSpec, labels: Mapping[str, str]) -> DecoderSpec:
    """``spec`` with other names of its labels; ``renamed`` says what the names of the model were."""
    mapped = map_labels(spec.labels, labels)
    if None in mapped.values():
        raise NeuroMotionError(
            f"A label of decoder {spec.name!r} can get another name, but it cannot be left out (None)."
        )
    return DecoderSpec(**{**spec.model_dump(), "labels": mapped})


@overload
def for_limb(decoder: BoundDecoder, limb: str, played: Sequence[str] = (), table: str = ...) -> BoundDecoder: ...
@overload
def for_limb(decoder: Decoder, limb: str, played: Sequence[str] = (), table: str = ...) -> Decoder: ...
def for_limb(
    decoder: Decoder | BoundDecoder, limb: str, played: Sequence[str] = (), table: str = MAIN_TABLE
) -> Decoder | BoundDecoder:
    """The decoder under names of labels that a limb knows, by the other usual names in the table of the limb.

    Parameters
    ----------
    decoder : Decoder or BoundDecoder
    limb : str
    played : sequence of str
        Labels that the source plays; among several names for the same command they come first. If left out, the rest
        label of the decoder's data set.
    table : str
        Table of the limb, as in `neuromotion_gym.registration.Environment`.

    Returns
    -------
    The same object if nothing is renamed.

    Raises
    ------
    NeuroMotionError
        If the limb has no name for a label, a name may mean several commands, or two labels would get one name; the
        message offers a map.
    """
    inner = decoder.inner if isinstance(decoder, BoundDecoder) else decoder
    changed = _changed_names(inner.spec, limb, played, table) if inner.spec.classifies else {}
    if not changed:
        return decoder
    relabelled = RelabelledDecoder(inner, changed)
    return replace(decoder, inner=relabelled) if isinstance(decoder, BoundDecoder) else relabelled


def _changed_names(spec: DecoderSpec, limb: str, played: Sequence[str], table: str) -> dict[str, str]:
    """Labels of a decoder that have another name in the table of a limb, with this name."""
    if not played and registry.is_known(spec.dataset):
        rest = registry.dataset(spec.dataset).rest
        played = () if rest is None else (rest,)
    known, labels = intent_table(limb, table), spec.labels
    found = {label: _name(label, limb, labels, played, table) for label in labels}
    unknown = [label for label, name in found.items() if name not in known]
    if unknown:
        fit = [name for name in list_decoders() if set(load_spec(decoder_folder(name)).labels) <= set(known)]
        raise NeuroMotionError(
            f"Limb {limb!r} cannot express {', '.join(map(repr, unknown))}. "
            f"It can express: {', '.join(sorted(known))}. {map_offer(unknown, list(known))} "
            f"Decoders that fit as they are: {', '.join(fit) or 'none'}."
        )
    twice = [label for label, name in found.items() if list(found.values()).count(name) > 1]
    if twice:
        raise NeuroMotionError(
            f"Labels {', '.join(map(repr, twice))} of decoder {spec.name!r} are names of the same movement of "
            f"limb {limb!r}; say what each of them means: labels={dict.fromkeys(twice, '…')!r}."
        )
    return {label: name for label, name in found.items() if name != label}


def _name(label: str, limb: str, labels: Sequence[str], played: Sequence[str], table: str) -> str:
    """The limb's name for one label of a decoder; the label itself if there is none."""
    known = intent_table(limb, table)
    meant = [name for name in meanings(label, limb, table) if name == label or name not in labels]
    if label in played or not meant:
        return label
    if len({known[name] for name in meant}) > 1:
        raise NeuroMotionError(
            f"Label {label!r} may mean {' or '.join(map(repr, meant))}; say which: labels={{{label!r}: {meant[0]!r}}}."
        )
    return next((name for name in meant if name in played), meant[0])
