"""Turns a benchmark's configuration into units of work. Everything is checked before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import uuid4

from neuromotion_gym.benchmark.cells import check_cell, mean_piece_s
from neuromotion_gym.benchmark.config import BenchmarkConfig, Cell, expand
from neuromotion_gym.benchmark.digests import environment_digest, library_digest, perturbation_digest, policy_digest
from neuromotion_gym.benchmark.seen import controllers_of, refuse_seen
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checksums import data_checksum
from neuromotion_gym.datasets.people import is_new
from neuromotion_gym.datasets.playing import Playing, playing_for
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.datasets.suitable import suitable_dataset
from neuromotion_gym.decoders.adaptation import adaptation_options, reads_calibration, reads_earlier_labels
from neuromotion_gym.decoders.arrangement import facts_of_arrangement
from neuromotion_gym.decoders.bounds import parse_decoder_name
from neuromotion_gym.decoders.folders import MODEL, decoder_folder
from neuromotion_gym.decoders.identity import digest_of, is_comparable
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.relabelled import for_limb
from neuromotion_gym.decoders.seen import Seen, record_of, runs_played, seen_by_decoder, split_played
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment
from neuromotion_gym.training.fitted_on import stated_fitted_on

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.datasets.playing import PlayedPart
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.fitted_on_record import FittedOn

LISTENS = (None, "open_loop", "shuffled")
"""Bounds whose decoder reads samples (None: no bound). The oracle and the blind decoder read none."""


class Unit(NamedTuple):
    """One unit of work: a cell, for the people who share one decoder and one controller."""

    cell: Cell
    decoder: Decoder
    """The decoder without the bound; with folds, that of the fold."""
    playing: Playing
    controller: str
    """Name of the controller; of several learned ones, the first that was not trained on these people, if any."""
    data: str
    """Checksum of the data that are played."""
    digest: str
    seen: Seen
    """Data that the decoder was fitted on, and the played runs that are among them."""
    split: str
    """Unit that was kept whole between what the decoder was fitted on and what is played."""
    heard: tuple[str, ...]
    """Those of the played people that the controller was trained on."""
    own: OwnRecordings | None
    """The recordings of one's own that are played."""
    worn: dict[str, str]
    """Sessions in which a band may be worn otherwise than the decoder expects, and how."""
    row: Row
    """What the cell plays with this decoder: the same, unless several controllers share its people."""


class Row(NamedTuple):
    """What the units of a cell that share a decoder play together: its sessions share the episodes of a row."""

    playing: Playing
    data: str
    own: OwnRecordings | None


def plan(
    config: BenchmarkConfig,
    root: str | os.PathLike[str] | None = None,
    *,
    decoders: Mapping[str, Decoder] | None = None,
    recordings: object = None,
) -> tuple[list[Cell], list[Unit]]:
    """Cells of a benchmark, and their units of work.

    Decoders of folds are trained here if the cache does not hold them.

    Parameters
    ----------
    config : BenchmarkConfig
    root : path, optional
        Folder of the data sets; ``NEUROMOTION_DATA`` if left out.
    decoders : mapping of str to Decoder, optional
        Decoders that are objects, by their names in the grids.
    recordings : object, optional
        Recordings of one's own in memory, see `OwnRecordings.read`.

    Raises
    ------
    NeuroMotionError
        If environment, level, controller, part, decoder, people, perturbation or an option of one of them is unknown, a
        condition does not apply to what is played, or a decoder or controller would be tested on data that it was
        trained on.
    """
    planner = _Planner(config, root, decoders or {}, recordings)
    cells = expand(config)
    for cell in cells:
        planner.check(cell)
    return cells, [unit for cell in cells for unit in planner.units(cell)]


def decoder_name(cell: Cell) -> str:
    """Name or folder of the decoder of a cell, without the bound."""
    return parse_decoder_name(cell.decoder)[1] or environment(cell.environment).decoder


