"""The fenced blocks of a page, and policy directories made of them.

A block of policies is laid over the shipped pack as a file beside it would be: a document replaces the
shipped one of the same kind and id, and a ladder the shipped ladder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.policies.load import bundle_files, policy_files
from gateway.strict_yaml import parse

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policies"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^##+ (.*)$", re.MULTILINE)
_POLICY = "kind: policy\nid: sample\ntitle: A sample\n"
_SIGNALS = "signals:\n  many:\n    count: {of: requests, over: 1h}\n    ramp: [100, 1000]\n    points: 10\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, its text, where it begins, and the heading above it."""

    language: str
    text: str
    line: int
    heading: str

    def __str__(self) -> str:
        return f"{self.line}: {self.heading}"

    @property
    def documents(self) -> list[Any]:
        """The decoded YAML documents."""
        return [document.value for document in parse(self.text.encode(), "block")]

    @property
    def keys(self) -> set[str]:
        """The keys at the top of its first document."""
        first = self.documents[0]
        return set(first) if isinstance(first, dict) else set()

    @property
    def whole(self) -> str:
        """A part of a policy completed to a whole one; anything else as it is."""
        if "kind" in self.keys:
            return self.text
        return _POLICY + self.text + ("" if "signals" in self.keys else _SIGNALS)


def blocks(page: str, language: str = "yaml") -> list[Block]:
    """All blocks of a page of docs in one language."""
    return list(_blocks((ROOT / page).read_text("utf-8"), language))


def _blocks(text: str, language: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        if found[1] == language:
            headings = _HEADING.findall(text, 0, found.start())
            line = text.count("\n", 0, found.start()) + 2
            yield Block(found[1], found[2], line, headings[-1] if headings else "")


def lay_over(pack: Path, text: str, directory: Path) -> Path:
    """A policy directory: the pack in `pack`, with the documents of `text` in place of their namesakes."""
    own = [document.value for document in parse(text.encode(), "block")]
    names = {_name(document) for document in own}
    for file in set(bundle_files(pack)) - set(policy_files(pack)):
        shutil.copy(file, directory)
    for file in policy_files(pack):
        kept = [part for part in _parts(file.read_text("utf-8")) if _name(_decoded(part)) not in names]
        if kept:
            (directory / file.name).write_text("\n---\n".join(kept), "utf-8")
    (directory / "block.yaml").write_text(text, "utf-8")
    return directory


def _parts(text: str) -> list[str]:
    return re.split(r"^---\n", text, flags=re.MULTILINE)


def _decoded(text: str) -> Any:
    (document,) = parse(text.encode(), "part")
    return document.value


def _name(document: Any) -> tuple[str, str]:
    kind = document["kind"]
    return kind, "" if kind == "ladder" else document.get("id", "")
