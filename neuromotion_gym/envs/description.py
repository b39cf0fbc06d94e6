"""What an environment is, in one line and as a table for a cell of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.html_table import fact_table

if TYPE_CHECKING:
    from neuromotion_gym.envs.closed_loop import ClosedLoop


def facts(loop: ClosedLoop) -> dict[str, str]:
    """Names and values, the most important first."""
    about, layout = loop.about(), loop.layout
    bound = f"{about['bound']} for " if about["bound"] else ""
    played = [str(about[name]) for name in ("kind", "dataset", "part") if about.get(name)]
    return {
        "decoder": bound + str(about["decoder"]),
        "source": " ".join(played) or type(loop.parts.source).__name__,
        "level": str(about["level"]),
        "rows": str(loop.num_rows),
        "labels": ", ".join(layout.intents.labels),
        "axes": ", ".join(loop.parts.task.axes),
        "time limit": f"{layout.time_limit_s:g} s, {loop.max_steps} steps",
        "chance": f"{layout.facts.chance:.3g}",
    }


def as_text(loop: ClosedLoop, kind: str, env_id: str) -> str:
    """One line, such as ``NeuroEnv('…', decoder='…', source='…', level='…')``."""
    told = facts(loop)
    shown = ["decoder", "source", "level", *(["rows"] if loop.num_rows > 1 else [])]
    return f"{kind}({', '.join([repr(env_id), *(f'{name}={told[name]!r}' for name in shown)])})"


def as_html(loop: ClosedLoop, kind: str, env_id: str) -> str:
    """A small table."""
    return fact_table(f"{kind} {env_id}", facts(loop))
