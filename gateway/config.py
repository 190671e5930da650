"""The settings of one gateway process: what may be set, its defaults, and how a file becomes settings.

Belongs here: everything that an operator sets per process (addresses, limits, files, switches). Not
here: what is suspicious and what follows from it, which is said in policies (`gateway.policies`), and
who the principals are (`gateway.mapping`). An empty file, and no file, are valid and safe: loopback
only, and the ceiling at shadow. `config.example.yaml` shows every option; a test holds it to the defaults.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gateway.errors import ConfigError, Place
from gateway.interpolation import interpolate
from gateway.model import JSON, Mode
from gateway.strict_yaml import Document, explain_validation, parse
from gateway.units import Duration, Percent, Size
from gateway.upstream.origin import parse_origin
from gateway.words import quote, suggest

OVERRIDES = "command line"
"""The file name under which mistakes in overrides are reported."""

STDOUT = Path("-")
"""The value of `record.decisions` that means standard output."""

_SECRETS = (("admin", "token"), ("identity", "secret"), ("webhook", "secret"))
"""Settings that may also be given as `<name>_file`, the usual form of mounted secrets."""

MIN_SECRET = 16
"""Shortest secret in characters: shorter ones can be found by trying."""


# --- kinds of values ---------------------------------------------------------------------------------


def _resolve(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    return path if path == STDOUT else base / path.expanduser()


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"write a network such as 10.0.0.0/8 or fd00::/8 ({error})") from None


def _header(name: str) -> str:
    if not name or not name.isascii() or any(not (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in name):
        raise ValueError("write the name of a header, such as x-api-key")
    return name.lower()


def _origin(url: str) -> str:
    parse_origin(url)
    return url


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < MIN_SECRET:
        raise ValueError(f"a secret has at least {MIN_SECRET} characters")
    return secret


def _off_by_default(name: str) -> str:
    from gateway.policies.plugins import installed  # loads every detector, for one setting

    known = sorted(action for action, kind in installed().actions.items() if kind.opt_in)
    if name not in known:
        raise ValueError(f"no response that is off by default: {quote(name)}{suggest(name, known)}")
    return name


def _proxy(url: SecretStr) -> SecretStr:
    # The value may hold a password, so no message repeats it.
    if not re.fullmatch(r"https?://[^\s/?#]+/?", url.get_secret_value()):
        raise ValueError("write http(s)://host:port, with user:password@ if it asks for one")
    return url


FilePath = Annotated[Path, AfterValidator(_resolve)]
"""A path relative to the configuration file."""

Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
ActionName = Annotated[str, AfterValidator(_off_by_default)]
HeaderName = Annotated[str, AfterValidator(_header)]
Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(ge=1)]
Url = Annotated[str, AfterValidator(_origin)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


def _default(value: object) -> Any:
    """A default in the words of the file (`5s`, a relative path), which passes the same validation."""
    return Field(value, validate_default=True)


# --- the sections ------------------------------------------------------------------------------------


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are frozen, secrets stay out of messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerConfig(Section):
    """Where clients connect."""

    host: str = "127.0.0.1"
    port: Port = 8080
    max_body: Size = _default("32MiB")
    unknown_routes: Literal["pass", "deny"] = "pass"
    drain: Duration = _default("30s")
    max_connections: Positive | None = None
    show_bundle: Literal["never", "enforce", "always"] = "never"


class AdminConfig(Section):
    """Where operators and probes connect; an address that others can reach needs a token."""

    token: Secret | None = None
    token_file: FilePath | None = None
    # After the token: a validator sees only the fields above its own.
    host: str = _default("127.0.0.1")
    port: Port = 9901

    @field_validator("host")
    @classmethod
    def _guarded(cls, host: str, info: ValidationInfo) -> str:
        if not is_loopback(host) and info.data.get("token", "") is None:
            raise ValueError(f"{host} can be reached by others: set admin.token or admin.token_file")
        return host


class UpstreamConfig(Section):
    """The model server behind the gateway; without a url a built-in demo answers."""

    url: Url | None = None
    backend: Literal["own", "httpx2"] = "own"
    # After the backend: a validator sees only the fields above its own.
    http2: bool = False
    proxy: ProxyUrl | None = None
    connect_timeout: Duration | None = _default("5s")
    first_byte_timeout: Duration | None = _default("600s")
    idle_timeout: Duration | None = _default("300s")
    max_connections: Positive = 1000
    ca_file: FilePath | None = None
    verify: bool = True

    @field_validator("backend")
    @classmethod
    def _installed(cls, backend: str) -> str:
        if backend == "httpx2" and not all(map(find_spec, ("httpx2", "h2"))):
            raise ValueError("the package is not installed: pip install 'stillgate[httpx2]'")
        return backend

    @field_validator("http2", "proxy")
    @classmethod
    def _by_httpx2(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("backend", "httpx2") == "own":
            raise ValueError("our own client has no such thing: set upstream.backend: httpx2")
        return value


class IdentityConfig(Section):
    """Who is held to account for a call."""

    key_headers: tuple[HeaderName, ...] = ("authorization", "x-api-key", "api-key")
    fallback: Literal["address"] = "address"
    end_user: bool = False
    secret: Secret | None = None
    secret_file: FilePath | None = None
    state_dir: FilePath = _default(Path("var"))
    mapping: FilePath | None = None
    trusted_proxies: tuple[Network, ...] = ()
    # After trusted_proxies: a validator sees only the fields above its own.
    header: HeaderName | None = None

    @field_validator("header")
    @classmethod
    def _from_a_proxy(cls, header: str | None, info: ValidationInfo) -> str | None:
        if header is not None and not info.data.get("trusted_proxies", True):
            raise ValueError("anyone could send this header: name who may in identity.trusted_proxies")
        return header


class ReloadConfig(Section):
    """What makes the policies be read anew."""

    watch: bool = True
    sighup: bool = True
    endpoint: bool = True


class PoliciesConfig(Section):
    """Which policies are loaded, and how far they may go."""

    path: FilePath = _default(Path("policies"))
    candidate: FilePath | None = None
    ceiling: Literal["disabled", "shadow", "enforce"] = "shadow"
    on_error: Literal["allow", "refuse"] = "allow"
    reload: ReloadConfig = ReloadConfig()
    budget: Duration | None = None
    guard: Percent | None = _default("5%")
    last_known_good: bool = False
    allow_actions: tuple[ActionName, ...] = ()

    @property
    def mode(self) -> Mode:
        """The ceiling as the engine takes it."""
        return Mode[self.ceiling.upper()]


class MarksConfig(Section):
    """What answers are marked under, by responses that do."""

    key_ring: FilePath | None = None


class StoreConfig(Section):
    """The memory of the gateway."""

    max_principals: Positive = 100_000
    pinned: Size = _default("64MiB")


class RecordConfig(Section):
    """What is written down about each call."""

    decisions: FilePath | None = _default(Path("var/decisions.jsonl"))
    content: Literal["none", "features", "plain"] = "features"
    interventions: FilePath | None = _default(Path("var/interventions.jsonl"))


class WebhookConfig(Section):
    """How the response `step_up` proves to the operator's system that a notice is ours."""

    secret: Secret | None = None
    secret_file: FilePath | None = None


