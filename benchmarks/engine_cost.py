"""CPU per call of the engine and bytes of state per principal, with the shipped policies.

    python -m benchmarks.engine_cost [--calls N] [--policies DIR]

One busy principal with ever-new prompts of 2 KB: the state at full history. Prints a small table; times
are of this machine, at this moment, and only good for comparing within one run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from time import process_time

from gateway.adapters.replay import Nobody
from gateway.exchange import Exchange, Head
from gateway.gate import Gate
from gateway.model import Client, Mode, Outcome, Principal, Usage
from gateway.policies.load import load_bundle
from gateway.stores.memory import MemoryStore

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in "prstvxz"]


def body(seed: int) -> bytes:
    """A chat body whose prompt has about 2 KB."""
    text = " ".join(random.Random(seed).choices(WORDS, k=500))
    message = {"role": "user", "content": f"Read the passage and answer in one word. Passage: {text}"}
    return json.dumps({"model": "m", "messages": [message], "temperature": 0.7}).encode()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--policies", type=Path, default=Path("policies"))
    options = parser.parse_args()
    store = MemoryStore(100)
    gate = Gate(load_bundle(options.policies), Mode.SHADOW, store, Nobody())
    bodies = [body(seed) for seed in range(options.calls)]
    spent = {"before forwarding": 0.0, "after forwarding": 0.0, "at the end": 0.0}
    for at, sent in enumerate(bodies):
        now = at * 86400 / options.calls
        head = Head("POST", b"/v1/chat/completions", [])
        marks = [process_time()]
        exchange = Exchange(gate, head, "id", now, as_principal=(Principal("p"), Client("192.0.2.1", "sdk")))
        exchange.judge(sent, now)
        marks.append(process_time())
        exchange.forwarded(now)
        marks.append(process_time())
        exchange.finish(Outcome(200, Usage(500, 200)), now)
        marks.append(process_time())
        for name, began, ended in zip(spent, marks, marks[1:], strict=False):
            spent[name] += ended - began
    for name, seconds in spent.items():
        sys.stdout.write(f"{name:<18} {seconds / options.calls * 1e6:8.0f} µs CPU per call\n")
    sys.stdout.write(f"{'state':<18} {store.nbytes('p'):8,} bytes for one principal at full history\n")


if __name__ == "__main__":
    main()
