"""Extensions are found, named once, and broken ones are told before anything is served."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from gateway import dialects
from gateway.dialects import registry, routes
from gateway.errors import ConfigError
from gateway.fields import FIELDS
from gateway.model import Mode
from gateway.policies.compile import compile_bundle
from gateway.policies.load import load_bundle
from gateway.policies.plugins import ACTIONS, DIALECTS, SIGNALS, installed, load
from gateway.strict_yaml import parse
from tests.policies.plugin_samples import Chirp, Hush, Loudness
from tests.support import LADDER, Drive, chat

SAMPLES = "tests.policies.plugin_samples"
LOUDNESS = EntryPoint("loudness", f"{SAMPLES}:Loudness", SIGNALS)
HUSH = EntryPoint("hush", f"{SAMPLES}:Hush", ACTIONS)
CHIRP = EntryPoint("chirp", f"{SAMPLES}:Chirp", DIALECTS)

POLICY = """\
kind: policy
id: loud
title: Loud
mode: enforce
signals:
  shouting: {loudness: {least: 2}, ramp: [0, 4], points: 100}
---
kind: ladder
id: default
title: Quiet
rungs:
  quiet: {at: 50, requires: {policies: 1}, do: [{hush: true}]}
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Dialects are registered for a whole process: take them out again."""
    names, paths = set(registry._BY_NAME), set(routes._POST)
    yield
    for name in set(registry._BY_NAME) - names:
        del registry._BY_NAME[name]
    for path in set(routes._POST) - paths:
        del routes._POST[path]
    installed.cache_clear()


def complaints(*points: EntryPoint) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(points)
    return [message for _, message in caught.value.problems]


def test_what_is_shipped_is_there_without_any() -> None:
    found = load(())
    assert {"count", "request"} <= set(found.detectors)
    assert {"limit", "reject"} <= set(found.actions)


def test_signals_and_actions_stand_beside_the_shipped_ones() -> None:
    found = load((LOUDNESS, HUSH))
    assert found.detectors["loudness"] is Loudness
    assert found.actions["hush"] is Hush
    assert "count" in found.detectors


def test_a_dialect_is_known_by_its_name_and_its_path() -> None:
    load((CHIRP,))
    assert isinstance(dialects.get("chirp"), Chirp)
    assert "chirp" in dialects.NAMES
    route = routes.resolve("POST", "/prefix/v7/chirp")
    assert route is not None
    assert (route.dialect, route.endpoint, route.path) == ("chirp", "chat", "/v7/chirp")


@pytest.mark.parametrize(
    ("name", "value", "group", "message"),
    [
        ("count", "Loudness", SIGNALS, "the name 'count' is taken"),
        ("points", "Loudness", SIGNALS, "the name 'points' is taken"),
        ("reject", "Hush", ACTIONS, "the name 'reject' is taken"),
        ("ollama", "Chirp", DIALECTS, "the name 'ollama' is taken"),
        ("loud", "Loudness", SIGNALS, "is called 'loudness' in its code: use one name"),
        ("hush", "Hush", SIGNALS, "is no subclass of gateway.signals.base.Detector"),
        ("loudness", "Loudness", ACTIONS, "is no subclass of gateway.actions.base.Action"),
        ("chirp", "explode", SIGNALS, "is no subclass of gateway.signals.base.Detector"),
        ("bare", "Bare", SIGNALS, "needs options_type, a pydantic model of its options"),
        ("explode", "explode", DIALECTS, "cannot be loaded: RuntimeError: no licence"),
        (
            "endless",
            "Endless",
            DIALECTS,
            f"the endpoint of '/v8/endless' is none of {', '.join(FIELDS['request.endpoint'].choices)}",
        ),
        ("taken", "Taken", DIALECTS, "the path '/v9/messages' is known already, or is none"),
    ],
)
def test_a_broken_extension_is_told(name: str, value: str, group: str, message: str) -> None:
    assert complaints(EntryPoint(name, f"{SAMPLES}:{value}", group)) == [message]


def test_what_is_no_dialect_is_told_what_it_lacks() -> None:
    (message,) = complaints(EntryPoint("empty", f"{SAMPLES}:Empty", DIALECTS))
    assert message.startswith("is no dialect: it lacks ask_no_reasoning, bare, content_parts, drop_extras, ")
    assert message.endswith(", routes")


def test_every_problem_is_told_at_its_entry_point_and_nothing_is_registered() -> None:
    points = (CHIRP, EntryPoint("a", "nowhere:A", SIGNALS), EntryPoint("b", f"{SAMPLES}:B", ACTIONS))
    with pytest.raises(ConfigError) as caught:
        load(points)
    assert str(caught.value) == (
        "entry point stillgate.actions: b = tests.policies.plugin_samples:B: error: cannot be loaded: "
        "AttributeError: module 'tests.policies.plugin_samples' has no attribute 'B'\n"
        "entry point stillgate.signals: a = nowhere:A: error: cannot be loaded: "
        "ModuleNotFoundError: No module named 'nowhere'"
    )
    assert "chirp" not in dialects.NAMES


def test_two_extensions_cannot_share_a_name() -> None:
    assert complaints(LOUDNESS, LOUDNESS) == ["the name 'loudness' is taken"]


def test_a_dialect_is_registered_once() -> None:
    with pytest.raises(ValueError, match="there is a dialect 'ollama' already"):
        registry.add(dialects.get("ollama"))


def distribution(site: Path, *points: EntryPoint) -> None:
    """An installed distribution, as far as Python looks for one."""
    info = site / "extras-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extras\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "".join(f"[{point.group}]\n{point.name} = {point.value}\n" for point in points)
    )


def test_installed_extensions_work_in_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path / "site", LOUDNESS, HUSH, CHIRP)
    monkeypatch.syspath_prepend(tmp_path / "site")
    installed.cache_clear()
    (tmp_path / "loud.yaml").write_text(POLICY)
    drive = Drive(load_bundle(tmp_path / "loud.yaml"))
    assert drive.send(chat("quiet!")).refusal is None
    refusal = drive.send(chat("LOUD!!!")).refusal
    assert refusal is not None
    assert refusal.code == "hush"
    assert installed() is installed()


def test_the_example_in_the_documentation_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL))
    (group,) = tomllib.loads(blocks["toml"])["project"]["entry-points"]
    assert group == SIGNALS
    scope: dict[str, Any] = {}
    # Without this module's own `annotations` switch, as a reader would run it.
    exec(compile(blocks["python"], "extending.md", "exec", dont_inherit=True), scope)
    made = compile_bundle(
        parse(f"{blocks['yaml']}{LADDER}".encode(), "extending.md"),
        detectors={"loudness": scope["Loudness"]},
        actions=load(()).actions,
    )
    (signal,) = Drive(made, Mode.SHADOW).send(chat("LOUD!!!!!!!!!!!")).signals
    assert (signal.id, signal.points) == ("shouting.loud", 5.0)


def test_a_broken_distribution_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path / "site", EntryPoint("a", "nowhere:A", SIGNALS))
    monkeypatch.syspath_prepend(tmp_path / "site")
    installed.cache_clear()
    with pytest.raises(ConfigError, match="a = nowhere:A of extras: error: cannot be loaded"):
        load_bundle(tmp_path)
