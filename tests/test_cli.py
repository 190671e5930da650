"""The command line: what wins over what, and one clear line for each thing that keeps it from starting."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main as cli
from gateway.config import load_config
from gateway.identity import key_principal
from gateway.secret import identity_secret
from tests.adapters.support import chat_bytes
from tests.adapters.wire import run
from tests.commands import POLICY, spawn, started, write_settings

Finished = tuple[int, str, str]


async def finished(*arguments: str, cwd: Path | None = None) -> Finished:
    """(exit code, standard output, standard error) of one command."""
    process = await spawn(*arguments, cwd=cwd)
    out, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), said.decode()


def refused(*arguments: str, cwd: Path | None = None) -> list[str]:
    """What a command said that ended with exit code 2 and wrote nothing else."""
    results: list[Finished] = []

    async def main() -> None:
        results.append(await finished(*arguments, cwd=cwd))

    run(main())
    ((status, out, said),) = results
    assert (status, out) == (2, ""), said
    assert "Traceback" not in said
    return said.splitlines()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# --- options and the file ----------------------------------------------------------------------------


def test_options_win_over_the_file(tmp_path: Path, taken: int) -> None:
    other = tmp_path / "elsewhere" / "other"
    other.mkdir(parents=True)
    (other / "one.yaml").write_text(POLICY.replace("probe", "another"))
    wrong = {"path": "nowhere", "ceiling": "disabled"}
    settings = write_settings(
        tmp_path,
        server={"port": taken},
        admin={"port": taken},
        upstream={"url": "http://127.0.0.1:1"},
        policies=wrong,
    )
    options = ["--port", "0", "--admin-port", "0", "--policies", str(other)]
    options += ["--upstream", "http://127.0.0.1:2/v", "--mode", "enforce"]

    async def main() -> None:
        async with started(settings, *options) as gateway:
            shown = (await gateway.admin("/debug/config")).json()
            assert (shown["server"]["port"], shown["admin"]["port"]) == (0, 0)
            assert shown["upstream"]["url"] == "http://127.0.0.1:2/v"
            assert (shown["policies"]["path"], shown["policies"]["ceiling"]) == (str(other), "enforce")
            assert "in front of http://127.0.0.1:2/v" in gateway.announced
            assert "ceiling: enforce" in gateway.announced
            await gateway.end()

    run(main())


def test_without_options_the_file_is_obeyed_and_its_paths_are_its_own(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, policies={"path": "policies", "ceiling": "disabled"})

    async def main() -> None:
        async with started(settings) as gateway:
            assert "ceiling: disabled" in gateway.announced
            await gateway.chat(chat_bytes())
            await gateway.end()
            assert gateway.records.parent == tmp_path / "var"
            (record,) = await gateway.lines()
            assert record["signals"] == []

    run(main())


# --- what keeps it from starting ---------------------------------------------------------------------


def serve(tmp_path: Path, *options: str, **sections: Any) -> list[str]:
    """What `gateway serve` says of a settings file, without the file's directory."""
    said = refused("serve", "--config", str(write_settings(tmp_path, **sections)), *options)
    return [line.replace(f"{tmp_path}/", "") for line in said]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "{taken}"], "127.0.0.1:{taken}: error: cannot listen here: address already in use"),
        (["--admin-port", "{taken}"], "127.0.0.1:{taken}: error: cannot listen here: address already in use"),
        (["--port", "65536"], "command line: error: server.port: must be less than or equal to 65535"),
        (
            ["--upstream", "ftp://model"],
            "command line: error: upstream.url: upstream URL 'ftp://model' must begin with http:// or https://",
        ),
        (
            ["--upstream", "http://"],
            "command line: error: upstream.url: upstream URL 'http://' names no host",
        ),
        (["--policies", "/nowhere"], "/nowhere: error: no such file or directory"),
    ],
)
def test_a_wrong_option_is_one_line(options: list[str], message: str, tmp_path: Path, taken: int) -> None:
    filled = [option.replace("{taken}", str(taken)) for option in options]
    assert serve(tmp_path, *filled) == [message.replace("{taken}", str(taken))]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"policies": {"path": "none"}}, "none: error: no such file or directory"),
        ({"admin": {"host": "0.0.0.0"}}, "0.0.0.0 can be reached by others: set admin.token"),
        ({"admin": {"token_file": "t"}}, "admin.token_file: cannot be read: No such file or directory"),
        (
            {"identity": {"secret": None, "secret_file": "."}},
            "identity.secret_file: cannot be read: Is a dir",
        ),
        ({"identity": {"secret": None, "state_dir": "config.yaml"}}, "config.yaml/identity.secret: error: "),
        ({"identity": {"mapping": "m.yaml"}}, "m.yaml: error: cannot be read: No such file or directory"),
        ({"record": {"decisions": "policies"}}, "policies: error: cannot be written: Is a directory"),
        (
            {"upstream": {"url": "https://model", "ca_file": "none.pem"}},
            "none.pem: error: cannot be used as upstream.ca_file: No such file or directory",
        ),
        (
            {"upstream": {"url": "https://model", "ca_file": "config.yaml"}},
            "config.yaml: error: cannot be used as upstream.ca_file: ",
        ),
        ({"server": {"hots": "x"}}, "server: unknown key 'hots' (did you mean 'host'?)"),
    ],
)
def test_a_wrong_setting_is_one_line(sections: dict[str, Any], message: str, tmp_path: Path) -> None:
    (line,) = serve(tmp_path, **sections)
    assert message in line
    assert ": error: " in line


