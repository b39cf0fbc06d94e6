"""What the commands say outside tables: plain text, exactly as it is.

Names of files, decoders and people come from outside and may look like rich's markup (``run[/]``). They pass through
here, where no markup is read.
"""

from __future__ import annotations

from typing import Literal

from rich.console import Console
from rich.text import Text


def say(text: str = "", *, style: str = "", console: Console | None = None) -> None:
    """Print ``text`` on standard output; the terminal breaks long lines, so that a path stays one piece in a pipe."""
    (console or Console()).print(Text(text, style=style), soft_wrap=True)


def complain(message: str, *, kind: Literal["error", "warning"] = "error") -> None:
    """Print the message of an error or a warning on standard error, after the name of the command."""
    name = ("neuromotion:", "bold red") if kind == "error" else ("neuromotion: warning:", "bold yellow")
    Console(stderr=True).print(Text.assemble(name, f" {message}"), soft_wrap=True)
