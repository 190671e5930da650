"""The progress bar: on standard error, on a terminal only."""

from __future__ import annotations

import pytest

from gateway.progress import progress


def _bar(*, quiet: bool = False, total: int | None = 10) -> None:
    with progress("reading", total, quiet=quiet) as tick:
        tick(4)
        tick(6)


def test_a_terminal_is_shown_a_bar_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    _bar()
    shown = capsys.readouterr()
    assert "reading" in shown.err
    assert "10/10" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_nothing_is_shown_where_it_would_garble_a_log(
    quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    _bar(quiet=quiet)
    assert tuple(capsys.readouterr()) == ("", "")


def test_a_quiet_terminal_is_shown_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    _bar(quiet=True, total=None)
    assert tuple(capsys.readouterr()) == ("", "")
