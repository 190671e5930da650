"""What must be the same before and after an answer was marked, found by other means than the mark's own.

Code comes from a Markdown parser, JSON from a JSON decoder, everything else from patterns written for this
check alone: what the reader of `gateway.marks.protected` does wrong must not be wrong here as well.
"""

from __future__ import annotations

import ast
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_PATTERNS = {
    "numbers": r"\d[\d.,:/%]*",
    "addresses": r"https?://\S+|www\.\S+|\S+@\S+\.\w+",
    "double quotes": r'(?<!\w)"(?=\S)[^"\n]*"',
    "curly quotes": r"\u201c[^\u201d]*\u201d|\u00ab[^\u00bb]*\u00bb|\u300c[^\u300d]*\u300d",
    "single quotes": r"(?<![\w.,])'(?=\S)[^'\n]*(?<=\S)'(?!\w)|\u2018[^\u2019\n]*\u2019(?!\w)",
    "formulas": r"\$\$[\s\S]*?\$\$|\$[^$\n]+\$|\\\[[\s\S]*?\\\]|\\\([\s\S]*?\\\)",
    "tags": r"</?[A-Za-z][^>\n]*>",
    "lines of tables": r"(?m)^ *\|.*$",
    "other letters": r"[^\x00-\u024f\u1e00-\u1eff\u2000-\u2bff\ufe00-\ufe0f]+",
    "indented lines": r"(?m)^(?:    |\t).*$",
    "names of fields": r"(?m)^[A-Za-z]\w*:",
}
_FOUND = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items()}
_CODE = ("fence", "code_block", "code_inline", "html_block", "html_inline")
_WITHIN = {
    "tables": ("table_open",),
    "headings": ("heading_open",),
    "quoted blocks": ("blockquote_open",),
    "emphasis": ("em_open", "strong_open"),
    "links": ("link_open",),
}
_DECODER = json.JSONDecoder()
_HARMLESS = frozenset(
    ["math", "re", "collections", "itertools", "functools", "string", "json", "statistics", "heapq", "bisect",
     "typing", "dataclasses", "fractions", "decimal", "operator", "copy", "enum", "abc"]
)  # fmt: skip
_FORBIDDEN = frozenset(
    ["open", "input", "exec", "eval", "compile", "__import__", "breakpoint", "globals", "getattr", "setattr"]
)


def protected(text: str) -> dict[str, list[str]]:
    """Every span that must stay, by kind, in order."""
    found = {kind: pattern.findall(text) for kind, pattern in _FOUND.items()}
    tokens = [*_tokens(text)]
    found["code"] = [token.info + token.content for token in tokens if token.type in _CODE]
    for kind, within in _WITHIN.items():
        found[kind] = [*_inside(tokens, within)]
    found["JSON"] = [json.dumps(value) for value in values(text)]
    return found


def values(text: str) -> Iterator[object]:
    """Every JSON object and array that a lenient reader would find in a text."""
    at = 0
    while (found := re.compile(r"[\[{]").search(text, at)) is not None:
        try:
            value, at = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            at = found.end()
            continue
        yield value


def _tokens(text: str) -> Iterator[Token]:
    for token in _MARKDOWN.parse(text):
        yield token
        yield from token.children or ()


def _inside(tokens: Iterable[Token], openers: Collection[str]) -> Iterator[str]:
    """What stands between these tokens and the ones that close them."""
    depth = 0
    for token in tokens:
        if token.type in openers:
            depth += 1
            yield str(token.attrGet("href") or "")
        elif token.type.replace("_close", "_open") in openers:
            depth -= 1
        elif depth:
            yield token.content


def programs(text: str) -> list[str]:
    """The blocks of Python in an answer."""
    named = (token for token in _tokens(text) if token.type == "fence")
    return [token.content for token in named if token.info.strip().lower() in ("python", "py", "python3")]


def harmless(program: str) -> bool:
    """Whether a program only computes: it imports nothing that reaches beyond itself, and has no dice."""
    try:
        nodes = list(ast.walk(ast.parse(program)))
    except (SyntaxError, ValueError, RecursionError):
        return False
    for node in nodes:
        if isinstance(node, ast.Import) and any(name.name not in _HARMLESS for name in node.names):
            return False
        if isinstance(node, ast.ImportFrom) and node.module not in _HARMLESS:
            return False
        if isinstance(node, ast.Name) and node.id in _FORBIDDEN:
            return False
        if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
            return False
    return any(isinstance(node, ast.Call) for node in nodes)


def run(program: str) -> tuple[int, str, str]:
    """(exit code, output, last line of the errors) of a program, alone in an empty directory."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))

    with tempfile.TemporaryDirectory() as directory:
        try:
            done = subprocess.run(  # noqa: S603 - it only computes, as `harmless` saw, within the limits above
                [sys.executable, "-I", "-c", program],
                capture_output=True, cwd=directory, env={"PYTHONHASHSEED": "0"}, timeout=60, check=False,
                preexec_fn=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return -1, "", ""
    errors = done.stderr.decode(errors="replace").strip().split("\n")
    return done.returncode, done.stdout.decode(errors="replace"), errors[-1]
