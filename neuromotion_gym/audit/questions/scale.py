"""Asks whether the amplitude of some people is far from that of the others, as with a wrong unit or gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, Question
from neuromotion_gym.signals.sample_faults import LARGEST_V
from neuromotion_gym.signals.units import VOLTS, unit_name
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

TIMES = 10.0
"""An amplitude this many times larger or smaller than that of the others is a finding, ..."""
SPREADS = 3.5
"""... if it is also this many robust standard deviations of the logarithm away: some sets differ much."""
SMALLEST_V = 1e-8
"""Smallest plausible standard deviation in volts: amplifiers themselves have noise of about a microvolt."""


def ask(material: Material, options: Options) -> list[Answer]:
    """Amplitude of each session against all others, and against what the unit allows."""
    keys = np.array([f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)])
    names, number = np.unique(keys, return_inverse=True)
    each = np.array([np.median(one.std(axis=1, dtype=np.float64)) for one in material.excerpts])
    amplitude = np.log10([max(np.median(each[number == index]), 1e-30) for index in range(len(names))])
    centre = float(np.median(amplitude))
    spread = 1.4826 * float(np.median(np.abs(amplitude - centre)))
    far = np.abs(amplitude - centre)
    odd = (far >= np.log10(TIMES)) & (far >= SPREADS * spread)
    answers = [_against_others(names, amplitude - centre, odd)] if len(names) > 2 else []
    if (unit := unit_name(material.unit)) in VOLTS:
        answers.append(_against_unit(10**centre * VOLTS[unit]))
    scale = material.decoder.spec.scale if material.decoder is not None else None
    if scale is not None and material.decoder is not None and unit_name(material.decoder.spec.unit) == unit:
        answers.append(_against_training(10**centre, scale, unit))
    return answers or [
        _answer("sessions compared", 1.0, "There are too few sessions to compare amplitudes.", fact=False)
    ]


def _answer(what: str, times: float, sentence: str, *, fact: bool) -> Answer:
    return Answer(
        what,
        Interval(times, np.nan, np.nan),
        1.0,
        None,
        sentence,
        "Look up unit and gain of these recordings and convert them (unit=), or train with features that are "
        "standardised for each person.",
        fact=fact,
        is_share=False,
    )


def _against_others(names: np.ndarray, above: np.ndarray, odd: np.ndarray) -> Answer:
    worst = int(np.abs(above).argmax())
    times = float(10 ** np.abs(above[worst]))
    told = ", ".join(str(name).replace("\0", " ") for name in names[odd][:4])
    sentence = f"No session's amplitude is far from the others' (at most {times:.1f} times)."
    if odd.any():
        more = f" and {odd.sum() - 4} more" if odd.sum() > 4 else ""
        word = "larger" if above[worst] > 0 else "smaller"
        sentence = f"The amplitude of {told}{more} is up to {times:.0f} times {word} than that of the other sessions."
    return _answer("largest ratio of a session's amplitude to the median", times, sentence, fact=bool(odd.any()))


def _against_unit(volts: float) -> Answer:
    fact = not SMALLEST_V <= volts <= LARGEST_V
    sentence = f"The amplitude, {volts:.2g} V, is one that electrodes give."
    if fact:
        sentence = f"The amplitude would be {volts:.2g} V by the stated unit, which no electrode gives."
    times = max(volts / LARGEST_V, SMALLEST_V / volts, 1.0)
    return _answer("times beyond what electrodes give", times, sentence, fact=fact)


def _against_training(amplitude: float, scale: float, unit: str) -> Answer:
    times = max(amplitude / scale, scale / amplitude)
    fact = times >= TIMES
    sentence = f"The amplitude is {amplitude:.3g} {unit}; the decoder was trained on {scale:.3g} {unit}."
    return _answer("ratio of the amplitude to that of the training data", times, sentence, fact=fact)


QUESTION = Question("scale", "Do scale or unit differ between recordings?", ask)
