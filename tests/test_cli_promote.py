"""`gateway promote`: what it writes, what it says, and that a promotion holds the past against nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.policies.load import load_bundle
from gateway.reload import Reloader
from tests.reloads import House
from tests.support import LADDER, Drive, bundle, chat, policy

SIGNALS = """\
# how much
signals: {all: {request: {request.n: {gte: 2}}, points: 60}}
"""


def home(tmp_path: Path, **head: str) -> Path:
    documents = [
        policy(SIGNALS, **({"id": "one", "mode": "shadow  # for a week"} | head)),
        policy(SIGNALS, id="two", mode="shadow", rollout="{percent: 25%, holdout: 2%}"),
        policy(SIGNALS.replace("points", "mode: shadow, points"), id="three", mode="shadow"),
        policy(SIGNALS, id="off", mode="disabled"),
        policy(SIGNALS, id="on", mode="enforce"),
    ]
    (tmp_path / "all.yaml").write_text("".join(documents) + LADDER)
    return tmp_path


def modes(where: Path) -> dict[str, tuple[str, bool]]:
    return {one.id: (one.mode.name.lower(), one.carry) for one in load_bundle(where).policies}


def test_a_policy_is_promoted_in_its_file_and_nothing_else_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home(tmp_path) / "all.yaml"
    before = file.read_text()
    assert main(["promote", "one", "--policies", str(tmp_path)]) == 0
    assert file.read_text() == before.replace("mode: shadow  # for", "mode: enforce  # for")
    assert capsys.readouterr().out == (
        f"{file}:6:7: one: shadow → enforce, its enforced score begins at zero\n"
    )


def test_all_that_are_in_shadow_are_promoted_and_what_still_waits_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["promote", "--all", "--policies", str(home(tmp_path))]
    assert main(arguments) == 0
    assert modes(tmp_path) == {
        "off": ("disabled", False),
        **dict.fromkeys(("on", "one", "three", "two"), ("enforce", False)),
    }
    out = capsys.readouterr().out
    assert "  rollout: it acts on 25% of those it may act on, without a holdout of 2%\n" in out
    assert "  still in shadow by themselves: all\n" in out
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("nothing to promote: ")


def test_carry_is_written_and_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--policies", str(home(tmp_path))]
    assert main(["promote", "one", "two", "--carry", *where]) == 0
    assert "begins with what it found in shadow" in capsys.readouterr().out
    assert modes(tmp_path) | {"three": ("shadow", False)} == modes(tmp_path) | {
        "one": ("enforce", True),
        "two": ("enforce", True),
    }
    (tmp_path / "all.yaml").write_text((tmp_path / "all.yaml").read_text().replace("enforce", "shadow"))
    assert main(["promote", "two", *where]) == 0
    assert modes(tmp_path)["two"] == ("enforce", False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["onne"], "POLICY: error: no policy 'onne' (did you mean 'one'?)"),
        (["off"], "POLICY: error: 'off' is disabled: see what it finds in mode shadow first"),
        (["one", "three", "--carry"], "signals.all.mode: with 'carry: true' of the policy, what this found"),
    ],
)
def test_what_cannot_be_promoted_is_told_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home(tmp_path) / "all.yaml"
    before = file.read_bytes()
    assert main(["promote", *arguments, "--policies", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert file.read_bytes() == before


def test_either_some_or_all_are_named(tmp_path: Path) -> None:
    for arguments in ([], ["one", "--all"]):
        with pytest.raises(SystemExit, match="2"):
            main(["promote", *arguments, "--policies", str(home(tmp_path))])


# --- what follows -------------------------------------------------------------------------------------


def scored(reloader: Reloader, drive: Drive, n: int = 1) -> tuple[float, float]:
    """(enforced, shadow) score after a call that asks for `n` answers."""
    drive.policies = reloader.bundle
    decision = drive.send(chat(n=n))
    return decision.enforced.score, decision.shadow.score


@pytest.mark.parametrize(("carry", "after"), [(False, 0.0), (True, 60.0)])
def test_a_promotion_begins_at_zero_unless_it_carries(carry: bool, after: float, tmp_path: Path) -> None:
    async def main_() -> None:
        house = House(tmp_path).write(policy(SIGNALS, mode="shadow") + LADDER)
        reloader = house.start()
        drive = Drive(reloader.bundle, store=house.store)
        assert scored(reloader, drive, n=2) == (0.0, 60.0)
        options = ["--carry"] if carry else []
        assert main(["promote", "probe", "--policies", str(house.policies), *options]) == 0
        assert (await reloader.reload()).result == "published"
        assert scored(reloader, drive) == (after, 60.0)
        # What it finds from now on acts in any case.
        assert scored(reloader, drive, n=2) == (60.0, 60.0)

    asyncio.run(main_())


def test_what_is_carried_fades_like_any_peak_and_stops_at_the_rollout() -> None:
    made = bundle(policy(SIGNALS, mode="shadow", half_life="1h"))
    drive = Drive(made)
    drive.send(chat(n=2))
    drive.policies = bundle(policy(SIGNALS, half_life="1h", carry=True))
    drive.now = 3600.0
    assert drive.send().enforced.score == pytest.approx(30.0)
    drive.policies = bundle(policy(SIGNALS, half_life="1h", carry=True, rollout="0%"))
    assert drive.send().enforced.score == 0.0
