"""The admin listener: probes for everyone, the rest for who has the token, and no secret shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.app import LIVE, READY, Reload, admin_app
from gateway.config import load_config
from gateway.errors import Place
from gateway.metrics import Metrics
from gateway.model import JSON
from gateway.reload import Outcome, Result

TOKEN = "a-token-of-some-length"
GUARDED = ("/metrics", "/debug/config", "/-/policies", "/-/campaigns")


@dataclass
class State:
    ready: bool = True
    draining: bool = False
    bundle: str | None = "abc123abc123"
    gen: int = 3
    reload: JSON = None
    degraded: str | None = None
    summary: str | None = "3 files"
    ceiling: str = "shadow"
    campaigns: JSON = None


def ask(
    path: str,
    state: State | None = None,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    metrics: Metrics | None = None,
    settings: dict[str, JSON] | None = None,
    reload_policies: Reload | None = None,
    desk: Any = None,
    content: bytes | None = None,
) -> httpx.Response:
    config = load_config(None, {"admin.token": token, **(settings or {})}, {})
    shown = State() if state is None else state
    app = admin_app(config, shown, metrics or Metrics(), reload_policies, desk)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.request(method, path, headers=headers, content=content)

    return asyncio.run(send())


# --- probes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LIVE)
def test_a_process_that_answers_is_alive_even_while_it_drains(path: str) -> None:
    answer = ask(path, State(ready=False, draining=True, bundle=None))
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.parametrize("path", READY)
def test_a_process_with_policies_is_ready(path: str) -> None:
    answer = ask(path)
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "degraded": None})
    assert answer.headers["cache-control"] == "no-store"
    assert ask(path, method="HEAD").status_code == 200


@pytest.mark.parametrize("path", READY)
@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (State(bundle=None), ["no policies are loaded"]),
        (State(draining=True, ready=False), ["the process is draining"]),
        (State(draining=True, bundle=None), ["the process is draining", "no policies are loaded"]),
        (State(ready=False), ["the process is starting"]),
    ],
)
def test_a_process_that_is_not_ready_says_why(path: str, state: State, reasons: list[str]) -> None:
    answer = ask(path, state)
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": reasons, "degraded": None}


@pytest.mark.parametrize("path", READY)
def test_a_process_with_old_policies_is_ready_and_says_that_it_is_degraded(path: str) -> None:
    answer = ask(path, State(degraded="the policy directory cannot be used"))
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "reasons": [], "degraded": "the policy directory cannot be used"}


# --- what operators see ------------------------------------------------------------------------------


def test_metrics_are_in_the_text_format() -> None:
    metrics = Metrics()
    metrics.store_error()
    answer = ask("/metrics", metrics=metrics)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "gateway_store_errors_total 1.0" in answer.text


def test_settings_are_shown_without_secrets() -> None:
    secret = "correct horse battery staple"
    answer = ask(
        "/debug/config",
        token=TOKEN,
        headers={"authorization": f"Bearer {TOKEN}"},
        settings={"identity.secret": secret, "server.port": 1234},
    )
    shown: dict[str, Any] = answer.json()
    assert shown["server"]["port"] == 1234
    assert shown["admin"]["token"] == shown["identity"]["secret"] == "**********"
    assert TOKEN not in answer.text
    assert secret not in answer.text


def test_the_campaigns_are_listed() -> None:
    listed: JSON = [{"id": "c0123456789", "principals": ["key_a", "key_b"]}]
    assert ask("/-/campaigns", State(campaigns=listed)).json() == {"campaigns": listed}


def test_policies_are_named_by_hash_and_generation() -> None:
    assert ask("/-/policies", State(reload={"result": "published"})).json() == {
        "bundle": "abc123abc123",
        "gen": 3,
        "summary": "3 files",
        "ceiling": "shadow",
        "degraded": None,
        "reload": {"result": "published"},
    }


class Reloading:
    """Policies that are read with a given result."""

    def __init__(self, result: Result = "published") -> None:
        self.outcome = Outcome(result, "abc123abc123", 3, ((Place("a.yaml", 2, 5), "no such key"),))
        self.forced: list[bool] = []

    async def __call__(self, *, force: bool) -> Outcome:
        """One reload."""
        self.forced.append(force)
        return self.outcome


@pytest.mark.parametrize(
    ("result", "status"), [("published", 200), ("unchanged", 200), ("held", 409), ("failed", 422)]
)
def test_a_reload_is_answered_with_how_it_ended(result: Result, status: int) -> None:
    reloading = Reloading(result)
    answer = ask("/-/reload", method="POST", reload_policies=reloading)
    assert answer.status_code == status
    assert answer.json() == reloading.outcome.document()
    assert answer.json()["problems"] == [{"file": "a.yaml", "line": 2, "column": 5, "message": "no such key"}]
    assert reloading.forced == [False]


@pytest.mark.parametrize(
    ("query", "forced"), [("?force=1", [True]), ("?force=0", [False]), ("?force=yes", [])]
)
def test_only_force_1_passes_over_the_guard(query: str, forced: list[bool]) -> None:
    reloading = Reloading()
    answer = ask(f"/-/reload{query}", method="POST", reload_policies=reloading)
    assert answer.status_code == (200 if forced else 400)
    assert reloading.forced == forced


def test_a_reload_needs_the_token_and_a_post() -> None:
    reloading = Reloading()
    assert ask("/-/reload", method="POST", token=TOKEN, reload_policies=reloading).status_code == 401
    assert ask("/-/reload", reload_policies=reloading).status_code == 405
    assert ask("/-/reload", method="POST").status_code == 404
    assert reloading.forced == []


@pytest.mark.parametrize("path", ["/", "/debug", "/v1/models"])
def test_there_is_nothing_else(path: str) -> None:
    assert ask(path).status_code == 404


@pytest.mark.parametrize("path", GUARDED + LIVE + READY)
def test_nothing_can_be_changed(path: str) -> None:
    assert ask(path, method="POST").status_code == 405


# --- the token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*GUARDED, "/", "/nothing", "/readyz/", "//readyz"])
@pytest.mark.parametrize(
    "given_",
    [None, "", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"],
)
def test_without_the_token_there_is_only_a_refusal(path: str, given_: str | None) -> None:
    answer = ask(path, token=TOKEN, headers=None if given_ is None else {"authorization": given_})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "a token is needed"}


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_everything_is_open(path: str, scheme: str) -> None:
    assert ask(path, token=TOKEN, headers={"authorization": f"{scheme} {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("path", LIVE + READY)
def test_probes_need_no_token(path: str) -> None:
    assert ask(path, token=TOKEN).status_code == 200


@given(st.binary(max_size=60))
def test_no_other_bytes_open_the_door(value: bytes) -> None:
    config = load_config(None, {"admin.token": TOKEN}, {})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/metrics",
        "headers": [(b"authorization", b"Bearer " + value)],
    }
    asyncio.run(admin_app(config, State(), Metrics())(scope, receive, send))
    assert sent[0]["status"] == 401


def test_other_kinds_of_scopes_are_left_to_the_application() -> None:
    config = load_config(None, {"admin.token": TOKEN}, {})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "lifespan.startup" if not sent else "lifespan.shutdown"}

    asyncio.run(admin_app(config, State(), Metrics())({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