class _Planner:
    """Loads every decoder once, and reads recordings once for each input that decoders have."""

    def __init__(
        self,
        config: BenchmarkConfig,
        root: str | os.PathLike[str] | None,
        decoders: Mapping[str, Decoder],
        recordings: object,
    ) -> None:
        self.config, self.root, self._given = config, root, recordings
        self._row = environment(config.environment)
        self._loaded = {name: self._for_limb(load_decoder(decoder)) for name, decoder in decoders.items()}
        self._own: dict[str, OwnRecordings] = {}
        self._bands: dict[tuple[str, str], dict[str, str]] = {}
        self._told: dict[str, tuple[FittedOn | None, str]] = {}
        self._seen: dict[tuple[str, Playing], Seen] = {}
        self._call = uuid4().hex
        if config.source == "recordings" and (config.recordings is None or config.recordings.path is None):
            if recordings is None:
                raise NeuroMotionError("source 'recordings' plays recordings of one's own, but none are given.")
        elif recordings is not None:
            raise NeuroMotionError("Recordings are given that the configuration does not play.")
        names = {decoder_name(cell) for cell in expand(config)}
        for field in ("fitted_on", "decoder_facts"):
            if unknown := sorted(set(getattr(config, field)) - names):
                raise NeuroMotionError(f"{field} names {', '.join(unknown)}; decoders are {', '.join(sorted(names))}.")

    def check(self, cell: Cell) -> None:
        """Refuse a cell that cannot be run."""
        decoder = self._decoder(decoder_name(cell))
        spec = decoder.spec
        if cell.source != "recordings":
            dataset = suitable_dataset(spec)
            table = registry.dataset(dataset).table
            if not cell.folds and cell.part not in table.parts:
                raise NeuroMotionError(f"{dataset} has no part {cell.part!r}; parts: {', '.join(table.parts)}.")
            if cell.folds and table.fold_of != "person":
                raise NeuroMotionError(f"Folds of {dataset} are of a {table.fold_of}, not of people: leave folds out.")
            unknown = [person for person in cell.subjects if is_new(dataset, person)] if cell.folds else []
            if unknown:
                raise NeuroMotionError(
                    f"No fold of {dataset} holds {', '.join(unknown)}; its people: {', '.join(table.people)}."
                )
        adaptation_options(cell.adaptation, spec)
        playing, _ = self._playing(cell, decoder, cell.subjects)
        check_cell(cell, spec, mean_piece_s(playing))
        data_checksum(playing, self.root)

    def units(self, cell: Cell) -> list[Unit]:
        """The units of a cell: one per decoder and controller."""
        units = []
        allow_seen = self.config.allow_seen
        for decoder, people in self._decoders(cell):
            whole, own = self._playing(cell, decoder, people)
            people_played = tuple(runs_played(whole, self.root))
            row = Row(whole, data_checksum(whole, self.root), own)
            groups = controllers_of(cell.controller.name, people_played, whole.dataset, allow_seen=allow_seen)
            for controller, group, heard in groups:
                playing, own = (whole, own) if len(groups) == 1 else self._playing(cell, decoder, group)
                data = data_checksum(playing, self.root)
                shared = {"row": f"{row.playing.model_dump_json()} {row.data}"} if len(groups) > 1 else {}
                digest = cell.digest(
                    decoder=self._computes(decoder),
                    code=library_digest(),
                    environment=environment_digest(cell.environment, playing.dataset),
                    policy=policy_digest(controller),
                    playing=playing.model_dump_json(),
                    data=data,
                    **perturbation_digest(playing.perturbations),
                    **(shared if cell.row_episodes else {}),
                )
                seen, split = self._seen_by(cell, decoder, playing, own, data)
                if not allow_seen:
                    refuse_seen(decoder_name(cell), seen)
                units.append(
                    Unit(
                        cell,
                        decoder,
                        playing,
                        controller,
                        data,
                        digest,
                        seen,
                        split,
                        heard,
                        own,
                        self._worn(decoder, own),
                        row,
                    )
                )
        return units

    def _computes(self, decoder: Decoder) -> str:
        """What stands for the results of a decoder: of an object that may be trained further, this call alone."""
        return digest_of(decoder) if is_comparable(decoder) else f"{digest_of(decoder)} {self._call}"

    def _for_limb(self, decoder: Decoder) -> Decoder:
        """The decoder under the names of labels of the environment's limb."""
        return for_limb(decoder, self._row.limb, table=self._row.intents)

    def _decoder(self, name: str, of: str | None = None) -> Decoder:
        """A decoder by its name in the grids; that of a fold by its file, with the facts of the decoder ``of``."""
        if name not in self._loaded:
            loaded = load_decoder(name, **self.config.decoder_facts.get(of or name, {}))
            self._loaded[name] = self._for_limb(loaded)
        return self._loaded[name]

    def _decoders(self, cell: Cell) -> list[tuple[Decoder, tuple[str, ...]]]:
        """Each decoder of a cell with the people that it decodes; an empty tuple: all people of the part."""
        name = decoder_name(cell)
        if not cell.folds:
            return [(self._decoder(name), cell.subjects)]
        from neuromotion_gym.training.folds import train_fold

        recipe = load_recipe(Path(name) if Path(name).is_dir() else decoder_folder(name))
        found = []
        for fold in registry.dataset(recipe.decoder.dataset).table.folds:
            people = tuple(person for person in fold if not cell.subjects or person in cell.subjects)
            if people:
                found.append((self._decoder(str(train_fold(recipe, fold, root=self.root) / MODEL), name), people))
        return found

    def _playing(self, cell: Cell, decoder: Decoder, people: Sequence[str]) -> tuple[Playing, OwnRecordings | None]:
        own = self._recordings(cell, decoder) if cell.source == "recordings" else None
        if own is not None and people:
            own = own.of_people(people)
        playing = playing_for(
            decoder.spec,
            source=cell.source,
            part=cast("PlayedPart", cell.part),
            subjects=people or None,
            ocular=cell.ocular,
            skip_cue=cell.skip_cue,
            perturbations=cell.perturbations,
            resample=cell.resample and own is None,
            after_labels=reads_earlier_labels(decoder, adaptation_options(cell.adaptation, decoder.spec)),
            own=own,
        )
        return playing, own

    def _recordings(self, cell: Cell, decoder: Decoder) -> OwnRecordings:
        """Recordings of one's own, as a decoder reads them."""
        spec, chosen = decoder.spec, self.config.recordings
        fields = {"name", "modality", "labels", "channels", "rate_hz", "unit", "window", "scale", "dataset"}
        key = f"{spec.model_dump_json(include=fields)} {cell.ocular or spec.ocular}"
        if key not in self._own:
            what = self._given if chosen is None or chosen.path is None else chosen.path
            reading = None if chosen is None else chosen.reading
            self._own[key] = (
                what
                if isinstance(what, OwnRecordings)
                else OwnRecordings.read(
                    what, reading, spec, adapted=self._calibrates(), ocular=cell.ocular, resample=cell.resample
                )
            )
        return self._own[key]

    def _calibrates(self) -> bool:
        """Whether any cell needs calibration runs: all cells then play the same runs."""
        cells = expand(self.config)
        specs = [self._decoder(decoder_name(cell)).spec for cell in cells]
        regresses = [(cell.ocular or spec.ocular) == "regress" for cell, spec in zip(cells, specs, strict=True)]
        adapted = (
            reads_calibration(spec, adaptation_options(cell.adaptation, spec))
            for cell, spec in zip(cells, specs, strict=True)
        )
        return any(regresses) or any(adapted)

    def _seen_by(
        self, cell: Cell, decoder: Decoder, playing: Playing, own: OwnRecordings | None, data: str
    ) -> tuple[Seen, str]:
        """What the decoder of a cell has seen, and the split; a bound that reads no samples has seen nothing."""
        record, stated = record_of(decoder), ""
        name = decoder_name(cell)
        if record is None and name in self.config.fitted_on:
            record, stated = self._stated(self.config.fitted_on[name])
        key = (f"{name} {digest_of(decoder)} {data}", playing)  # the same graph may lie beside another record
        if key not in self._seen:
            self._seen[key] = seen_by_decoder(record, playing, self.root, own, stated=stated)
        seen = self._seen[key]
        split = split_played(seen, record, playing, "subject" if cell.folds else decoder.spec.split)
        if parse_decoder_name(cell.decoder)[0] not in LISTENS:
            seen = Seen("–", {})
        return seen, split

    def _worn(self, decoder: Decoder, own: OwnRecordings | None) -> dict[str, str]:
        """How bands are worn in recordings of one's own, where it is not as the decoder expects; warns once."""
        if own is None:
            return {}
        key = (digest_of(decoder), own.facts.digest)
        if key not in self._bands:
            facts = facts_of_arrangement(decoder, own.sessions)
            self._bands[key] = facts.get("band_worn_otherwise", {})
        return self._bands[key]

    def _stated(self, given: str) -> tuple[FittedOn | None, str]:
        """What the user says that a decoder was fitted on: a record, recordings, or a text."""
        if given not in self._told:
            reading = None if self.config.recordings is None else self.config.recordings.reading
            self._told[given] = stated_fitted_on(given, reading)
        return self._told[given]
