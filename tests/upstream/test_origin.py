"""What a base URL may be."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from gateway.upstream.origin import Origin, Tls, parse_origin


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://model", Origin("model", 80, False, b"model", b"")),
        ("http://model:80/", Origin("model", 80, False, b"model", b"")),
        ("https://model:443/v1/", Origin("model", 443, True, b"model", b"/v1")),
        ("https://model:8443/a/b", Origin("model", 8443, True, b"model:8443", b"/a/b")),
        ("http://[::1]:8000", Origin("::1", 8000, False, b"[::1]:8000", b"")),
        ("http://bücher.example", Origin("xn--bcher-kva.example", 80, False, b"xn--bcher-kva.example", b"")),
    ],
)
def test_a_base_url_becomes_host_port_authority_and_prefix(url: str, origin: Origin) -> None:
    assert parse_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "model:8000",
        "ftp://model",
        "http://",
        "http://user:secret@model",
        "http://:secret@model",
        "http://model/?q=1",
        "http://model/#f",
        "http://model:x",
        "http://model:99999",
        "http://model/ü",
        "http://model/a b",
        "http://model/\r\nx",
        "http://" + "a" * 64 + ".example",
    ],
)
def test_any_other_url_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the class is the contract
        parse_origin(url)
    assert "secret" not in str(raised.value)


def test_tls_verifies_unless_told_not_to() -> None:
    assert Tls().context().verify_mode is ssl.CERT_REQUIRED
    assert Tls().context().check_hostname
    assert Tls(verify=False).context().verify_mode is ssl.CERT_NONE


def test_a_missing_ca_file_is_noticed_before_any_request(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Tls(ca_file=tmp_path / "none.pem").context()
