"""The bundles that were published, kept as files, so that a start can fall back on the last good one.

`<state_dir>/bundles/<hash>/` holds the policy files as they were read; `<state_dir>/bundles/latest` names
the one published last. Files and not compiled bundles: they outlive a new version of the gateway, and
people can read and compare them.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import ConfigError, Place

KEPT = 5
"""Bundles that stay on disk; what went before them is in the operator's version control."""

_LATEST = "latest"
_HASH = re.compile(r"[0-9a-f]{12}")


class Keeper:
    """Keeps bundles below `directory`, which is made when first needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, bundle: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of a published bundle under its hash, as the latest. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        target = self._directory / bundle
        if not target.is_dir():
            self._write(target, files)
        os.utime(target)
        latest = self._temporary()
        latest.write_text(f"{bundle}\n")
        latest.replace(self._directory / _LATEST)
        for old in self._bundles()[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Path:
        """The directory of the bundle published last. Raises ConfigError if there is none."""
        pointer = self._directory / _LATEST
        try:
            name = pointer.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError.at(Place(str(pointer)), "no last known good bundle is kept here") from None
        if not _HASH.fullmatch(name) or not (self._directory / name).is_dir():
            raise ConfigError.at(Place(str(pointer)), "names no bundle that is kept here")
        return self._directory / name

    def _write(self, target: Path, files: Mapping[str, bytes]) -> None:
        # Under another name first: a bundle is there as a whole or not at all.
        temporary = self._temporary()
        for name, data in files.items():
            file = temporary / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        try:
            temporary.rename(target)
        except OSError:
            shutil.rmtree(temporary, ignore_errors=True)
            if not target.is_dir():  # otherwise another process has kept the same bundle meanwhile
                raise

    def _temporary(self) -> Path:
        return self._directory / f".{secrets.token_hex(8)}"

    def _bundles(self) -> list[Path]:
        """What is kept, the newest first."""
        found = [path for path in self._directory.iterdir() if _HASH.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
