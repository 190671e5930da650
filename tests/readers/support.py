"""Files of recorded traffic in foreign formats, and what a reader makes of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from gateway.config import load_config
from gateway.identity import Identifier
from gateway.readers import READERS
from gateway.readers.base import Line, Names, Settings

DATA = Path(__file__).parent / "data"
"""Written by the tools themselves: LiteLLM 1.106.2 (the table by PostgreSQL 15), instrumentations of
OpenTelemetry (openai-v2 2.3b0, util-genai 1.3b0), OpenLLMetry 0.62.4 and OpenInference (openai 0.1.66,
anthropic 3.1.0) beside the spans of the Anthropic SDK 2.12.0, through opentelemetry-exporter-otlp-json-file
0.66b1 and the console exporter of the SDK 1.45.2. Answers, LiteLLM's price tables and
tracebacks are cut out."""

SECRET = b"a secret for the tests, 32 bytes"


def settings(names: Names | None = None, **identity: Any) -> Settings:
    """Readers' settings with a fixed secret; `identity` are options of that section."""
    config = load_config(None, {f"identity.{name}": value for name, value in identity.items()}).identity
    identifier = Identifier(config, SECRET)
    return Settings(lambda: identifier, names or {})


def read(name: str, data: bytes, given: Settings | None = None) -> list[Line]:
    """All lines that a reader finds in a file."""
    reader = READERS[name](given or settings())
    return [line for _, item in reader.items(io.BytesIO(data)) for line in reader.lines(item)]


def read_one(name: str, *values: Any, given: Settings | None = None) -> Line:
    """The one line in a file of JSON values."""
    (line,) = read(name, b"\n".join(json.dumps(value).encode() for value in values), given)
    return line
