"""Finding and reading test documents; the one module here that touches files, but for recorded fixtures.

Tests may stand anywhere below a directory, in `tests` folders (which the policy loader passes over) or
beside the policies in one file. A document of another kind inside a `tests` folder would be part of
nothing, so it is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from gateway.errors import ConfigError, Place
from gateway.policies.load import read_documents
from gateway.policies.problems import Problems
from gateway.policies.schema import TESTS
from gateway.policytests.schema import SuiteDocument
from gateway.policytests.suites import Suite
from gateway.strict_yaml import Document

FOLDER = "tests"
_SUFFIXES = (".yaml", ".yml")


def home(paths: Sequence[Path]) -> Path:
    """The policy directory that these tests are about: where they stand, or beside their `tests` folder.

    Raises ConfigError when they stand in several places.
    """
    homes = {_home(path) for path in paths}
    if len(homes) > 1:
        named = ", ".join(sorted(map(str, homes)))
        raise ConfigError.at(Place(named), "tests of several directories: name the policies with --policies")
    return homes.pop()


def _home(path: Path) -> Path:
    directory = path if path.is_dir() else path.parent
    inside = [at for at in (directory, *directory.parents) if at.name == FOLDER]
    return inside[-1].parent if inside else directory


def load_suites(paths: Iterable[Path], *, containing: bytes = b"") -> list[Suite]:
    """All test documents in these files and directories, in the order of files. Raises ConfigError.

    Files without the bytes `containing` are passed over unparsed, mistakes and all.
    """
    problems = Problems()
    suites: list[Suite] = []
    for file in dict.fromkeys(file for path in paths for file in yaml_files(path)):
        if containing and not _contains(file, containing):
            continue
        documents, found = read_documents(file)
        problems.found.extend(found)
        for document in documents:
            suites.extend(_suite(document, FOLDER in file.parent.parts, problems))
    problems.check()
    return suites


def _contains(file: Path, wanted: bytes) -> bool:
    try:
        return wanted in file.read_bytes()
    except OSError:
        return True  # whoever parses it says what is wrong


def yaml_files(path: Path) -> Iterator[Path]:
    """The files at `path` that may hold tests, in order: those of policies, and those of `tests` folders.

    Raises ConfigError if there is nothing at `path`.
    """
    if not path.exists():
        raise ConfigError.at(Place(str(path)), "no such file or directory")
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix in _SUFFIXES and not hidden and not file.is_dir():
            yield file


def _suite(document: Document, only_tests: bool, problems: Problems) -> Iterator[Suite]:
    """The document if it is one of tests; whatever else it may be is the policy loader's business."""
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind != TESTS:
        if only_tests and value is not None:
            message = f"only documents of kind '{TESTS}' are read in a '{FOLDER}' folder"
            problems.add(document, ("kind",), message, at_key=False)
        return
    try:
        yield Suite(document, SuiteDocument.model_validate(value))
    except ValidationError as error:
        problems.explain(document, error, SuiteDocument)
