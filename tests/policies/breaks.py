"""Ways to break one of the sample files, and what its author is told: a table, no code."""
# ruff: noqa: E501 - each message stands on one line, as its author reads it
# fmt: off

from __future__ import annotations

from gateway.signals import DETECTORS

_DETECTORS = ", ".join(DETECTORS)

# (which text, what stands there, what is written instead, the complaints)
BREAKS: list[tuple[str, str, str, list[str]]] = [
    # keys and words
    ("policy", "points: 15", "pionts: 15", [
        "0.yaml:15:3: error: signals.burst: missing key 'points'",
        "0.yaml:18:5: error: signals.burst: unknown key 'pionts' (did you mean 'points'?)",
    ]),
    ("policy", "mode: enforce", "mode: off", [
        "0.yaml:8:7: error: mode: 'off' is not one of disabled, shadow, enforce (did you mean 'disabled'?)"
    ]),
    ("policy", "kind: policy", "kind: polcy", [
        "0.yaml:1:7: error: kind: 'polcy' is not one of policy, patterns, ladder, tenant, exemption, vocabulary, tests (did you mean 'policy'?)"
    ]),
    ("policy", "kind: policy\n", "", ["0.yaml:1:1: error: missing key 'kind': policy, patterns, ladder, tenant, exemption, vocabulary, tests"]),
    ("policy", "title: A sample\n", "", ["0.yaml:1:1: error: missing key 'title'"]),
    ("policy", "id: sample", "id: Sample_1", [
        "0.yaml:2:5: error: id: an id is made of lower-case letters and digits, with '-' between: hourly-output"
    ]),
    ("policy", "version: 2", "version: '2'", ["0.yaml:3:10: error: version: write a whole number"]),
    ("policy", "AML.T0024.002", "T0024", [
        "0.yaml:6:22: error: references.0.atlas: not an ATLAS id; write AML.T0024.002, AML.M0004 or AML.CS0056"
    ]),
    ("policy", "{atlas: AML.T0024.002}", "{aisvs: V11}", [
        "0.yaml:6:22: error: references.0.aisvs: not an AISVS item; write C11.3 or C11.3.1"
    ]),
    ("policy", "{atlas: AML.T0024.002}", "{note: x}", [
        "0.yaml:6:14: error: references.0: give exactly one of atlas, aisvs, url"
    ]),
    ("policy", "rollout: 25%", "rollout: 25", ["0.yaml:9:10: error: rollout: not a percentage; write 0% … 100%"]),
    ("policy", "rollout: 25%", "rollout: {percent: 250%}", [
        "0.yaml:9:20: error: rollout.percent: not a percentage; write 0% … 100%"
    ]),
    ("policy", "rollout: 25%", "rollout: many", ["0.yaml:9:10: error: rollout: not a percentage; write 0% … 100%"]),
    ("policy", "half_life: 90m", "half_life: 90", [
        "0.yaml:13:12: error: half_life: write a duration with its unit: 500ms, 30s, 10m, 24h, 7d"
    ]),
    ("policy", "cap: 45", "cap: 145", ["0.yaml:12:6: error: cap: must be less than or equal to 100"]),
    # conditions
    ("policy", "request.endpoint:", "request.endpont:", [
        "0.yaml:10:9: error: match: unknown field 'request.endpont' (did you mean 'request.endpoint'?)"
    ]),
    ("policy", "[chat, messages]", "[chat, mesages]", [
        "0.yaml:10:34: error: match.request.endpoint.1: 'mesages' is not one of chat, completions, responses, messages, embeddings, count_tokens, models (did you mean 'messages'?)"
    ]),
    ("policy", "match: {request.endpoint: [chat, messages]}", "match: {response.status: 200}", [
        "0.yaml:10:1: error: match: reads the answer, but a policy's match is asked before it"
    ]),
    ("policy", "matches: '@words'", "matches: '@word'", [
        "0.yaml:21:44: error: signals.share.ratio.where.prompt.user.matches: no pattern set '@word' (did you mean '@words'?)"
    ]),
    ("policy", "matches: '@words'", "mathces: '@words'", [
        "0.yaml:21:35: error: signals.share.ratio.where.prompt.user: unknown operator 'mathces' (did you mean 'matches'?)"
    ]),
    ("policy", "'CANARY-[0-9a-f]+'", "'(a)\\1'", [
        "0.yaml:26:38: error: signals.canary.request.prompt.user.matches: not RE2: invalid escape sequence: \\1"
    ]),
    # detectors
    ("policy", "    count: {of: requests, over: 1m}\n", "", [
        f"0.yaml:15:3: error: signals.burst: give exactly one of {_DETECTORS}"
    ]),
    ("policy", "    ramp: [60, 300]\n", "    ramp: [60, 300]\n    field: request.n\n", [
        f"0.yaml:15:3: error: signals.burst: give exactly one of {_DETECTORS} (found: count, field)"
    ]),
    ("policy", "    count: {", "    cuont: {", [
        "0.yaml:16:5: error: signals.burst: unknown key 'cuont' (did you mean 'count'?)"
    ]),
    ("policy", "count: {of: requests, over: 1m}", "variety: {of: '@word', over: 1m, min: 1}", [
        "0.yaml:16:19: error: signals.burst.variety.of: no pattern set '@word' (did you mean '@words'?)"
    ]),
    ("policy", "count: {of: requests, over: 1m}", "variety: {of: words, over: 1m, min: 1}", [
        "0.yaml:16:19: error: signals.burst.variety.of: no pattern set 'words' (did you mean '@words'?)"
    ]),
    ("policy", "of: requests", "of: request", [
        "0.yaml:16:17: error: signals.burst.count.of: 'request' is not one of requests, prompts, input_tokens, output_tokens, logprob_tokens (did you mean 'requests'?)"
    ]),
    ("policy", "of: requests, over: 1m", "of: requests, ovr: 1m", [
        "0.yaml:16:5: error: signals.burst.count: missing key 'over'",
        "0.yaml:16:27: error: signals.burst.count: unknown key 'ovr' (did you mean 'over'?)",
    ]),
    ("policy", "over: 1m", "over: 0m", [
        "0.yaml:16:33: error: signals.burst.count.over: must be greater than 0"
    ]),
    ("policy", "over: 1m", "over: 60", [
        "0.yaml:16:33: error: signals.burst.count.over: write a duration with its unit: 500ms, 30s, 10m, 24h, 7d"
    ]),
    ("policy", "    count: {of: requests, over: 1m}", "    field: request.top_logprob", [
        "0.yaml:16:12: error: signals.burst.field: not a number field: 'request.top_logprob' (did you mean 'request.top_logprobs'?)"
    ]),
    ("policy", "    count: {of: requests, over: 1m}", "    count: many", [
        "0.yaml:16:12: error: signals.burst.count: write a mapping (key: value)"
    ]),
    # ramps, floors, words
    ("policy", "ramp: [60, 300]", "ramp: [60, 60]", [
        "0.yaml:17:5: error: signals.burst.ramp: the two numbers of a ramp must differ"
    ]),
    ("policy", "ramp: [60, 300]", "ramp: [60]", [
        "0.yaml:17:5: error: signals.burst.ramp: write two numbers: [harmless, certain]"
    ]),
    ("policy", "ramp: [60, 300]", "ramp: [60, true]", [
        "0.yaml:17:5: error: signals.burst.ramp: write two numbers: [harmless, certain]"
    ]),
    ("policy", "    ramp: [60, 300]\n", "", [
        "0.yaml:15:3: error: signals.burst: missing key 'ramp': [harmless, certain]"
    ]),
    ("policy", "    points: 40\n", "    points: 40\n    ramp: [0, 1]\n", [
        "0.yaml:28:5: error: signals.canary: 'request' is yes or no and takes no ramp"
    ]),
    ("policy", "floor: throttle", "floor: throtle", [
        "0.yaml:28:12: error: signals.canary.floor: no rung 'throtle' (did you mean 'throttle'?)"
    ]),
    ("policy", "floor: throttle", "floor: refuse", [
        "0.yaml:28:12: error: signals.canary.floor: one signal may not lift to 'refuse', which needs 2 policies"
    ]),
    ("policy", "{value:.0f} in", "{values} in", [
        "0.yaml:19:10: error: signals.burst.why: unknown word 'values': use {value}, {n}, {over}, {lo}, {hi}"
    ]),
    ("policy", "{value:.0f} in", "{value.real} in", [
        "0.yaml:19:10: error: signals.burst.why: unknown word 'value.real': use {value}, {n}, {over}, {lo}, {hi}"
    ]),
    ("policy", "{value:.0f} in", "{value:999999999} in", [
        "0.yaml:19:10: error: signals.burst.why: write a format such as {value:.0%} or {value:,.0f}"
    ]),
    ("policy", "{value:.0f} in", "{value!r} in", [
        "0.yaml:19:10: error: signals.burst.why: write a format such as {value:.0%} or {value:,.0f}"
    ]),
    ("policy", "{value:.0f} in", "{value in", [
        "0.yaml:19:10: error: signals.burst.why: not a format: unexpected '{' in field name"
    ]),
    # patterns
    ("patterns", "\\breasoning", "(?=x)reasoning", [
        "1.yaml:6:12: error: items.trace.regex: not RE2: invalid perl operator: (?="
    ]),
    ("patterns", "- Good seasoning", "- Good reasoning", [
        "1.yaml:9:9: error: items.trace.pass.0: matches its counter-example 'Good reasoning'"
    ]),
    ("patterns", "[Your reasoning please]", "[Your seasoning please]", [
        "1.yaml:7:13: error: items.trace.match.0: does not match its example 'Your seasoning please'"
    ]),
    ("patterns", "weight: 0.5", "weight: 1.5", ["1.yaml:12:13: error: items.other.weight: must be less than or equal to 1"]),
    ("patterns", "weight: 0.5", "wieght: 0.5", [
        "1.yaml:12:5: error: items.other: unknown key 'wieght' (did you mean 'weight'?)"
    ]),
    # ladder
    ("ladder", "reject: {", "rejct: {", [
        "2.yaml:10:9: error: rungs.refuse.do.0: unknown action 'rejct' (did you mean 'reject'?)"
    ]),
    ("ladder", "burst: 5", "brust: 5", [
        "2.yaml:19:34: error: rungs.throttle.do.0.limit: unknown key 'brust' (did you mean 'burst'?)"
    ]),
    ("ladder", "20/1m", "20", ["2.yaml:19:27: error: rungs.throttle.do.0.limit.requests: write a rate as count/duration: 20/1m"]),
    ("ladder", "reject: {", "notify: {", [
        "2.yaml:10:9: error: rungs.refuse.do.0: action 'notify' comes with a later version"
    ]),
    ("ladder", "at: 35", "at: 50", ["2.yaml:22:5: error: rungs.narrow.at: rung 'throttle' stands there already"]),
    ("ladder", "at: 35", "at: 350", ["2.yaml:22:9: error: rungs.narrow.at: must be less than or equal to 100"]),
    ("ladder", "clear: 40", "clear: 60", ["2.yaml:17:5: error: rungs.throttle.clear: must not be above 'at' (50)"]),
    ("ladder", "      - log: true\n", "      - {log: true, cap: {n: 1}}\n", [
        "2.yaml:14:9: error: rungs.watch.do.0: write one 'action: options' per entry"
    ]),
    ("ladder", "      - log: true\n", "      - log: true\n      - log: {}\n", [
        "2.yaml:15:9: error: rungs.watch.do.1: action 'log' is named twice on this rung"
    ]),
]
