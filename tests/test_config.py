"""Settings: defaults without a file, one place per mistake, secrets that do not show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway import config as config_module
from gateway.config import (
    Config,
    ServerConfig,
    is_loopback,
    load_config,
    redacted,
    single_document,
)
from gateway.errors import ConfigError
from gateway.model import JSON, Mode
from gateway.strict_yaml import parse

ROOT = Path(__file__).parent.parent
TOKEN = "a-token-of-some-length"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str | bytes, name: str = "c.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def problems(path: Path | None, overrides: dict[str, JSON] | None = None, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides, env)
    text = str(caught.value)
    return [line.replace(f"{path}:", "").replace("error: ", "") for line in text.split("\n")]


# --- defaults ----------------------------------------------------------------------------------------


def test_the_example_file_says_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert load_config(ROOT / "config.example.yaml", env={}) == load_config(None, env={})


def test_the_example_file_names_every_option_in_the_order_of_the_models() -> None:
    (document,) = parse((ROOT / "config.example.yaml").read_bytes(), "config.example.yaml")
    assert isinstance(document.value, dict)
    assert list(document.value) == list(Config.model_fields)
    for section, entry in Config.model_fields.items():
        options, model = document.value[section], entry.annotation
        assert isinstance(options, dict)
        assert model is not None
        assert set(options) == set(model.model_fields)


def test_every_option_of_the_example_file_has_a_comment_or_is_plain_by_name() -> None:
    lines = [
        line for line in (ROOT / "config.example.yaml").read_text().splitlines() if line.startswith("  ")
    ]
    bare = [line.split(":")[0].strip() for line in lines if "#" not in line]
    assert set(bare) <= {"host", "port", "connect_timeout", "max_connections", "key_headers", "state_dir"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "server:\nlog:\n", "{}"])
def test_an_empty_file_or_section_has_the_defaults(write: Any, tmp_path: Path, text: str) -> None:
    config = load_config(write(text), env={})
    assert config.server == ServerConfig()
    assert (config.server.host, config.server.port, config.server.max_body) == ("127.0.0.1", 8080, 2**25)
    assert (config.server.drain, config.upstream.first_byte_timeout) == (30.0, 600.0)
    assert config.policies.mode is Mode.SHADOW
    assert config.policies.path == tmp_path / "policies"
    assert config.identity.state_dir == tmp_path / "var"
    assert config.record.decisions == tmp_path / "var/decisions.jsonl"


def test_without_a_file_paths_start_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNUSED", "the process environment is the default")
    assert load_config(None).policies.path == tmp_path / "policies"


def test_settings_cannot_be_changed_after_loading() -> None:
    config = load_config(None, env={})
    with pytest.raises(ValueError, match="frozen"):
        config.server.port = 1


# --- values ------------------------------------------------------------------------------------------


def test_values_are_read_with_their_units_and_words(write: Any, tmp_path: Path) -> None:
    path = write(
        "server: {max_body: 1KiB, drain: 2m}\n"
        "upstream: {url: 'https://example.com/base', idle_timeout: null, ca_file: ca.pem, verify: false}\n"
        "identity: {key_headers: [X-Api-Key], trusted_proxies: [10.0.0.0/8, 'fd00::/8'],"
        " header: X-Consumer}\n"
        "policies: {ceiling: enforce, path: /etc/policies, allow_actions: [perturb]}\n"
        "record: {decisions: '-', content: none}\n"
    )
    config = load_config(path, env={})
    assert (config.server.max_body, config.server.drain) == (1024, 120.0)
    assert (config.upstream.idle_timeout, config.upstream.verify) == (None, False)
    assert config.upstream.ca_file == tmp_path / "ca.pem"
    assert config.identity.key_headers == ("x-api-key",)
    assert [str(network) for network in config.identity.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]
    assert config.identity.header == "x-consumer"
    assert config.policies.path == Path("/etc/policies")
    assert config.policies.mode is Mode.ENFORCE
    assert config.policies.allow_actions == ("perturb",)
    assert config.record.decisions == Path("-")


def test_values_come_from_the_environment(write: Any) -> None:
    path = write("server: {port: '${PORT:-9000}'}\nadmin: {token: '${TOKEN:-}'}\nlog: {level: '${LEVEL}'}")
    config = load_config(path, env={"LEVEL": "debug"})
    assert (config.server.port, config.admin.token, config.log.level) == (9000, None, "debug")


def test_overrides_win_over_the_file(write: Any) -> None:
    path = write("server: {port: 1, host: localhost}\nlog:")
    config = load_config(path, {"server.port": 2, "log.level": "error", "store.max_principals": 5}, {})
    assert (config.server.port, config.server.host) == (2, "localhost")
    assert (config.log.level, config.store.max_principals) == ("error", 5)


# --- mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "server:\n  prot: 1",
            "2:3: server: unknown key 'prot' (did you mean 'port'?)",
        ),
        (
            "sever: {}",
            "1:1: unknown key 'sever' (did you mean 'server'?)",
        ),
        (
            "server: 5",
            "1:9: server: write a mapping (key: value)",
        ),
        (
            "server: {drain: 30}",
            "1:17: server.drain: write a duration with its unit: 500ms, 30s, 10m, 24h, 7d",
        ),
        (
            "policies: {ceiling: enforced}",
            (
                "1:21: policies.ceiling: 'enforced' is not one of disabled, shadow, enforce (did "
                "you mean 'enforce'?)"
            ),
        ),
        (
            "policies: {allow_actions: [pertub]}",
            (
                "1:28: policies.allow_actions.0: no response that is off by default: 'pertub' (did "
                "you mean 'perturb'?)"
            ),
        ),
        (
            "policies: {allow_actions: [log]}",
            "1:28: policies.allow_actions.0: no response that is off by default: 'log'",
        ),
        (
            "upstream: {url: 'ftp://x'}",
            "1:17: upstream.url: upstream URL 'ftp://x' must begin with http:// or https://",
        ),
        (
            "upstream: {backend: httpx}",
            "1:21: upstream.backend: 'httpx' is not one of own, httpx2 (did you mean 'httpx2'?)",
        ),
        (
            "upstream: {http2: true}",
            "1:19: upstream.http2: our own client has no such thing: set upstream.backend: httpx2",
        ),
        (
            "upstream: {proxy: 'http://proxy:3128'}",
            "1:19: upstream.proxy: our own client has no such thing: set upstream.backend: httpx2",
        ),
        (
            "upstream: {backend: httpx2, proxy: 'socks5://user:hunter2@proxy'}",
            "1:36: upstream.proxy: write http(s)://host:port, with user:password@ if it asks for one",
        ),
        (
            "identity: {key_headers: ['a b']}",
            "1:26: identity.key_headers.0: write the name of a header, such as x-api-key",
        ),
        (
            "identity: {trusted_proxies: [10.0.0.0/8, x]}",
            (
                "1:42: identity.trusted_proxies.1: write a network such as 10.0.0.0/8 or "
                "fd00::/8 ('x' does not appear to be an IPv4 or IPv6 network)"
            ),
        ),
        (
            "identity: {header: x-user}",
            "1:20: identity.header: anyone could send this header: name who may in identity.trusted_proxies",
        ),
        (
            "identity: {secret: short}",
            "1:20: identity.secret: a secret has at least 16 characters",
        ),
        (
            "admin: {host: 0.0.0.0}",
            "1:15: admin.host: 0.0.0.0 can be reached by others: set admin.token or admin.token_file",
        ),
        (
            "server: {port: '${PORT}'}",
            "1:16: server.port: the environment variable PORT is not set",
        ),
        (
            "a: 1\n---\nb: 2",
            "3:1: one document per file is expected here",
        ),
        (
            "[server]",
            "1:1: write a mapping of sections: server, upstream, policies, …",
        ),
        (
            "server: {port: 1, port: 2}",
            "1:19: duplicate key 'port' (first at line 1)",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place(write: Any, text: str, expected: str) -> None:
    assert problems(write(text)) == [expected]


def test_all_mistakes_are_told_at_once(write: Any) -> None:
    found = problems(write("server: {prot: 1}\nlog: {level: loud}\nadmin: {host: '::', token: short}"))
    # One per mistake: a token that is wrong is not told a second time as a missing one.
    assert sorted(problem.split(":")[0] for problem in found) == ["1", "2", "3"]


def test_a_header_beside_wrong_networks_is_not_blamed_for_them(write: Any) -> None:
    (problem,) = problems(write("identity: {header: x-user, trusted_proxies: [x]}"))
    assert "trusted_proxies.0" in problem


def test_mistakes_in_overrides_are_told_as_such(write: Any) -> None:
    assert problems(None, {"server.port": "x"}) == ["command line: server.port: write a whole number"]
    assert problems(None, {"server": 1}) == [
        "command line: 'server': write section.option, such as server.port"
    ]
    assert problems(write("server: 5"), {"server.port": 1}) == ["1:9: server: write a mapping (key: value)"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError, match=re.escape(f"{path}: error: cannot be read: No such file")):
        single_document(path)


def test_only_a_mapping_can_be_settings() -> None:
    with pytest.raises(ValueError, match="Config"):
        Config.model_validate([])


# --- secrets -----------------------------------------------------------------------------------------


def test_an_open_admin_address_is_allowed_with_a_token(write: Any) -> None:
    config = load_config(write(f"admin: {{host: 0.0.0.0, token: {TOKEN}}}"), env={})
    assert config.admin.token is not None
    assert config.admin.token.get_secret_value() == TOKEN


def test_secrets_are_read_from_files_next_to_the_settings(write: Any) -> None:
    write(f"{TOKEN}\n", "token")
    config = load_config(write("admin: {host: '::', token_file: token}"), env={})
    assert config.admin.token is not None
    assert config.admin.token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        (
            "admin: {token_file: none}",
            b"",
            "1:21: admin.token_file: cannot be read: No such file or directory",
        ),
        ("admin: {token_file: f}", b"\xff", "1:21: admin.token_file: cannot be read: not UTF-8"),
        ("admin: {token_file: f}", b" \n", "1:21: admin.token_file: the file is empty"),
        (
            "identity: {secret: s, secret_file: f}",
            b"x",
            "1:36: identity: give secret or secret_file, not both",
        ),
    ],
)
def test_a_secret_file_that_is_no_use_is_told(write: Any, text: str, content: bytes, expected: str) -> None:
    write(content, "f")
    assert problems(write(text)) == [expected]


def test_a_secret_file_of_the_wrong_kind_is_told(write: Any) -> None:
    (problem,) = problems(write("admin: {token_file: [x]}"))
    assert problem.startswith("1:21: admin.token_file: ")


def test_secrets_show_neither_in_repr_nor_in_the_redacted_form(write: Any) -> None:
    secret = "correct horse battery staple"
    path = write(
        f"admin: {{token: '{TOKEN}'}}\nidentity: {{secret: '{secret}', trusted_proxies: [10.0.0.0/8]}}\n"
        "upstream: {backend: httpx2, proxy: 'http://user:swordfish@proxy:3128'}"
    )
    config = load_config(path, env={})
    shown = redacted(config)
    for text in (repr(config), str(config), repr(shown)):
        assert TOKEN not in text
        assert secret not in text
        assert "swordfish" not in text
    assert isinstance(shown["identity"], dict)
    assert shown["identity"]["secret"] == "**********"
    assert shown["identity"]["trusted_proxies"] == ["10.0.0.0/8"]


def test_a_client_that_is_not_installed_is_told_before_the_first_call(
    write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_module, "find_spec", lambda name: None)
    (problem,) = problems(write("upstream: {backend: httpx2, http2: true}"))
    assert problem.startswith("1:21: upstream.backend: the package is not installed: pip install")


def test_a_short_secret_does_not_show_in_its_complaint(write: Any) -> None:
    (problem,) = problems(write("identity: {secret: hunter2}"))
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("10.0.0.1", False), ("", False), ("example.com", False)],
)  # fmt: skip
def test_loopback_is_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
