"""Writes a report as Markdown and as one HTML page; whatever a name holds, it becomes plain text in both.

The page asks for nothing from outside itself, follows its reader's choice of light or dark, and turns tables into cards
on a phone.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuromotion_gym.benchmark.pictures import STYLE as PICTURE_STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --card: #f5f7f9; --ink: #1a1f24; --muted: #56606b;
  --line: #d3d9df; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12161a; --card: #1a2026; --ink: #e7ebef; --muted: #a3adb8; --line: #353e47; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 78rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; }
@media (max-width: 40rem) { h1 { font-size: 1.3rem; } }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 2.5rem 0 .75rem; }
p { max-width: 48rem; }
.film { max-width: 48rem; }
video { width: 100%; height: auto; border-radius: .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; vertical-align: bottom; }
@media (max-width: 60rem) {
  table, tbody, tr, td { display: block; }
  table { overflow-wrap: anywhere; }
  tr { background: var(--card); border-radius: .5rem; padding: .5rem .75rem; margin: 0 0 .75rem; }
  tr:first-child { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  td { display: flex; justify-content: space-between; gap: 1rem; padding: .2rem 0; border: 0; text-align: right; }
  td::before { content: attr(data-name); color: var(--muted); text-align: left; }
  td:first-child { font-weight: 600; }
}
@media print { body { max-width: none; } }
"""


@dataclass(frozen=True)
class Section:
    """A heading with a table under it, and with pictures that stand before all tables of the page.

    Parameters
    ----------
    title : str
    header : sequence of str
    rows : sequence of sequence of str
        Each as long as ``header``.
    pictures : sequence of str
        HTML of `neuromotion_gym.benchmark.pictures`; the Markdown leaves them out.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    pictures: Sequence[str] = ()


def markdown(
    title: str, sentences: Sequence[str], sections: Sequence[Section], videos: Mapping[str, str] | None = None
) -> str:
    """The report in Markdown, without pictures; ``videos`` are files beside it, by what they show."""
    lines = [f"# {as_markdown(title)}", ""]
    lines += [part for sentence in sentences for part in (as_markdown(sentence), "")]
    if videos:
        lines += [f"Videos: {', '.join(f'[{as_markdown(what)}]({name})' for what, name in videos.items())}", ""]
    for section in sections:
        if section.rows:
            lines += [f"## {as_markdown(section.title)}", "", _markdown_row(section.header)]
            lines += ["| --- " * len(section.header) + "|", *map(_markdown_row, section.rows), ""]
    return "\n".join(lines)


def page(
    title: str, sentences: Sequence[str], sections: Sequence[Section], videos: Mapping[str, str] | None = None
) -> str:
    """The report as an HTML page: its first sentence, all pictures, videos, the other sentences, all tables."""
    first, *others = [f"<p>{html.escape(sentence)}</p>" for sentence in sentences]
    parts = [f"<h1>{html.escape(title)}</h1>", first]
    for section in sections:
        if section.pictures:
            parts += [f"<h2>{html.escape(section.title)}</h2>", *section.pictures]
    if videos:
        parts += ["<h2>Episodes</h2>", *(_video(what, name) for what, name in videos.items())]
    parts += ["<h2>What the figures rest on</h2>", *others]
    for section in sections:
        if section.rows:
            parts += [f"<h2>{html.escape(section.title)}</h2>", '<div class="scroll"><table>']
            parts += [
                "<tr>" + "".join(f'<th scope="col">{html.escape(name)}</th>' for name in section.header) + "</tr>"
            ]
            parts += [_html_row(section.header, row) for row in section.rows] + ["</table></div>"]
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{PICTURE_STYLE}</style>\n</head>\n<body>\n"
    )
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


def as_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in one line: no table cell, link, emphasis, code or HTML begins in it.

    Characters that mean something only beside others stay as they are beside harmless ones: the brackets of an
    interval and a star after it, underscores within a name.
    """
    text = re.sub(r"\s+", " ", text).strip()
    text = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"[|`~]|\*(?=\S)", r"\\\g<0>", text)
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
    text = re.sub(r"(?<=\s)(?=#+$)", r"\\", text)
    text = re.sub(r"^(\d+)(?=[.)](\s|$))", r"\1\\", text)
    return re.sub(r"^(?=[#*+-]([\s#*+-]|$))", r"\\", text)


def _video(what: str, name: str) -> str:
    label = html.escape(what)
    return (
        f'<figure class="film"><video controls preload="metadata" src="{html.escape(name)}" aria-label="{label}">'
        f"</video><figcaption>{label}</figcaption></figure>"
    )


def _markdown_row(row: Sequence[str]) -> str:
    return f"| {' | '.join(map(as_markdown, row))} |"


def _html_row(header: Sequence[str], row: Sequence[str]) -> str:
    cells = (
        f'<td data-name="{html.escape(name)}">{html.escape(entry)}</td>'
        for name, entry in zip(header, row, strict=True)
    )
    return "<tr>" + "".join(cells) + "</tr>"
