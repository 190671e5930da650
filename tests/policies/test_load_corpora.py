"""Collections beside the policies: named by signals, part of the bundle's hash, seen when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.corpora import Origin, build, encode
from gateway.errors import ConfigError
from gateway.policies.load import load_bundle
from gateway.signals.templates import pieces
from gateway.source import Source
from tests.policies.samples import LADDER

POLICY = """
---
kind: policy
id: public
title: Public
signals:
  share:
    corpus: {in: [house], over: 24h, min: 20}
    ramp: [0.5, 1]
    points: 5
"""


def pack(path: Path, name: str = "house", text: str = "Who keeps twelve copper kettles in the attic") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(build(Origin(name, name, "MIT", "-", 0), [text], common=1)))


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    (tmp_path / "all.yaml").write_text(LADDER + POLICY)
    pack(tmp_path / "packs" / "any-name.corpus")
    return tmp_path


def problems(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_bundle(path)
    return str(caught.value)


def test_a_pack_anywhere_below_the_directory_is_known_by_its_own_name(policies: Path) -> None:
    assert load_bundle(policies).summary.endswith("ladder 'default' (4 rungs), 1 corpus")


def test_another_content_is_another_bundle_and_another_place_is_not(policies: Path) -> None:
    before = load_bundle(policies)
    (policies / "packs" / "any-name.corpus").rename(policies / "moved.corpus")
    assert load_bundle(policies).hash == before.hash
    pack(policies / "moved.corpus", text="Who keeps thirteen silver spoons in the cellar")
    after = load_bundle(policies)
    assert after.hash != before.hash
    assert after.policies[0].signals[0].detector.reads != before.policies[0].signals[0].detector.reads


def test_a_collection_that_is_not_there_is_named_at_its_place(policies: Path) -> None:
    (policies / "all.yaml").write_text(LADDER + POLICY.replace("[house]", "[house, huose]"))
    line = (LADDER + POLICY).splitlines().index("    corpus: {in: [house], over: 24h, min: 20}") + 1
    assert problems(policies) == (
        f"{policies}/all.yaml:{line}:26: error: signals.share.corpus.in.1: no corpus 'huose' "
        "(did you mean 'house'?): packs (*.corpus) lie beside the policies"
    )


@pytest.mark.parametrize(
    ("detector", "kept", "words"),
    [
        ("corpus: {in: [frames], over: 24h, min: 20}", "corpus.in.0", "is one of frames, and sentences"),
        ("campaign: {without: [house], over: 7d}", "campaign.without.0", "is one of sentences, and frames"),
    ],
)
def test_a_pack_of_another_kind_than_asked_for_is_told_at_its_place(
    policies: Path, detector: str, kept: str, words: str
) -> None:
    origin = Origin("frames", "frames", "MIT", "-", 0, "frames")
    frames = build(origin, ["Please sum up what the guest wrote: {text}"], pieces, common=None)
    (policies / "frames.corpus").write_bytes(encode(frames))
    text = POLICY.replace("corpus: {in: [house], over: 24h, min: 20}", detector)
    (policies / "all.yaml").write_text(LADDER + text)
    found = problems(policies)
    assert f"signals.share.{kept}: corpus " in found
    assert f"{words} are looked up here" in found


def test_only_packs_of_the_right_kind_are_suggested(policies: Path) -> None:
    detector = "campaign: {without: [huose], over: 7d}"
    (policies / "all.yaml").write_text(
        LADDER + POLICY.replace("corpus: {in: [house], over: 24h, min: 20}", detector)
    )
    assert "no corpus 'huose': packs" in problems(policies)


def test_a_name_that_is_no_text_in_a_list_is_blamed_on_the_detector(policies: Path) -> None:
    (policies / "all.yaml").write_text(
        LADDER + POLICY.replace("{in: [house], over: 24h, min: 20}", "[house]")
    )
    assert "signals.share.corpus" in problems(policies)


def test_a_broken_or_doubled_pack_is_told_with_the_rest(policies: Path) -> None:
    pack(policies / "second.corpus")
    (policies / "broken.corpus").write_bytes(b"no pack")
    (policies / "void.corpus").mkdir()
    (policies / "dangling.corpus").symlink_to("nowhere")
    assert problems(policies).split("\n") == [
        f"{policies}/broken.corpus: error: not a corpus pack: make one with `gateway corpus build`",
        f"{policies}/dangling.corpus: error: not a file",
        f"{policies}/second.corpus: error: a second corpus named 'house'",
    ]


def test_a_pack_that_cannot_be_read_is_told(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path, most: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(
        "gateway.policies.load._content",
        lambda file, *most: refuse(file, *most) if most else file.read_bytes(),
    )
    assert "any-name.corpus: error: cannot be read: Permission denied" in problems(policies)


def test_a_single_file_stands_alone(policies: Path) -> None:
    assert "no corpus 'house': packs" in problems(policies / "all.yaml")


def test_a_watched_directory_shows_that_a_pack_changed(policies: Path) -> None:
    source = Source(policies)
    found = source.read()
    assert set(found.files) == {"all.yaml", "packs/any-name.corpus"}
    pack(policies / "packs" / "any-name.corpus", text="Who keeps thirteen silver spoons in the cellar")
    assert source.signature() != found.signature
    after = source.read()
    assert after.bundle is not None
    assert found.bundle is not None
    assert after.bundle.hash != found.bundle.hash
