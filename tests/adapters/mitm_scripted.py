"""The mitmproxy addon under a scripted clock, given to `mitmdump -s`; runs in mitmproxy's environment.

What it is made of stands in the JSON file named by the environment variable STILLGATE_SCRIPT.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gateway.adapters.mitm import Driver
from gateway.config import load_config
from gateway.gate import Gate
from gateway.identity import Identifier
from gateway.model import Mode
from gateway.policies.load import load_bundle
from gateway.records import Record, to_json
from gateway.stores.memory import MemoryStore
from tests.adapters.timetable import Timetable


class LineSink:
    """Writes each record at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def write(self, record: Record) -> None:
        """One line."""
        self._file.write(to_json(record, "features"))


def driver(given: dict[str, Any]) -> Driver:
    """The driver that a test asked for."""
    identity = load_config(None, {"identity.end_user": False}).identity
    gate = Gate(
        load_bundle(Path(given["policies"])),
        Mode[given["ceiling"]],
        MemoryStore(100),
        Identifier(identity, given["secret"].encode()),
        max_body=given["max_body"],
    )
    turns = Timetable(given["times"])
    sink = LineSink(Path(given["records"]))
    return Driver(lambda: gate, sink, clock=turns, new_id=turns.new_id, deny_unknown=given["deny_unknown"])


addons = [driver(json.loads(Path(os.environ["STILLGATE_SCRIPT"]).read_text()))]
