"""What must hold between two runs, whatever the traffic: more is never less, and shares are never the whole.

Splitting is asked of amounts, which can only fall apart. A share (`ratio`) of one half of the traffic may be
higher than of the whole, if all that is suspicious lands in that half; so shares are split evenly here.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Mode, Principal
from gateway.policies.bundle import Bundle
from tests.support import Drive, bundle, chat, exemption, policy

AMOUNTS = """
    combine: max
    signals:
      burst: {count: {of: requests, over: 10m}, ramp: [1, 9], points: 60}
      prompts: {distinct: {of: prompts, over: 1h}, ramp: [1, 8], points: 30}
      long: {field: prompt.chars, ramp: [0, 40], points: 20}
"""
SHARE = """
    signals:
      burst: {count: {of: requests, over: 10m}, ramp: [1, 9], points: 40}
      echo: {ratio: {where: {request.echo: true}, over: 10m, min: 3}, ramp: [0.2, 0.8], points: 40}
"""
traffic = st.lists(st.tuples(st.floats(0, 300), st.text("abc ", max_size=6), st.booleans()), max_size=14)
Sent = list[tuple[float, str, bool]]


def best(policies: Bundle, sent: Sent, *, times: int = 1, split: bool = False) -> dict[str, float]:
    """The highest shadow score of each principal; with `split` the third part of a call says whose it is."""
    drive = Drive(policies, Mode.SHADOW)
    found: dict[str, float] = {}
    for gap, text, second in sent:
        drive.now += gap
        drive.who = Principal("q" if split and second else "p")
        for _ in range(times):
            score = drive.send(chat(text, echo=True)).shadow.score
            found[drive.who.id] = max(found.get(drive.who.id, 0.0), score)
    return found


@given(traffic)
@settings(deadline=None)
def test_splitting_a_principal_never_raises_either_part(sent: Sent) -> None:
    for body in (AMOUNTS, SHARE):
        made = bundle(policy(body))
        whole = best(made, sent).get("p", 0.0)
        assert all(part <= whole for part in best(made, sent, split=True).values())


@given(traffic, st.sampled_from(["skip", "{ramp: 2x}", "{points: 0.5x}"]), st.sampled_from([10, 30, 100]))
@settings(deadline=None)
def test_doubling_traffic_never_lowers_a_score_exempt_or_not(sent: Sent, effect: str, until: int) -> None:
    for documents in ((policy(SHARE),), (policy(SHARE), exemption(effect, "probe.burst", until_score=until))):
        made = bundle(*documents)
        assert best(made, sent, times=2).get("p", 0.0) >= best(made, sent).get("p", 0.0)


@given(traffic, st.floats(0.01, 1.0))
@settings(deadline=None)
def test_a_tenant_with_fewer_points_never_scores_higher(sent: Sent, part: float) -> None:
    tenant = (
        "---\nkind: tenant\nid: t\ntitle: T\nprincipals: [p]\n"
        f"set: {{probe.signals.burst.points: {60 * part}, probe.cap: {100 * part}}}\n"
    )
    plain, eased = bundle(policy(AMOUNTS)), bundle(policy(AMOUNTS), tenant)
    assert best(eased, sent).get("p", 0.0) <= best(plain, sent).get("p", 0.0)
