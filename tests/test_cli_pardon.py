"""`gateway pardon` against an admin listener on loopback: what is done, said and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.admin.app import admin_app
from gateway.cli import main
from gateway.commands.pardon import TOKEN
from gateway.config import load_config
from gateway.model import Mode, Principal
from gateway.testing import serve
from tests.admin.test_app import State
from tests.test_desk import House

SECRET = "a-token-of-some-length"


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "orders.jsonl")
    for who in ("key_a", "key_a/eu_b"):
        made.drive.who = Principal(who)
        made.drive.send()
    return made


@pytest.fixture
def admin(house: House) -> Iterator[str]:
    config = load_config(None, {"admin.token": SECRET}, {})
    with serve(admin_app(config, State(), house.metrics, None, house.desk)) as url:
        yield url


def standing(house: House, who: str = "key_a") -> tuple[str | None, bool]:
    house.drive.who = Principal(who)
    found = house.drive.send().enforced
    return found.rung, found.held


def test_a_principal_is_pardoned_and_it_is_known_who_did_it(
    house: House,
    admin: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    command = ["pardon", "key_a", "--admin", admin, "--by", "jane"]
    assert main([*command, "--why", "SEC-1"]) == 0
    assert capsys.readouterr().out == "key_a: pardoned\n"
    assert main([*command, "--for", "1h", "--why", "SEC-2"]) == 0
    assert capsys.readouterr().out == "key_a: pardoned until 1970-01-01 01:01:40 UTC\n"
    assert standing(house) == (None, True)
    written = [json.loads(line) for line in (tmp_path / "orders.jsonl").read_text().splitlines()]
    assert [(line["by"], line["why"]) for line in written] == [("jane", "SEC-1"), ("jane", "SEC-2")]


def test_a_principal_is_raised_with_a_token_from_a_file(
    house: House, admin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    token = ["--token-file", str(tmp_path / "token")]
    command = ["pardon", "key_a/eu_b", "--raise", "refuse", "--for", "90s", "--why", "x", "--admin", admin]
    assert main([*command, *token]) == 0
    assert "key_a/eu_b: stands on 'refuse' at least until 1970-01-01 00:03:10 UTC" in capsys.readouterr().out
    assert standing(house, "key_a/eu_b") == ("refuse", True)
    assert standing(house) == ("throttle", False)


def test_that_nothing_acts_in_shadow_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = House(None, Mode.SHADOW)
    quiet.drive.send()
    with serve(admin_app(load_config(None, {}, {}), State(), quiet.metrics, None, quiet.desk)) as url:
        assert main(["pardon", "p", "--raise", "refuse", "--for", "1m", "--why", "x", "--admin", url]) == 0
    assert "nothing acts on anybody" in capsys.readouterr().out


def test_what_the_gateway_refuses_is_said(
    house: House, admin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pardon", "nobody", "--why", "x", "--admin", admin]
    assert main(command) == 1
    assert capsys.readouterr().err == "refused (401): a token is needed\n"
    monkeypatch.setenv(TOKEN, SECRET)
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("refused (404): no such principal")
    assert main(["pardon", "key_a", "--why", "x", "--admin", f"{admin}/v1/"]) == 0


def test_somebody_elses_server_is_no_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 502, "headers": []})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": b"<html>"})  # type: ignore[operator]

    with serve(app) as url:
        assert main(["pardon", "p", "--why", "x", "--admin", url]) == 1
    assert "is this the admin listener of a gateway?" in capsys.readouterr().err


def test_a_gateway_that_does_not_run_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pardon", "p", "--why", "x", "--admin", "http://127.0.0.1:1"]) == 1
    assert "http://127.0.0.1:1 cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--raise", "refuse"], "--raise: error: say for how long: --for 24h"),
        (["--admin", "gateway:9901"], "--admin: error: write a URL"),
        (["--token-file", "nowhere"], "nowhere: error: cannot be read"),
    ],
)
def test_wrong_options_are_named(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pardon", "p", "--why", "x", *options]) == 2
    assert message in capsys.readouterr().err
