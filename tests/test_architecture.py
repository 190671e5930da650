"""The house keeps its shape: who may import whom, how large things get, and what is written about them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 400
LONGEST_FUNCTION = 40

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "words": set(),
    "units": set(),
    "statistics": set(),
    "dialects": {"errors", "model"},
    "marks": {"model"},
    "turns": {"model"},
    "records": {"model"},
    "patterns": {"words"},
    "corpora": set(),
    "references": {"corpora"},
    "fields": {"dialects", "model"},
    "conditions": {"fields", "patterns", "words"},
    "observations": {"model"},
    "campaigns": {"model"},
    "signals": {
        "campaigns", "conditions", "corpora", "fields", "model", "observations", "patterns", "references",
        "units", "words",
    },
    "actions": {"dialects", "marks", "model", "units", "words"},
    "policies": {
        "actions", "conditions", "corpora", "errors", "marks", "model", "patterns", "references", "signals",
        "strict_yaml", "units", "words",
    },
    "budget": {"fields", "model", "policies", "signals"},
    "breaker": {"budget"},
    "score": {"model", "policies"},
    "ladder": {"policies"},
    "sharing": {"model"},
    "plan": {"breaker", "campaigns", "conditions", "model", "observations", "policies", "sharing", "signals"},
    "planner": {
        "breaker", "campaigns", "conditions", "model", "observations", "plan", "policies", "signals", "turns",
    },
    "relief": {"fields", "model", "policies", "score"},
    "assessment": {
        "actions", "breaker", "fields", "ladder", "model", "observations", "plan", "policies", "relief",
        "score", "signals",
    },
    "engine": {
        "actions", "assessment", "dialects", "fields", "marks", "model", "plan", "stores.base", "turns",
    },
    "stream": {"actions", "dialects", "model"},
    "observer": {"dialects", "stream"},
    "answers": {"dialects"},
    "usage": {"answers", "dialects", "model", "stream"},
    "intervention": {"ladder", "model", "plan", "turns", "words"},
    "pacing": {"actions", "dialects", "stream", "usage"},
    "gate": {"budget", "marks", "model", "plan", "planner", "policies", "stores.base"},
    "exchange": {
        "dialects", "engine", "errors", "gate", "marks", "model", "observer", "policies", "records", "stream",
        "usage",
    },
}  # fmt: skip
"""The pure core from the bottom up: each part, and the parts of the gateway that it may know."""

IMPURE = {
    "asyncio", "datetime", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
"""What the core has no use for: it does no I/O, reads no clock and uses no randomness."""

READERS = ("gateway/policies/load.py", "gateway/policies/plugins.py")
"""The files among the core's folders that are no part of it: they read files and installed distributions."""


def sources(*folders: str) -> list[Path]:
    """All Python files below these folders."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    )


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: relative imports hide the direction"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def core_files() -> dict[str, str]:
    """Every file of the core, and the part of MAY_IMPORT that it belongs to."""
    found: dict[str, str] = {}
    for part in MAY_IMPORT:
        module = ROOT / "gateway" / f"{part}.py"
        files = [module] if module.exists() else sources(f"gateway/{part}")
        found |= {str(path.relative_to(ROOT)): part for path in files}
    return {path: part for path, part in found.items() if path not in READERS}


def within(name: str, packages: set[str]) -> bool:
    """Whether a dotted name is one of these or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_the_core_imports_only_what_is_below_it(part: str) -> None:
    files = [path for path, owner in core_files().items() if owner == part]
    assert files
    for path in files:
        inside = {
            name.removeprefix("gateway.") for name in imports(ROOT / path) if name.startswith("gateway.")
        }
        strangers = {name for name in inside if not within(name, MAY_IMPORT[part] | {part})}
        assert not strangers, f"{path} imports {strangers}"


def test_the_table_of_directions_has_no_circle() -> None:
    below: set[str] = {"stores.base", "strict_yaml"}
    for part, known in MAY_IMPORT.items():
        assert known <= below, f"{part} knows {known - below}, which stand above it"
        below.add(part)


def test_the_core_touches_no_file_clock_socket_or_dice() -> None:
    for path in core_files():
        impure = {name for name in imports(ROOT / path) if within(name, IMPURE)}
        assert not impure, f"{path} imports {impure}"


_DRIVING = ("gateway/adapters/", "gateway/commands/", "gateway/__main__")


def test_nothing_but_the_command_line_and_the_process_knows_the_drivers() -> None:
    allowed = {"gateway/cli.py", "gateway/server.py"}
    for path in sources("gateway"):
        name = str(path.relative_to(ROOT))
        known = {
            name
            for name in imports(path)
            if within(name, {"gateway.adapters", "gateway.server", "gateway.cli"})
        }
        assert not known or name in allowed or name.startswith(_DRIVING), name


def test_nothing_knows_the_helpers_for_tests() -> None:
    for path in sources("gateway"):
        assert not [name for name in imports(path) if within(name, {"gateway.testing", "tests", "pytest"})]


def test_the_list_of_core_files_is_whole() -> None:
    """`make unit` asks for all branches of exactly these."""
    listed = (ROOT / "tests" / "core-files.txt").read_text("utf-8").split()
    assert listed == sorted(core_files())


def test_no_file_is_longer_than_a_reader_has_patience() -> None:
    lengths = {
        path: path.read_text("utf-8").count("\n")
        for path in sources("gateway", "tests", "tools", "benchmarks")
    }
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sources("gateway", "tests", "tools", "benchmarks")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_source_file_says_what_belongs_there() -> None:
    for path in sources("gateway", "tools", "benchmarks"):
        text = path.read_text("utf-8")
        assert not text or ast.get_docstring(ast.parse(text)), path


def test_the_reference_says_what_the_code_says() -> None:
    """Every setting, policy key, field, operator, detector, response and metric has its place in it."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