class LogConfig(Section):
    """What the process says about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Section):
    """All settings; a section that is missing or empty has its defaults."""

    server: ServerConfig
    admin: AdminConfig
    upstream: UpstreamConfig
    identity: IdentityConfig
    policies: PoliciesConfig
    marks: MarksConfig
    store: StoreConfig
    record: RecordConfig
    webhook: WebhookConfig
    log: LogConfig

    @model_validator(mode="before")
    @classmethod
    def _all_sections(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        # A section whose options are all commented out is null in YAML.
        return {name: {} for name in cls.model_fields} | {k: v for k, v in value.items() if v is not None}


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- loading -----------------------------------------------------------------------------------------


def load_config(
    path: Path | None, overrides: Mapping[str, JSON] | None = None, env: Mapping[str, str] | None = None
) -> Config:
    """The settings in the file at `path` (None: the defaults, paths relative to the working directory).

    `overrides` are dotted keys (`server.port`) that win over the file; `env` (default: the process's)
    fills `${VAR}`. Files named by `token_file` and `secret_file` are read here.
    Raises ConfigError with every problem and its place.
    """
    document = Document({}, {(): (Place("defaults"),) * 2}) if path is None else _read(path)
    document = interpolate(document, os.environ if env is None else env)
    document = _override(document, overrides or {})
    base = Path.cwd() if path is None else path.absolute().parent
    return validated(_with_secrets(document, base), Config, {"base": base})


Model = TypeVar("Model", bound=BaseModel)


def validated(document: Document, model: type[Model], context: dict[str, Any] | None = None) -> Model:
    """The document as a `model`. Raises ConfigError with every mistake and its place."""
    try:
        return model.model_validate(document.value, context=context)
    except ValidationError as error:
        raise ConfigError(explain_validation(document, error, model)) from None


def single_document(path: Path) -> Document:
    """The one YAML document of a file, an empty mapping for none. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be read: {error.strerror}") from None
    documents = parse(data, str(path))
    if len(documents) > 1:
        raise ConfigError.at(documents[1].place(()), "one document per file is expected here")
    if not documents or documents[0].value is None:
        return Document({}, {(): (Place(str(path)),) * 2})
    return documents[0]


def _read(path: Path) -> Document:
    document = single_document(path)
    if not isinstance(document.value, dict):
        raise ConfigError.at(document.place(()), "write a mapping of sections: server, upstream, policies, …")
    return document


def _override(document: Document, overrides: Mapping[str, JSON]) -> Document:
    assert isinstance(document.value, dict)
    value = dict(document.value)
    places = dict(document.places)
    for dotted, given in overrides.items():
        section, _, name = dotted.partition(".")
        if not name:
            raise ConfigError.at(Place(OVERRIDES), f"'{section}': write section.option, such as server.port")
        held = value.get(section) or {}
        if not isinstance(held, dict):
            continue  # the file's own mistake, which validation names
        value[section] = {**held, name: given}
        places[section, name] = (Place(OVERRIDES),) * 2
        places.setdefault((section,), (Place(OVERRIDES),) * 2)
    return Document(value, places)


def _with_secrets(document: Document, base: Path) -> Document:
    """The document with the content of `<name>_file` under `<name>`."""
    assert isinstance(document.value, dict)
    value = dict(document.value)
    problems: list[tuple[Place, str]] = []
    for section, name in _SECRETS:
        options = value.get(section)
        if not isinstance(options, dict) or not isinstance(file := options.get(f"{name}_file"), str):
            continue
        place = document.place((section, f"{name}_file"))
        if options.get(name) is not None:
            problems.append((place, f"{section}: give {name} or {name}_file, not both"))
            continue
        try:
            secret = (base / Path(file).expanduser()).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            problems.append((place, f"{section}.{name}_file: cannot be read: {reason}"))
            continue
        if not secret:
            problems.append((place, f"{section}.{name}_file: the file is empty"))
        value[section] = {**options, name: secret}
    if problems:
        raise ConfigError(problems)
    return Document(value, document.places)


def redacted(config: Config) -> dict[str, JSON]:
    """The settings as JSON values for people to read, every secret as asterisks."""
    shown: dict[str, JSON] = config.model_dump(mode="json")
    return shown
