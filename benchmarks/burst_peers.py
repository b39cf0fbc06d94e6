"""Burst detection of neurokit2 and biosppy, for ``python benchmarks/leg_bursts.py peers``.

Both are used as their documentation says, and with settings that are chosen by trying some on simulated recordings.
What they need and do not find themselves is given to them: samples at rest, which are those before the first true
burst. Methods that give onsets and ends in turn are taken so. Where a curve comes with them, it says which of the two
stretches beside an onset is the burst.

Left out: ``abbink_onset_detector`` of biosppy 2.2, which replaces its onsets at every burst by the places of the whole
recording where its index is largest; and the method `silva` of neurokit2 0.3, an IndexError where no end is found,
which biosppy has, too.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from simulated_bursts import MOVEMENT, RATE_HZ, RECORDINGS, SNRS_DB, false_bursts, interval, judged

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.bursts import BurstRule, find_bursts, joined

Setting = dict[str, Any]
Finder = Callable[[np.ndarray, np.ndarray, float, Setting], np.ndarray]
FILTERS = ("its own", "20 to 450 Hz")
"""The filter that the library puts before its detection, a high pass of 100 Hz in both, and that of `BurstRule`."""


class Peer(NamedTuple):
    """A method of another library."""

    library: str
    method: str
    find: Finder
    """Bursts of filtered samples: from the samples, those at rest, the rate and a setting."""
    documented: tuple[Setting, ...]
    """Setting without any choice of ours; none where the library leaves all to its users."""
    tried: tuple[Setting, ...]
    """Settings among which one is chosen."""
    recordings: int = RECORDINGS
    """For each ratio; fewer where a method is slow."""


def installed() -> dict[str, str]:
    """Versions of both libraries.

    Raises
    ------
    NeuroMotionError
        If one is missing.
    """
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {name: version(name) for name in ("neurokit2", "biosppy")}
    except PackageNotFoundError as error:
        raise NeuroMotionError(
            f"The package {error.name} is missing. Install neurokit2 and biosppy beside this library, in a Python "
            "environment of their own (pip install neurokit2 biosppy peakutils): neurokit2 0.3 refuses the setuptools "
            "that constraints.txt names, and biosppy 2.2 does not ask for peakutils, which it imports."
        ) from error


def filtered(samples: np.ndarray, rate_hz: float, name: str) -> np.ndarray:
    """Samples behind one of `FILTERS`."""
    from scipy.signal import butter, sosfiltfilt

    band = {"its own": 100.0, "20 to 450 Hz": (20.0, 450.0)}[name]
    kind = "highpass" if name == "its own" else "bandpass"
    passed: np.ndarray = sosfiltfilt(butter(4, band, kind, fs=rate_hz, output="sos"), samples)
    return passed


def grid(**choices: tuple[Any, ...]) -> tuple[Setting, ...]:
    """All combinations of some choices, each with each of `FILTERS`."""
    names = ("filter", *choices)
    return tuple(dict(zip(names, values, strict=True)) for values in product(FILTERS, *choices.values()))


def in_turn(indices: np.ndarray) -> np.ndarray:
    """Bursts from onsets and ends in turn, shape (bursts, 2)."""
    indices = np.asarray(indices, np.int64)
    return indices[: len(indices) // 2 * 2].reshape(-1, 2)


def between(indices: np.ndarray, curve: np.ndarray, level: float) -> np.ndarray:
    """Bursts from onsets and ends, where the curve is above the level in the middle between two of them."""
    indices = np.asarray(indices, np.int64)
    pairs = np.stack([indices[:-1], indices[1:]], axis=1) if len(indices) > 1 else np.empty((0, 2), np.int64)
    return pairs[[bool(curve[min((start + stop) // 2, len(curve) - 1)] > level) for start, stop in pairs]]


# neurokit2


def _activation(method: str) -> Finder:
    """Its function for all methods, which takes seconds a recording, with its own settings."""

    def find(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
        import neurokit2

        amplitude = neurokit2.emg_amplitude(samples, sampling_rate=rate_hz)
        # The cleaned signal takes the place of the amplitude in the methods that do not want one
        given = {"emg_amplitude": amplitude} if method in AMPLITUDE else {"emg_cleaned": samples}
        try:
            _, info = neurokit2.emg_activation(sampling_rate=rate_hz, method=method, **given)
        except ValueError as error:
            if "exceeds the maximum" not in str(error):
                raise
            return np.empty((0, 2), np.int64)
        count = min(len(info["EMG_Onsets"]), len(info["EMG_Offsets"]))
        return np.stack([info["EMG_Onsets"][:count], info["EMG_Offsets"][:count]], axis=1).astype(np.int64)

    return find


def _binarized(method: str) -> Finder:
    """Its amplitude and its way to set a threshold."""

    def find(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
        import neurokit2

        amplitude = neurokit2.emg_amplitude(samples, sampling_rate=rate_hz)
        threshold = setting["threshold"]
        if method == "threshold":  # in standard deviations of the amplitude at rest above its mean
            own = amplitude[: len(rest)]
            threshold = own.mean() + threshold * own.std()
        active = neurokit2.signal_binarize(amplitude, method=method, threshold=threshold) > 0
        edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
        return edges.reshape(-1, 2)

    return find


# biosppy


def _find_onsets(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
    from biosppy.signals.emg import find_onsets
    from biosppy.signals.tools import smoother

    size = setting.get("size", 0.05)
    curve = smoother(np.abs(samples), kernel="boxzen", size=int(rate_hz * size), mirror=True)["signal"]
    means, deviations = setting.get("threshold", (1.2, 2.0))
    level = float(means * curve.mean() + deviations * curve.std(ddof=1))
    return between(find_onsets(samples, rate_hz, size=size, threshold=level)["onsets"], curve, level)


def _with_rest(name: str, samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> Any:
    from biosppy.signals import emg

    given = {option: value for option, value in setting.items() if option != "filter"}
    return getattr(emg, name)(signal=samples, rest=rest, sampling_rate=rate_hz, **given)


def _hodges(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
    found = _with_rest("hodges_bui_onset_detector", samples, rest, rate_hz, setting)
    # The curve begins half a window later than the samples
    shifted = np.concatenate([np.full(setting["size"] // 2, found["processed"][0]), found["processed"]])
    return between(found["onsets"], shifted, setting["threshold"])


def _named(name: str) -> Finder:
    def find(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
        return in_turn(_with_rest(name, samples, rest, rate_hz, setting)["onsets"])

    return find


def _silva(samples: np.ndarray, rest: np.ndarray, rate_hz: float, setting: Setting) -> np.ndarray:
    from biosppy.signals.emg import silva_onset_detector

    size = setting["size"]
    longer = round(size * setting["longer"])
    level = setting["threshold"] * float(np.abs(rest).mean())
    found = silva_onset_detector(samples, rate_hz, size=size, threshold_size=longer, threshold=level)
    return in_turn(found["onsets"])


AMPLITUDE = ("threshold", "mixture")
OWN: tuple[Setting, ...] = ({"filter": FILTERS[0]},)
PEERS = (
    Peer("neurokit2", "threshold", _activation("threshold"), OWN, (), 2),
    Peer("neurokit2", "threshold", _binarized("threshold"), (), grid(threshold=(1.0, 2.0, 4.0, 8.0, 16.0))),
    Peer("neurokit2", "mixture", _activation("mixture"), OWN, (), 3),
    Peer("neurokit2", "mixture", _binarized("mixture"), (), grid(threshold=(0.33, 0.5, 0.8, 0.95))),
    Peer("neurokit2", "pelt", _activation("pelt"), OWN, (), 1),
    Peer("neurokit2", "biosppy", _activation("biosppy"), OWN, (), 2),
    Peer(
        "biosppy",
        "find_onsets",
        _find_onsets,
        OWN,
        grid(threshold=((1.2, 2.0), (1.2, 1.0), (1.2, 0.5), (1.2, 0.0), (1.0, 0.0)), size=(0.05, 0.1)),
    ),
    Peer("biosppy", "hodges_bui", _hodges, (), grid(threshold=(1.0, 1.25, 1.5, 2.0, 3.0), size=(25, 50, 100))),
    Peer(
        "biosppy",
        "bonato",
        _named("bonato_onset_detector"),
        (),
        grid(threshold=(3.0, 5.0, 8.0), active_state_duration=(10, 25), samples_above_fail=(3,), fail_size=(3, 6, 12)),
    ),
    Peer(
        "biosppy",
        "lidierth",
        _named("lidierth_onset_detector"),
        (),
        grid(threshold=(1.0, 1.25, 1.5, 2.0), size=(25, 50), active_state_duration=(20, 50), fail_size=(5, 20)),
    ),
    Peer(
        "biosppy",
        "silva",
        _silva,
        (),
        grid(threshold=(1.2, 1.5, 2.0, 3.0), size=(20, 50), longer=(1.1, 2.0)),
    ),
    Peer(
        "biosppy",
        "solnik",
        _named("solnik_onset_detector"),
        (),
        grid(threshold=(1.0, 3.0, 6.0, 12.0, 25.0, 50.0), active_state_duration=(3, 10, 25)),
    ),
    Peer(
        "biosppy",
        "londral",
        _named("londral_onset_detector"),
        (),
        grid(threshold=(0.5, 1.0, 2.0), size=(50,), active_state_duration=(20,)),
        5,
    ),
)


CHOOSING, CHOOSING_SNRS_DB = range(1000, 1003), (0, 6, 12, 24)
"""Recordings and ratios on which settings are chosen, by the mean F-measure with and without movement."""
MOVEMENTS = {"still": 0.0, "movement": MOVEMENT}
EVERYWHERE = (-1.0, 1.0)


def compared(kept: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """All methods on the simulated recordings: as documented, and with a setting chosen on other recordings.

    With a chosen setting, short gaps are closed and short bursts left out as by `BurstRule`. Methods in ``kept`` are
    not tried again if the versions are the same; ``keep`` is called after each method.
    """
    table: dict[str, Any] = {"versions": installed(), "methods": []}
    known = kept.get("methods", []) if kept.get("versions") == table["versions"] else []
    done = {(one["library"], one["method"], one["kind"]): one for one in known}
    ours = {movement: _scores(_ours, movement) for movement in MOVEMENTS.values()}
    table["ours"] = {f"{name}_false_a_minute": false_bursts(_ours, movement) for name, movement in MOVEMENTS.items()}
    for peer in PEERS:
        for kind, settings in (("as documented", peer.documented), ("chosen", peer.tried)):
            if not settings:
                continue
            if (found := done.get((peer.library, peer.method, kind))) is not None:
                table["methods"].append(found)
                continue
            setting = settings[0] if len(settings) == 1 else max(settings, key=lambda one: _choice(peer, one))
            find, numbers = _finder(peer, setting, tidy=kind == "chosen"), range(peer.recordings)
            found = {"library": peer.library, "method": peer.method, "kind": kind, "setting": setting}
            found |= {"tried": len(settings), "recordings": len(numbers)}
            for name, movement in MOVEMENTS.items():
                each = [judged(find, snr, movement, numbers) for snr in SNRS_DB]
                found[name] = [figures for figures, _ in each]
                difference = np.mean([scores for _, scores in each], axis=0) - ours[movement][: len(numbers)]
                found[f"{name}_less_ours"] = interval(difference, EVERYWHERE)
                found[f"{name}_false_a_minute"] = false_bursts(find, movement, numbers)
            table["methods"].append(found)
            keep(table)
            print(peer.library, peer.method, kind, setting, *_told(found), flush=True)
    return table


def _ours(samples: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return find_bursts(samples, RATE_HZ)


def _finder(peer: Peer, setting: Setting, *, tidy: bool) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def find(samples: np.ndarray, rest: np.ndarray) -> np.ndarray:
        passed = filtered(samples, RATE_HZ, setting["filter"])
        found = peer.find(passed, passed[: len(rest)], RATE_HZ, setting)
        return joined(found, RATE_HZ, BurstRule()) if tidy else found

    return find


def _scores(find: Callable[[np.ndarray, np.ndarray], np.ndarray], movement: float) -> np.ndarray:
    """Mean F-measure of each recording over all ratios."""
    means: np.ndarray = np.mean([judged(find, snr, movement)[1] for snr in SNRS_DB], axis=0)
    return means


def _choice(peer: Peer, setting: Setting) -> float:
    """What a setting is chosen by."""
    find = _finder(peer, setting, tidy=True)
    each = [judged(find, snr, movement, CHOOSING)[1] for snr in CHOOSING_SNRS_DB for movement in MOVEMENTS.values()]
    return float(np.mean(each))


def _told(found: dict[str, Any]) -> list[str]:
    return [
        f"{name} {' '.join(format(row['f_measure']['mean'], '.2f') for row in found[name])} "
        f"({found[f'{name}_less_ours']['mean']:+.3f})"
        for name in MOVEMENTS
    ]
