"""What an operator reads."""

from __future__ import annotations

from gateway.explain.text import text
from gateway.explain.view import Context, explain
from tests.explain.test_view import ECHOED, last, line
from tests.policytests.support import BUNDLE
from tests.support import bundle, policy


def test_the_table_reads_as_in_the_documentation() -> None:
    told = line(last(ECHOED))
    context = Context(told["ts"] - 200 * 86_400, told["ts"] - 540, 10, matched=("phrases.one",))
    lines = text(explain(told, BUNDLE, context)).splitlines()
    assert (
        lines[0] == f"somebody (200 days)   bundle {BUNDLE.hash} · 9m into the trace · request 10 · replay-10"
    )
    assert lines[1:3] == ["/v1/chat/completions test-model → 200", "matches phrases.one"]
    cells = [" ".join(entry.split()) for entry in lines]
    assert "signal value harmless → certain strength points mode" in cells
    assert "echoing.echo 1 yes or no 1.00 40.0 enforce" in cells
    assert "counting.many 10 in 1h 0 → 100 0.10 6.0 enforce (warming 15%)" in cells
    assert "echoing 40.0 40.0 40.0 40 enforce (peak halves in 1h)" in cells
    assert [entry for entry in lines if entry][-4:] == [
        "shadow score    46.0  → narrow (at 35)",
        "enforced score  46.0  → narrow (at 35)",
        "next rung: throttle at 50 — score 50 (has 46)",
        "did: log; logprobs max_top=5 decimals=2",
    ]


def test_shares_read_as_percentages_and_large_numbers_with_commas() -> None:
    shares = policy(
        """
        signals:
          share: {ratio: {where: {request.echo: true}, over: 1h, min: 2}, ramp: [0.25, 0.75], points: 10}
          out: {count: {of: output_tokens, over: 24h}, ramp: [1000, 400000], points: 10}
          temperature: {field: request.temperature, ramp: [0.5, 2], points: 10}
        """
    )
    policies = bundle(shares)
    traffic = "every: 1s, times: 4, request: {echo: true, temperature: 1.25}, usage: {output_tokens: 50000}"
    cells = [
        " ".join(entry.split())
        for entry in text(explain(line(last(traffic, policies)), policies)).splitlines()
    ]
    assert "probe.share 100% of 4 in 1h 25% → 75% 1.00 10.0 enforce (warming 0%)" in cells
    assert "probe.out 150,000 in 24h 1,000 → 400,000 0.37 3.7 enforce (warming 0%)" in cells
    assert "probe.temperature 1.25 0.5 → 2 0.50 5.0 enforce" in cells


def test_a_quiet_request_says_so_without_empty_tables() -> None:
    said = text(explain(line(last("every: 1s, times: 1, route: /v1/embeddings", bundle(policy(
        "signals: {e: {request: {request.echo: true}, points: 1}}"
    )))), None))  # fmt: skip
    assert "no signal gave points on this request" in said
    assert "strength" not in said
    assert "peak" not in said
    assert "enforced score   0.0  → none" in said


def test_colours_are_only_for_terminals() -> None:
    found = explain(line(last(ECHOED)), BUNDLE)
    assert "\x1b[" not in text(found)
    assert "\x1b[" in text(found, color=True)


def test_options_of_responses_are_spelled_out() -> None:
    told = line(last(ECHOED)) | {
        "would": ["limit", "logprobs", "reject"],
        "shadow": {"score": 52.0, "rung": "throttle"},
    }
    said = text(explain(told, BUNDLE))
    assert "would have: limit requests=6/1m burst=2; logprobs max_top=0" in said
    assert said.rstrip().endswith("; reject")


def test_a_campaign_is_named_with_its_evidence() -> None:
    told = line(last(ECHOED))
    told["campaign"] = "c0123456789"
    told["signals"][0]["text"] = "17 organisations; campaign c0123456789: 17 accounts use one frame"
    assert "in campaign c0123456789: 17 accounts use one frame\n" in text(explain(told, BUNDLE))
    told["signals"] = []
    assert "in campaign c0123456789\n" in text(explain(told, BUNDLE))
