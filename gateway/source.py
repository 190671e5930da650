"""A policy directory as it stands on disk: what it looks like, and one consistent reading of it.

Belongs here: telling whether files changed, and reading all of them at one moment. Not here: when to look
(`gateway.watch`), what a bundle is (`gateway.policies`), what to do with it (`gateway.reload`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from gateway.allocator import give_back
from gateway.errors import ConfigError, Place
from gateway.policies.bundle import Bundle
from gateway.policies.load import bundle_files, load_bundle

Signature: TypeAlias = "tuple[tuple[str | int, ...], ...]"
"""What a directory looks like from outside; two that are equal hold the same files."""

TRIES = 5
"""Readings that may be spoilt by files that change meanwhile, before it is called an error."""


@dataclass(frozen=True, slots=True)
class Found:
    """One reading: `bundle` is None where there are `problems`."""

    signature: Signature
    bundle: Bundle | None
    problems: tuple[tuple[Place, str], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What was read, by path below the directory."""
    candidate: Bundle | None = None
    """The second bundle, where there is one to be tried."""


class Source:
    """The directory (or single file) at `path`, and the one of a `candidate` bundle, which must be as sound.

    `files` are those on which it depends what `load` gives. Every method may block on the disk: use a thread.
    """

    def __init__(
        self,
        path: Path,
        load: Callable[[Path], Bundle] = load_bundle,
        *,
        files: Callable[[Path], Iterable[Path]] = bundle_files,
        candidate: Path | None = None,
    ) -> None:
        self.path = path
        self._load = load
        self._files = files
        self._candidate = candidate

    def signature(self) -> Signature:
        """Names, places and times of all files; links are followed. Never raises.

        `stat` follows links, so a ConfigMap whose `..data` is swapped shows other inodes at once. The
        change time is part of it because tools that copy files keep their modification time.
        """
        paths = (self.path,) if self._candidate is None else (self.path, self._candidate)
        return tuple(looks for path in paths for looks in self._looks(path))

    def read(self) -> Found:
        """Everything that is there at one moment, compiled; half of one state and half of the next is
        read anew."""
        for _ in range(TRIES):
            before = self.signature()
            found = self._read(before)
            give_back()
            if self.signature() == before:
                return found
        problem = (Place(str(self.path)), "the files change while they are read; nothing was taken")
        return Found(before, None, (problem,))

    def _read(self, signature: Signature) -> Found:
        try:
            bundle = self._load(self.path)
            candidate = None if self._candidate is None else self._load(self._candidate)
            files = {self._name(file): file.read_bytes() for file in bundle_files(self.path)}
        except ConfigError as error:
            return Found(signature, None, tuple(error.problems))
        except OSError as error:
            # Between the loader's own reading and ours: the signature will differ.
            return Found(signature, None, ((Place(str(self.path)), f"cannot be read: {error.strerror}"),))
        return Found(signature, bundle, files=files, candidate=candidate)

    def _name(self, file: Path) -> str:
        return file.name if file == self.path else str(file.relative_to(self.path))

    def _looks(self, path: Path) -> Signature:
        try:
            return tuple(_stat(file) for file in self._files(path))
        except (ConfigError, OSError) as error:
            return ((str(error),),)


def _stat(file: Path) -> tuple[str | int, ...]:
    try:
        found = file.stat()
    except OSError as error:
        return (str(file), str(error))
    return (str(file), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
