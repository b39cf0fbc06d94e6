"""Options that say how a recording of one's own is read; every command that opens one has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.signals.reading_options import Reading

LabelsOption = Annotated[
    list[str] | None,
    typer.Option(help="Label in the recording = label of the decoder, such as fist=hand_close; may be repeated."),
]
UnitOption = Annotated[str | None, typer.Option(help="Unit of the samples, if the file does not say it.")]
RateOption = Annotated[float | None, typer.Option(help="Samples per second, if the file does not say it.")]
ChannelsOption = Annotated[
    str | None,
    typer.Option(
        help="Channels to take, with commas between them; or name in the file = name of the decoder for each."
    ),
]
ReadingOption = Annotated[
    str | None,
    typer.Option(
        help="Everything else that docs/recordings.md names, as YAML or a YAML file: 'columns: {label: gesture}'."
    ),
]

WITHOUT_RECORDING = "--labels, --unit, --rate, --channels and --reading say how a --recording is read."
"""Message where one of these options is given and no recording."""


def reading_from(
    labels: list[str] | None = None,
    unit: str | None = None,
    rate: float | None = None,
    channels: str | None = None,
    reading: str | None = None,
) -> Reading:
    """The `Reading` that the options of a command describe.

    Raises
    ------
    NeuroMotionError
        If an option cannot be understood, or is given twice.
    """
    from neuromotion_gym.signals.reading_options import Reading

    said: dict[str, Any] = {}
    if labels:
        said["labels"] = dict(_pair(one, "--labels") for text in labels for one in _parts(text))
    if unit is not None:
        said["unit"] = unit
    if rate is not None:
        said["rate_hz"] = rate
    if channels is not None:
        parts = _parts(channels)
        mapped = any("=" in part for part in parts)
        said["channels"] = dict(_pair(part, "--channels") for part in parts) if mapped else tuple(parts)
    more = _content(reading) if reading is not None else {}
    if twice := sorted(set(more) & set(said)):
        raise NeuroMotionError(f"--reading has {', '.join(twice)}, which another option gives, too; give it once.")
    return Reading.of({**more, **said})


def _content(text: str) -> dict[str, Any]:
    """The mapping in the text, or in the file that it names."""
    from neuromotion_gym.plain_yaml import parse_yaml, read_yaml

    is_file = text.endswith((".yaml", ".yml"))
    content = read_yaml(Path(text), "reading") if is_file else parse_yaml(text, "--reading")
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise NeuroMotionError(f"--reading is a YAML mapping such as 'rate_hz: 200', or a file with one, not {text!r}.")
    return content


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign and value):
        raise NeuroMotionError(f"{option} is a pair such as name=other_name, not {text!r}.")
    return name, value
