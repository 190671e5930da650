"""Two plans read once what they have in common, and each finds its readings in its own order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Op, Reading, Register
from gateway.planner import plan
from gateway.sharing import Sharing
from tests.support import bundle, policy

keys = st.lists(st.sampled_from("abcdefgh"), unique=True).map(
    lambda names: [Register(name) for name in names]
)


def answers(ops: list[Op]) -> list[Reading]:
    """Readings that name their counter."""
    return [Reading((float(ord(op.key)),)) for op in ops]


@given(st.tuples(keys, keys), st.tuples(keys, keys))
def test_nothing_is_read_twice_and_everything_is_found(
    first: tuple[list[Op], list[Op]], second: tuple[list[Op], list[Op]]
) -> None:
    sharing = Sharing(first, second)
    rest = sharing.batches(("own", "shared"))
    for scope, ops in rest:
        assert ops
        assert not {op.key for op in ops} & {op.key for op in first[scope == "shared"]}
    # The batch of an organisation is asked for only where there is one.
    before = [answers(ops) for ops in (first if first[1] else first[:1])]
    found = sharing.readings(before, [answers([*ops]) for _, ops in rest])
    assert found == [answers(ops) for ops in (second if second[1] else second[:1])]


def test_what_was_worked_out_for_two_plans_is_kept() -> None:
    made = bundle(policy("signals: {s: {request: {request.n: 1}, points: 9}}"))
    active, trial = plan(made), plan(made, trial=True)
    assert trial.beside(active) is trial.beside(active)
    assert trial.beside(active) is not trial.beside(plan(made))
