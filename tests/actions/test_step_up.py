"""Reporting somebody to the operator's own system."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.actions.tasks import Notice
from gateway.model import Take
from tests.actions.helpers import action, call

HOOK = "https://hooks.example.com/step-up?team=1"


def test_where_to_report_and_how_often_is_told() -> None:
    step_up = action("step_up", url=HOOK, every="1h")
    assert step_up.notice(call({})) == Notice(HOOK)
    take = step_up.take(call({}))
    assert take is not None
    assert (take.interval, take.burst) == (3600.0, 1)
    assert step_up.exhausted(1.0) is None


def test_each_hook_has_a_report_of_its_own_and_its_url_is_in_no_key() -> None:
    takes = [action("step_up", url=url).take(call({})) for url in (HOOK, HOOK, f"{HOOK}&rung=2")]
    keys = [take.key for take in takes if isinstance(take, Take)]
    assert keys[0] == keys[1] != keys[2]
    assert "example" not in keys[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/x", "http://localhost/x", "http://[::1]/x", "https://h"]
)
def test_a_hook_may_be_on_this_machine_or_behind_tls(url: str) -> None:
    assert action("step_up", url=url).notice(call({})) == Notice(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "http://10.0.0.1/secret-path",
        "ftp://127.0.0.1/x",
        "hooks.example.com",
        "https://",
        "https://user:password@h/x",
        "https://h/#x",
        "https://h/a b",
        "https://h/\u00e9",
        "",
    ],
)
def test_other_hooks_are_mistakes_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        action("step_up", url=url)
    assert "secret-path" not in str(wrong.value.errors()[0]["msg"])


@pytest.mark.parametrize("options", [{}, {"url": HOOK, "every": "0s"}, {"url": HOOK, "every": "31d"}])
def test_times_that_mean_nothing_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        action("step_up", **options)
