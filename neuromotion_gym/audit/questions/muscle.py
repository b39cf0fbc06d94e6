"""Asks whether muscles of the head tell the label: fast activity at frontal and temporal electrodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.features import band_power, shortest_s
from neuromotion_gym.audit.label_model import tells_label
from neuromotion_gym.signals.channel_names import electrode
from neuromotion_gym.signals.montage import frontal_temporal

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

BANDS_HZ = ((20.0, 40.0), (40.0, 100.0))
"""Muscles of the head are strongest above 20 Hz (Goncharova et al., Clin. Neurophysiol. 114:1580-1593, 2003)."""
SHORTEST_S = 0.25


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Accuracy of fast activity at frontal and temporal electrodes, with that of the other electrodes beside it."""
    if not material.scalp:
        return NotAsked("the channels are not electrodes on the scalp, by their names")
    # Names in capitals, as some files have them, are no names of the 10-10 system for `frontal_temporal`
    outer = frontal_temporal([_usual(name) for name in material.channels])
    if not outer.any() or outer.all():
        return NotAsked("there are no frontal and temporal electrodes beside others")
    if shortest_s(material.excerpts, material.rates_hz) < SHORTEST_S:
        return NotAsked(f"excerpts are shorter than {SHORTEST_S:g} s")
    bands = [band for band in BANDS_HZ if band[0] < 0.4 * material.rates_hz.min()]
    if not bands:
        return NotAsked("the sampling rate is too low for the activity of muscles")
    power = material.per_trial(band_power(material.excerpts, material.rates_hz, bands))
    power = power.reshape(len(power), len(bands), -1)
    found = tells_label(power[:, :, outer].reshape(len(power), -1), material.units, options)
    inner = tells_label(power[:, :, ~outer].reshape(len(power), -1), material.units, options)
    if found is None or inner is None:
        return NotAsked("every session has one label only")
    return [
        Answer(
            "accuracy of frontal and temporal electrodes above 20 Hz",
            found.accuracy,
            found.chance,
            found.p,
            f"Frontal and temporal electrodes tell the label at {found.accuracy.mean:.2f} above 20 Hz, where muscles "
            f"of the head are (chance {found.chance:.2f}; the other electrodes {inner.accuracy.mean:.2f}).",
            "Leave out frontal and temporal electrodes or what is above 20 Hz, show the figure with and without, and "
            "look at the faces of people while they are recorded.",
            dots=found.each,
            beside=[("the other electrodes above 20 Hz", inner.accuracy)],
        )
    ]


def _usual(name: str) -> str:
    """Name of an electrode in the usual letters: ``FP1`` and ``Fp1.`` are ``Fp1``, ``fcz`` is ``FCz``."""
    text = electrode(name)
    letters, last = (text[:-1], "z") if text.endswith("z") else (text.rstrip("0123456789"), text.lstrip("fptacoinz"))
    return ("Fp" if letters == "fp" else letters.upper()) + last


QUESTION = Question("muscle", "Do muscles of the head tell the label?", ask)