def test_a_broken_settings_file_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("server:\n  port: 1\n  port: 2\n")
    (line,) = refused("serve", "--config", str(path))
    assert line.startswith(f"{path}:3:3: error: ")


def test_a_broken_policy_is_told_with_line_and_column(tmp_path: Path) -> None:
    settings = write_settings(tmp_path)
    path = tmp_path / "policies" / "broken.yaml"
    path.write_text(
        "kind: policy\nid: broken\ntitle: Broken\nsignals:\n  one: {request: {request.modle: x}, points: 1}\n"
    )
    (line,) = refused("serve", "--config", str(settings))
    assert line.startswith(f"{path}:5:19: error: ")
    assert "request.model" in line


def test_a_missing_settings_file_is_one_line(tmp_path: Path) -> None:
    (line,) = refused("serve", "--config", "none.yaml", cwd=tmp_path)
    assert line == "none.yaml: error: cannot be read: No such file or directory"


def test_without_settings_the_policies_of_the_working_directory_are_asked_for(tmp_path: Path) -> None:
    (line,) = refused("serve", "--port", "0", "--admin-port", "0", cwd=tmp_path)
    assert line == f"{tmp_path}/policies: error: no such file or directory"


@pytest.mark.parametrize(
    "arguments", [[], ["srve"], ["serve", "--port", "eighty"], ["serve", "--mode", "off"]]
)
def test_a_command_that_is_none_is_explained(arguments: list[str]) -> None:
    said = refused(*arguments)
    assert said[0].startswith("usage: gateway")
    assert ": error: " in said[-1]


# --- the other verbs ---------------------------------------------------------------------------------


def test_identify_prints_the_id_under_which_a_key_stands_in_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = write_settings(tmp_path)
    (tmp_path / "key").write_text("sk-mine\n")
    with (tmp_path / "key").open() as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert cli(["identify", "--config", str(settings)]) == 0
    secret = identity_secret(load_config(settings).identity)
    assert capsys.readouterr() == (key_principal(b"sk-mine", secret) + "\n", "")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Three calls of one principal, as recorded."""
    request = json.loads(chat_bytes())
    lines = [json.dumps({"ts": at, "principal": "a", "request": request}) for at in (1.0, 2.0, 3.0)]
    path = tmp_path / "traffic.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_replay_reports_as_text_and_as_json_and_writes_records(
    tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = str(write_settings(tmp_path).parent / "policies")
    records = tmp_path / "records.jsonl"
    base = ["replay", str(recorded), "--policies", policies, "--quiet"]
    assert cli([*base, "-o", "json", "--as-mode", "enforce", "--records", str(records)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["requests"] == 3
    assert [json.loads(line)["principal"] for line in records.read_text().splitlines()] == ["a"] * 3
    assert cli(base) == 0
    assert "3 requests" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--records", "/nowhere/r"], "/nowhere/r: error: cannot be written: No such file or directory"),
        (["--policies", "/nowhere"], "/nowhere: error: no such file or directory"),
    ],
)
def test_replay_tells_what_it_cannot_read_or_write(
    options: list[str], message: str, tmp_path: Path, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = str(write_settings(tmp_path).parent / "policies")
    assert cli(["replay", str(recorded), "--policies", policies, "--quiet", *options]) == 2
    assert capsys.readouterr() == ("", message + "\n")


def test_the_installed_script_is_the_same_command() -> None:
    async def main() -> None:
        script = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("gateway")), "--help", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await script.communicate()
        assert (script.returncode, out.decode()) == (0, (await finished("--help"))[1])

    run(main())
