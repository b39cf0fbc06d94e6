"""Plug-ins are called once, and one that fails takes nothing down."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from neuromotion_gym import plugins

CALLED: list[str] = []


def good() -> None:
    CALLED.append("good")


def bad() -> None:
    raise KeyError("no such folder")


def test_a_plug_in_is_called_and_a_broken_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda entry: {"good": good, "bad": bad}[entry.name])
    found = [EntryPoint(name, f"somewhere:{name}", plugins.GROUP) for name in ("bad", "good")]
    monkeypatch.setattr(plugins, "entry_points", lambda group: found if group == plugins.GROUP else [])
    CALLED.clear()
    with pytest.warns(RuntimeWarning, match=r"'bad' \(somewhere:bad\).*KeyError.*no such folder"):
        assert plugins.load_plugins() == ["good"]
    assert CALLED == ["good"]
