"""What readers need from the settings of a process: who is behind a key, and under which secret."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gateway.config import load_config
from gateway.identity import Identifier
from gateway.mapping import load_mapping
from gateway.readers.base import Names, Settings
from gateway.secret import identity_secret, made_secret


def reader_settings(
    config: Path | None = None, secret_file: Path | None = None, names: Names | None = None
) -> Settings:
    """Settings for readers, by the `identity` section of a configuration file (None: the defaults).

    The secret is the gateway's own unless `secret_file` is given, a text or a copy of the file that a gateway
    made, so that a key has the same principal id here and live. It is read (and made, if there is none) only
    when a source holds keys or addresses: the identifier then raises ConfigError.
    """

    @cache
    def identifier() -> Identifier:
        made = None if secret_file is None else made_secret(secret_file)
        text = None if made else secret_file
        given = {} if text is None else {"identity.secret_file": str(text.absolute())}
        identity = load_config(config, {**given}).identity
        return Identifier(identity, made or identity_secret(identity), load_mapping(identity.mapping))

    return Settings(identifier, names or {})
