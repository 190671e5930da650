"""Where the model server is: base URL, TLS settings, Unix socket. Parsed once, before any request.

A mistake here is the operator's and raises ValueError with words for the configuration's reader; it is
never found in the middle of a call.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Tls:
    """How an `https` server proves itself: `ca_file` (PEM) in place of the system's roots, or not at all."""

    verify: bool = True
    ca_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A client context. Raises OSError when `ca_file` cannot be read or holds no certificate."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        # Without ALPN some servers guess; we speak nothing but HTTP/1.1.
        context.set_alpn_protocols(["http/1.1"])
        # Python hides a TLS stream that was cut off (bpo-43811); where the end of the stream is the end of
        # the answer, that would be silent truncation. OpenSSL before 3.0 has no such option and reports it.
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Origin:
    """One server: where to connect, what to call it, and what to put before every request target."""

    host: str
    port: int
    secure: bool
    authority: bytes
    """The value of the `host` field: the port stands there only if it is not the scheme's own."""
    prefix: bytes
    """Path of the base URL without its last slash; empty for none."""


def parse_origin(base_url: str) -> Origin:
    """The origin in `http[s]://host[:port][/prefix]`. Raises ValueError on anything else."""
    url = urlsplit(base_url)
    _check(url, base_url)
    host = url.hostname
    if host is None:
        raise ValueError(f"upstream URL {base_url!r} names no host")
    # getaddrinfo would raise UnicodeError for such names at the first connection.
    ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    default = _PORTS[url.scheme]
    port = default if url.port is None else url.port
    shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    return Origin(
        host=ascii_host,
        port=port,
        secure=url.scheme == "https",
        authority=(shown if port == default else f"{shown}:{port}").encode("ascii"),
        prefix=url.path.rstrip("/").encode("ascii"),
    )


def _check(url: SplitResult, base_url: str) -> None:
    if url.scheme not in _PORTS:
        raise ValueError(f"upstream URL {base_url!r} must begin with http:// or https://")
    if url.username is not None or url.password is not None:
        raise ValueError("an upstream URL must not carry credentials; set an authorization header instead")
    if url.query or url.fragment:
        raise ValueError(f"upstream URL {base_url!r} must not carry a query or a fragment")
    if not url.path.isascii():
        raise ValueError(f"the path of upstream URL {base_url!r} must be percent-encoded")
    if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in base_url):
        raise ValueError(f"upstream URL {base_url!r} holds spaces or control characters")
