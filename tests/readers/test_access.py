"""Access logs: the usual keys of Envoy and nginx, the operator's own, and what no log tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.readers.base import Settings
from tests.readers.support import read, read_one, settings

ENVOY: dict[str, Any] = {
    "start_time": "2026-11-23T14:08:23.500Z",
    "method": "POST",
    "path": "/v1/chat/completions?x=1",
    "protocol": "HTTP/1.1",
    "response_code": 200,
    "bytes_received": 321,
    "bytes_sent": 999,
    "duration": 12,
    "x_forwarded_for": "198.51.100.9",
    "user_agent": "sdk/1",
    "downstream_remote_address": "192.0.2.7:5678",
}
NGINX: dict[str, Any] = {
    "time_local": "23/Nov/2026:14:08:25 +0000",
    "remote_addr": "192.0.2.7",
    "request": "POST /v1/messages HTTP/1.1",
    "status": "200",
    "request_time": "1.500",
    "request_length": "321",
    "http_user_agent": "sdk/1",
    "http_authorization": "Bearer sk-secret",
}


def _named(**names: str) -> Settings:
    return settings({name: (key,) for name, key in names.items()})


def test_an_envoy_line_gives_time_place_size_and_address() -> None:
    line = read_one("access", ENVOY)
    assert (line.ts, line.route, line.method, line.status) == (
        1795442903.5,
        "/v1/chat/completions",
        "POST",
        200,
    )
    assert (line.kind, line.ip, line.ua) == ("address", "192.0.2.7", "sdk/1")
    assert line.features is not None
    assert (line.features.endpoint, line.features.size) == ("chat", 321)
    assert {"prompt", "parameters", "usage", "request.model"} <= set(line.lacks)
    assert not {"identity", "client.ip", "request.bytes"} & set(line.lacks)


def test_a_forwarded_address_counts_behind_a_trusted_proxy_only() -> None:
    trusting = settings(trusted_proxies=["192.0.2.0/24"])
    assert read_one("access", ENVOY, given=trusting).ip == "198.51.100.9"


def test_an_nginx_line_began_before_it_was_written() -> None:
    line = read_one("access", NGINX)
    assert (line.ts, line.route) == (1795442903.5, "/v1/messages")
    assert line.features is not None
    assert line.features.dialect == "anthropic"


def test_a_logged_key_becomes_the_id_that_the_gateway_gives_it() -> None:
    line = read_one("access", NGINX)
    live, _ = settings().identifier().principal([(b"authorization", b"Bearer sk-secret")], None, None)
    assert (line.principal, line.kind) == (live.id, "key")


def test_the_operators_keys_come_first() -> None:
    own = ENVOY | {"llm_model": "m", "Consumer-Name": "alice", "In": 5, "model": "other"}
    names = _named(model="llm_model", principal="consumer-name", input_tokens="in", org="nowhere")
    line = read_one("access", own, given=names)
    assert line.features is not None
    assert line.features.model == "m"
    assert line.principal == settings().identifier().of_claim(b"alice").id
    assert line.usage == {"input_tokens": 5}
    assert not {"usage", "request.model"} & set(line.lacks)


def test_what_stands_inside_objects_is_named_with_dots_and_is_no_name_itself() -> None:
    entry = ENVOY | {"consumer": {"id": 7}, "request": {"headers": {"authorization": "Bearer sk-secret"}}}
    assert read_one("access", entry).kind == "address"
    line = read_one("access", entry, given=_named(key="request.headers.authorization"))
    assert line.principal == settings().identifier().of_key(b"sk-secret").id
    assert read_one("access", ENVOY | {"consumer": ["a"]}).kind == "address"


def test_a_body_is_measured_without_its_headers_where_that_is_logged() -> None:
    line = read_one("access", NGINX | {"content_length": "144"})
    assert line.features is not None
    assert line.features.size == 144


def test_without_key_name_or_address_there_is_no_identity() -> None:
    nobody = {key: value for key, value in ENVOY.items() if key != "downstream_remote_address"}
    assert {"identity", "client.ip"} <= set(read_one("access", nobody).lacks)
    assert "identity" not in read_one("access", nobody | {"x_api_key": "k"}).lacks


def test_an_organisation_may_be_logged() -> None:
    assert read_one("access", ENVOY | {"tenant": "acme"}).org == "acme"


def test_what_goes_elsewhere_is_passed_over() -> None:
    assert read("access", json.dumps(ENVOY | {"path": "/healthz"}).encode()) == []
    assert read("access", json.dumps(NGINX | {"request": "GET /v1/messages HTTP/1.1"}).encode()) == []
    assert read_one("access", ENVOY | {"method": "GET", "path": "/v1/models"}).method == "GET"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"start_time": 1, "request": "garbage"}, "no path: name its key with --field path=KEY"),
        (ENVOY | {"start_time": "-"}, "not a time"),
        (NGINX | {"request_time": "long"}, "not a number of seconds: 'long'"),
        ([[1]], "the line is no object"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read("access", json.dumps(line).encode())
