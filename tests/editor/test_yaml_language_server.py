"""What an author sees in an editor: the real yaml-language-server with the committed schema."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import actions
from gateway.fields import FIELDS
from gateway.signals import DETECTORS
from tests.editor.language_server import Editor

ROOT = Path(__file__).parents[2]
MODELINE = "# yaml-language-server: $schema=../schema.json\n"
HEAD = f"{MODELINE}kind: policy\nid: mine\ntitle: Mine\n"
SIGNAL = "signals:\n  burst:\n    count: {of: requests, over: 1m}\n    ramp: [60, 300]\n    points: 15\n"
LADDER = f"{MODELINE}kind: ladder\nid: default\ntitle: Rungs\nrungs:\n  watch:\n    at: 20\n    do:\n      - "
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "policies").rglob("*.yaml"))


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    (folder / "policies").mkdir()
    shutil.copy(ROOT / "schema.json", folder)
    session = Editor.start(folder)
    yield session
    assert session.stop() == 0


def test_the_keys_of_a_document_depend_on_its_kind(editor: Editor) -> None:
    assert {"policy", "patterns", "ladder", "tenant", "exemption"} <= set(
        editor.complete(f"{MODELINE}kind: ▮")
    )
    assert {"signals", "rollout", "half_life"} <= set(editor.complete(f"{HEAD}▮"))
    assert "signals" not in editor.complete(f"{MODELINE}kind: ladder\n▮")


def test_a_signal_offers_every_detector_and_its_own_keys(editor: Editor) -> None:
    offered = set(editor.complete(f"{HEAD}signals:\n  burst:\n    ▮"))
    assert {*DETECTORS, "ramp", "points", "mode", "floor", "why"} <= offered


def test_a_detector_offers_its_options_and_their_words(editor: Editor) -> None:
    head = f"{HEAD}signals:\n  burst:\n    count:\n      "
    assert {"of", "over", "where"} <= set(editor.complete(f"{head}▮"))
    assert {"requests", "output_tokens"} <= set(editor.complete(f"{head}of: ▮"))


@pytest.mark.parametrize(
    "place",
    [
        "match:\n  ▮",
        "match:\n  any:\n    - ▮",
        "match:\n  not:\n    ▮",
        "signals:\n  share:\n    request:\n      ▮",
        "signals:\n  share:\n    ratio:\n      where:\n        ▮",
        "signals:\n  share:\n    count:\n      where:\n        ▮",
    ],
)
def test_a_condition_offers_every_field_wherever_it_stands(place: str, editor: Editor) -> None:
    assert {*FIELDS, "any", "all", "not"} <= set(editor.complete(HEAD + place))


def test_a_field_offers_its_words_and_the_operators_of_its_kind(editor: Editor) -> None:
    assert {"chat", "embeddings"} <= set(editor.complete(f"{HEAD}match:\n  request.endpoint: ▮"))
    offered = editor.complete(f"{HEAD}match:\n  request.max_tokens:\n    ▮")
    assert {"lte", "in", "exists"} <= set(offered)
    assert "matches" not in offered
    assert "matches" in editor.complete(f"{HEAD}match:\n  prompt.user:\n    ▮")


def test_closed_vocabularies_are_offered(editor: Editor) -> None:
    assert {"disabled", "shadow", "enforce"} <= set(editor.complete(f"{HEAD}mode: ▮"))
    assert {"experimental", "stable"} <= set(editor.complete(f"{HEAD}status: ▮"))


def test_a_rung_offers_every_response(editor: Editor) -> None:
    assert set(actions.NAMES) <= set(editor.complete(f"{LADDER}▮"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{HEAD}signals:\n  a:\n    co▮unt: {{of: requests, over: 1m}}\n", "`count: {of: output_tokens"),
        (f"{HEAD}match: {{request.max_to▮kens: 3}}\n", FIELDS["request.max_tokens"].doc[1:]),
        (f"{HEAD}match: {{request.n: {{gt▮e: 3}}}}\n", "this or greater"),
        (f"{HEAD}match: {{usage.output_to▮kens: 3}}\n", "after the answer only"),
        (f"{HEAD}half_li▮fe: 6h\n", "fades to a half"),
        (f"{HEAD}signals:\n  a:\n    ra▮mp: [1, 2]\n", "harmless, certain"),
        (f"{LADDER}li▮mit: {{requests: 20/1m}}\n", "beyond a rate"),
    ],
)  # fmt: skip
def test_a_word_says_what_it_means(text: str, shown: str, editor: Editor) -> None:
    assert shown in editor.hover(text)


@pytest.mark.parametrize(
    ("text", "wrong", "word"),
    [
        (HEAD + SIGNAL.replace("points", "pionts"), "pionts", "pionts is not allowed"),
        (HEAD + "match: {request.max_token: 2}\n" + SIGNAL, "request.max_token", "max_token is not allowed"),
        (HEAD + "mode: on\n" + SIGNAL, "on", "disabled"),
        (HEAD + "half_life: 60\n" + SIGNAL, "60", "string"),
        (HEAD + "match: {request.endpoint: [chat, mesages]}\n" + SIGNAL, "mesages", "messages"),
        (HEAD + "match: {request.n: {gt: many}}\n" + SIGNAL, "many", "number"),
        (HEAD + SIGNAL.replace("[60, 300]", "[1, 2, 3]"), "[1, 2, 3]", "too many items"),
        (HEAD + SIGNAL.replace("burst:", "Burst:"), "Burst", "pattern"),
        (f"{MODELINE}kind: polcy\n", "polcy", "policy"),
        (f"{LADDER}limt: {{requests: 20/1m}}\n", "limt", "limt is not allowed"),
    ],
)  # fmt: skip
def test_a_slip_is_underlined_where_it_stands(text: str, wrong: str, word: str, editor: Editor) -> None:
    found = editor.check(text)
    assert [message for underlined, message in found if underlined == wrong and word in message], found


def test_what_is_right_is_not_underlined(editor: Editor) -> None:
    assert editor.check(HEAD + SIGNAL) == []
    assert editor.check(f"{LADDER}log: true\n") == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_shipped_file_is_underlined(path: Path, editor: Editor) -> None:
    assert editor.check(MODELINE + (ROOT / path).read_text("utf-8")) == []


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "policies"], ids=str)
def test_every_shipped_policy_file_names_the_schema_for_editors(path: Path) -> None:
    first = (ROOT / path).read_text("utf-8").splitlines()[0]
    _, marker, address = first.partition("# yaml-language-server: $schema=")
    assert marker, first
    assert (ROOT / path.parent / address).resolve() == ROOT / "schema.json"
