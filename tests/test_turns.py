"""The new turn is scored, the replayed history is not, and hiding in the history does not help."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway import turns
from gateway.model import Role, Turn
from gateway.stores.memory import MemoryStore


def _talk(*pieces: tuple[Role, str]) -> tuple[Turn, ...]:
    return tuple(Turn(role, text) for role, text in pieces)


def _score(store: MemoryStore, conversation: Sequence[Turn]) -> list[str]:
    """Texts that would be scored, remembering as the engine does."""
    conversation = tuple(conversation)
    ((reading,),) = store.apply([("p", [turns.QUERY])], 0.0)
    texts = [turn.text for turn in turns.fresh(conversation, reading.data)]
    store.apply([("p", turns.enter(conversation))], 0.0)
    return texts


def test_a_first_message_is_all_new() -> None:
    talk = _talk(("system", "be kind"), ("user", "hello"), ("user", "again"))
    assert _score(MemoryStore(1), talk) == ["be kind", "hello", "again"]


def test_a_growing_chat_is_scored_turn_by_turn() -> None:
    store = MemoryStore(1)
    talk: list[Turn] = [Turn("system", "be kind")]
    for i in range(50):
        talk.append(Turn("user", f"question {i}"))
        assert _score(store, talk) == ["be kind", f"question {i}"]
        talk.append(Turn("assistant", f"answer {i}"))


def test_history_that_was_never_sent_is_new_text_in_disguise() -> None:
    talk = _talk(("user", "harvest this"), ("assistant", "ok"), ("user", "go on"))
    assert _score(MemoryStore(1), talk) == ["harvest this", "go on"]


def test_a_sliding_window_over_the_history_stays_known() -> None:
    store = MemoryStore(1)
    talk = _talk(("user", "one"), ("assistant", "a"), ("user", "two"))
    _score(store, talk[:1])
    _score(store, talk)
    assert _score(store, (*talk[2:], *_talk(("assistant", "b"), ("user", "three")))) == ["three"]


def test_tool_results_and_prefill_belong_to_the_new_turn() -> None:
    store = MemoryStore(1)
    talk = _talk(("user", "run it"), ("assistant", "call"), ("tool", "result"), ("assistant", "Sure, "))
    _score(store, talk[:1])
    assert _score(store, talk) == ["result", "Sure, "]


def test_the_same_prompt_again_is_scored_again() -> None:
    store = MemoryStore(1)
    talk = _talk(("user", "same"))
    assert _score(store, talk) == _score(store, talk) == ["same"]


def test_a_conversation_without_user_turns_is_new_and_remembers_nothing() -> None:
    talk = _talk(("system", "only"), ("assistant", "prefill"))
    assert turns.fresh(talk, b"") == talk
    assert turns.enter(talk) == ()


def test_memory_is_bounded() -> None:
    store = MemoryStore(1)
    for i in range(1000):
        _score(store, _talk(("user", f"q{i}")))
    ((reading,),) = store.apply([("p", [turns.QUERY])], 0.0)
    assert len(reading.data) == 8 * turns.KEPT


@given(st.lists(st.sampled_from(["user", "assistant", "tool", "system"]), max_size=12), st.integers(0, 11))
def test_unseen_user_text_is_scored_wherever_it_stands(roles: list[Role], place: int) -> None:
    talk = [Turn(role, f"t{i}") for i, role in enumerate(roles)]
    talk.insert(min(place, len(talk)), Turn("user", "payload"))
    assert "payload" in [turn.text for turn in turns.fresh(tuple(talk), b"")]
