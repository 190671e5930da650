"""Reading a policy directory: the one place of this package that opens files.

All `*.yaml` and `*.yml` below the directory, whatever their names and layout, and the collections that their
signals may name (`*.corpus`, see `gateway.corpora`). Passed over: `tests` folders, and whatever begins with
a dot. The latter also makes Kubernetes ConfigMaps work, whose files are links into a hidden `..data` folder
that is swapped as one: each is read once, through its plain name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from gateway import references
from gateway.actions.base import Action
from gateway.corpora import LARGEST, decode
from gateway.errors import ConfigError, Place
from gateway.policies.bundle import Bundle
from gateway.policies.compile import compile_bundle
from gateway.policies.plugins import installed
from gateway.policies.rules import PACKED, Pack
from gateway.signals.base import Detector
from gateway.strict_yaml import Document, parse

MAX_FILE = 1 << 20
"""Bytes of one policy file; parsing takes about 1.3 s per MiB."""
_TEXT = (".yaml", ".yml")


def load_bundle(
    path: Path,
    *,
    detectors: Mapping[str, type[Detector]] | None = None,
    actions: Mapping[str, type[Action]] | None = None,
    today: float | None = None,
) -> Bundle:
    """The bundle in the directory (or the single file) `path`. Raises ConfigError with all problems.

    With `today` (seconds since the epoch) exemptions that end soon are warned of.
    """
    documents, problems = read_documents(path)
    return make_bundle(path, documents, problems, detectors=detectors, actions=actions, today=today)


def make_bundle(
    path: Path,
    documents: Sequence[Document],
    problems: Sequence[tuple[Place, str]],
    *,
    detectors: Mapping[str, type[Detector]] | None = None,
    actions: Mapping[str, type[Action]] | None = None,
    today: float | None = None,
) -> Bundle:
    """The bundle of what `read_documents` gave for `path`. Raises ConfigError with all problems.

    Without `detectors` and `actions` it is made of all that are installed.
    """
    corpora, broken = read_corpora(path)
    return compile_bundle(
        documents,
        detectors=installed().detectors if detectors is None else detectors,
        actions=installed().actions if actions is None else actions,
        origin=str(path),
        problems=[*problems, *broken],
        today=today,
        corpora=corpora,
    )


def read_documents(path: Path) -> tuple[list[Document], list[tuple[Place, str]]]:
    """The documents at `path`, and the problems of the files that could not be read or parsed."""
    documents: list[Document] = []
    problems: list[tuple[Place, str]] = []
    file = path
    try:
        for file in policy_files(path):
            try:
                documents.extend(parse(_content(file), str(file)))
            except ConfigError as error:
                problems.extend(error.problems)
    except OSError as error:
        problems.append((Place(str(error.filename or file)), f"cannot be read: {error.strerror}"))
    return documents, problems


def read_corpora(path: Path) -> tuple[dict[str, Pack], list[tuple[Place, str]]]:
    """The collections at `path` by their names, and the problems of those that could not be read."""
    corpora: dict[str, Pack] = {}
    problems: list[tuple[Place, str]] = []
    for file in _corpus_files(path):
        try:
            corpus = unpacked(_content(file, LARGEST))
        except ConfigError as error:
            problems.extend(error.problems)
        except ValueError as error:
            problems.append((Place(str(file)), str(error)))
        except OSError as error:
            problems.append((Place(str(file)), f"cannot be read: {error.strerror}"))
        else:
            if corpora.setdefault(corpus.origin.name, corpus) is not corpus:
                problems.append((Place(str(file)), f"a second corpus named '{corpus.origin.name}'"))
    return corpora, problems


def unpacked(data: bytes) -> Pack:
    """The collection or reference in a pack. Raises ValueError in words for its owner."""
    return references.decode(data) if data.startswith(references.MAGIC) else decode(data)


def policy_files(path: Path) -> Iterator[Path]:
    """The documents that make the bundle at `path`, in a stable order. Raises ConfigError."""
    if path.is_dir():
        yield from _walk(path, _TEXT, frozenset())
    elif path.exists():
        yield path
    else:
        raise ConfigError.at(Place(str(path)), "no such file or directory")


def bundle_files(path: Path) -> Iterator[Path]:
    """All files that make the bundle at `path`, collections included. Raises ConfigError."""
    yield from policy_files(path)
    yield from _corpus_files(path)


def _corpus_files(path: Path) -> Iterator[Path]:
    # A file that is named itself stands alone.
    return _walk(path, (PACKED,), frozenset()) if path.is_dir() else iter(())


def _walk(directory: Path, endings: Collection[str], above: frozenset[Path]) -> Iterator[Path]:
    above |= {directory.resolve()}
    try:
        inside = sorted(directory.iterdir())
    except OSError as error:
        raise ConfigError.at(Place(str(directory)), f"cannot be read: {error.strerror}") from None
    for entry in inside:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            # A link that leads back up would never end.
            if entry.name != "tests" and entry.resolve() not in above:
                yield from _walk(entry, endings, above)
        elif entry.suffix in endings:
            yield entry


def _content(file: Path, most: int = MAX_FILE) -> bytes:
    # A link may dangle, and opening a pipe would wait for ever.
    if not file.is_file():
        raise ConfigError.at(Place(str(file)), "not a file")
    with file.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ConfigError.at(Place(str(file)), f"larger than {most >> 20} MiB")
    return data
