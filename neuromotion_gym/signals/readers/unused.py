"""Which fields of a `Reading` are used for what; one that nothing uses is a mistake, so it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Collection

    from neuromotion_gym.signals.reading_options import Reading

RECORDING, MNE, BIDS, MOABB = "a Recording", "an MNE object", "a BIDS data set", "a MOABB data set"
"""What is read, beside files, which are known by their endings; an archive of the library is a Recording."""
OF_MNE = (".edf", ".bdf", ".gdf", ".fif", ".vhdr", ".set", MNE, BIDS, MOABB)
TABLES = (".csv", ".parquet")
WITH_KEYS = (".mat", ".npz")
USED_BY: dict[str, tuple[str, ...]] = {
    "events": OF_MNE,
    "event_id": OF_MNE,
    "stim_channel": OF_MNE,
    "trial_s": (*OF_MNE, *WITH_KEYS, ".xdf"),
    "columns": TABLES,
    "decimal": (".csv",),
    "keys": WITH_KEYS,
    "stream": (".xdf",),
    "marker_stream": (".xdf",),
    "task": (BIDS,),
}
"""What uses each field; fields that are not here are used for everything."""


def refuse_unused(reading: Reading, kinds: Collection[str]) -> None:
    """Refuse a reading with a field that none of what is read uses.

    Parameters
    ----------
    reading : Reading
    kinds : collection of str
        Endings of files, or `RECORDING`, `MNE`, `BIDS` and `MOABB`.

    Raises
    ------
    NeuroMotionError
        If there is one; the message says what it is for.
    """
    known = {kind for users in USED_BY.values() for kind in users} | {RECORDING}
    present = set(kinds) & known
    for name, users in USED_BY.items():
        if present and getattr(reading, name) is not None and present.isdisjoint(users):
            raise NeuroMotionError(
                f"{name}= is not used for {', '.join(sorted(present))}; it is for {', '.join(users)}. Leave it out."
            )
