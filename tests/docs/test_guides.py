"""What the guides show can be loaded, and what they tell to type can be typed."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from gateway.cli import VERBS, main
from gateway.config import load_config
from gateway.policies.load import load_bundle
from gateway.policytests.load import load_suites
from gateway.policytests.references import check_references
from gateway.signals import DETECTORS
from tests.docs.blocks import PACK, ROOT, Block, blocks, lay_over

PAGES = [
    "docs/policies.md",
    "docs/responses/friction.md",
    "docs/responses/watermark.md",
    "docs/shadow-to-enforce.md",
    "docs/cookbook.md",
    "README.md",
]
SHOWN = [block for page in PAGES for block in blocks(page)]
TYPED = sorted(
    {
        line
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.text.splitlines()
        if line.startswith("gateway ")
    }
)
SETTINGS = [block for block in SHOWN if "kind" not in block.keys and block.keys & {"policies", "record"}]


@pytest.mark.parametrize("block", [block for block in SHOWN if block not in SETTINGS], ids=str)
def test_every_block_of_policies_loads_beside_the_pack(block: Block, tmp_path: Path) -> None:
    bundle = load_bundle(lay_over(PACK, block.whole, tmp_path))
    check_references(load_suites([tmp_path / "block.yaml"]), bundle)
    # A reference is the reader's own, so that nothing here can be one.
    assert [advice for advice in bundle.warnings if "no reference 'own-week'" not in str(advice)] == []


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_every_block_of_settings_loads(block: Block, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(block.text, "utf-8")
    config = load_config(tmp_path / "config.yaml")
    assert config.policies.ceiling in block.text


@pytest.mark.parametrize("line", TYPED)
def test_every_command_can_be_typed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options are parsed; the work behind them is for the commands' own tests."""
    ran: list[str] = []

    def run(options: argparse.Namespace) -> int:
        ran.append(options.verb)
        return 0

    for verb in VERBS:
        monkeypatch.setattr(verb, "run", run)
    words = shlex.split(line, comments=True)[1:]
    assert main(words) == 0
    assert ran == words[:1]


def test_every_link_leads_somewhere() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    for page in pages:
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\((?!https?://)([^)#]*)(?:#[^)]*)?\)", text):
            assert not target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_link_into_a_page_leads_to_one_of_its_headings() -> None:
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]*)\)", page.read_text("utf-8")):
            text = (page.parent / target if target else page).read_text("utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{page.name}: {target}#{anchor}"


def test_the_guide_to_the_language_names_every_detector_and_no_other() -> None:
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/policies.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(table) == sorted(DETECTORS)
