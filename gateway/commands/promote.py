"""`gateway promote`: from shadow to enforce, by an edit of the policy file that a reload takes up."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.commands.edits import Edit
    from gateway.policies.bundle import Bundle, Policy

_EXAMPLE = """\
The policy's `mode: shadow` becomes `mode: enforce` in its file; comments and layout stay. A gateway that
watches the directory takes it up within a second, and it acts as far as `policies.ceiling` and the rollout
let it.

Its enforced score begins at zero: what somebody did while the policy was in shadow is not held against
them. With --carry, which writes `carry: true`, what it found in shadow counts at once, as far as it has
not faded; use it for a policy that was put to shadow by mistake.

Before: gateway report (its readiness card), gateway replay. After: look at gateway report again.

examples:
  gateway promote coverage
  gateway promote coverage elicitation --policies /etc/stillgate/policies
  gateway promote --all --carry

exit codes: 0 done, or nothing to do; 2 there is no such policy, or the policies would not load
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "promote",
        help="let policies act that were in shadow",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    who = parser.add_mutually_exclusive_group(required=True)
    # Not required by itself, or it could not be left out beside --all.
    who.add_argument("ids", nargs="*", default=[], metavar="POLICY", help="which policies, by their ids")
    who.add_argument("--all", action="store_true", help="every policy that is in shadow")
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    parser.add_argument("--carry", action="store_true", help="what they found in shadow counts at once")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Let policies act that were in shadow: sets their mode to enforce, in their files."""
    from gateway.commands.edits import apply_edits
    from gateway.policies.load import load_bundle

    bundle = load_bundle(options.policies)
    chosen = _chosen(bundle, options.ids)
    edits = [(policy, list(_edits(policy, carry=options.carry))) for policy in chosen]
    places = iter(apply_edits(options.policies, [edit for _, each in edits for edit in each]))
    for policy, each in edits:
        place, *_ = [next(places) for _ in each]
        begins = "with what it found in shadow" if options.carry else "at zero"
        sys.stdout.write(f"{place}: {policy.id}: shadow → enforce, its enforced score begins {begins}\n")
        for note in _notes(policy):
            sys.stdout.write(f"  {note}\n")
    if not edits:
        sys.stdout.write("nothing to promote: no policy that was asked for is in shadow\n")
    return 0


def _chosen(bundle: Bundle, ids: Sequence[str]) -> list[Policy]:
    """The policies to promote; without `ids` all that are in shadow. Raises ConfigError."""
    from gateway.errors import ConfigError, Place
    from gateway.model import Mode
    from gateway.words import quote, suggest

    known = {policy.id: policy for policy in bundle.policies}
    problems = [
        (Place("POLICY"), f"no policy {quote(name)}{suggest(name, known)}")
        for name in ids
        if name not in known
    ]
    problems += [
        (Place("POLICY"), f"'{name}' is disabled: see what it finds in mode shadow first")
        for name in ids
        if name in known and known[name].mode is Mode.DISABLED
    ]
    if problems:
        raise ConfigError(problems)
    wanted = dict.fromkeys(ids or known)
    return [known[name] for name in wanted if known[name].mode is Mode.SHADOW]


def _edits(policy: Policy, *, carry: bool) -> Iterator[Edit]:
    from gateway.commands.edits import Edit

    document = ("policy", policy.id)
    yield Edit(document, ("mode",), "enforce", before="signals")
    if carry != policy.carry:
        yield Edit(document, ("carry",), str(carry).lower(), before="signals")


def _notes(policy: Policy) -> Iterator[str]:
    """What still keeps it, or a part of it, from acting."""
    from gateway.model import Mode

    rollout = policy.rollout
    if rollout.share < 1 or rollout.holdout:
        without = f", without a holdout of {100 * rollout.holdout:.4g}%" if rollout.holdout else ""
        yield f"rollout: it acts on {100 * rollout.share:.4g}% of those it may act on{without}"
    waiting = [signal.id for signal in policy.signals if signal.mode is Mode.SHADOW]
    if waiting:
        yield f"still in shadow by themselves: {', '.join(waiting)}"
