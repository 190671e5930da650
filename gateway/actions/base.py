"""What a response may do: refuse, wait, edit the request, or edit the answer.

An action is compiled once from its options and is immutable. It never acts by itself: the engine asks
it, and the driver carries out what it says. An action that does not concern a call says so by
returning the neutral value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict

from gateway.actions.tasks import Notice, Task
from gateway.dialects.base import Dialect, Object
from gateway.marks.greenlist import Vocabulary
from gateway.marks.keyring import KeyRing
from gateway.model import Call, Principal, Refusal, Take

Verdict = Literal["kept", "changed", "drop"]


class Options(BaseModel):
    """Base of every action's options: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Editor(Protocol):
    """Edits one answer: the whole of it, or its stream events one after another (so it may keep state)."""

    def edit(self, message: Object) -> Verdict:
        """Change `message` in place. `drop` forgets the event (only in streams)."""
        ...

    def close(self) -> list[Object]:
        """Events to add at the end of the stream (held-back text); empty for most."""
        ...


class Action:
    """Base with neutral answers; a response overrides what it needs.

    Subclasses: `name` as in YAML, `Options` (pydantic) in the same file, `__init__(options)`.
    """

    name: ClassVar[str]
    options_type: ClassVar[type[Options]] = Options
    alters_text: ClassVar[bool] = False
    marks: ClassVar[bool] = False
    """Whether answers carry the principal's key, so that `gateway verify` may find it."""
    opt_in: ClassVar[bool] = False
    """Off unless `policies.allow_actions` names it: it changes what innocent people may read."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def prepare(self, vocabularies: Mapping[str, Vocabulary]) -> Self:
        """The action with what its options name in other documents, or itself.

        Raises LookupError with a message where there is no such document, ValueError where it does not fit.
        """
        return self

    def keyed(self, principal: Principal, ring: KeyRing, now: float) -> Action:
        """The action under the key of one principal at one time, or itself."""
        return self

    def refuse(self, call: Call) -> Refusal | None:
        """An answer in place of the model's."""
        return None

    def take(self, call: Call) -> Take | None:
        """A token to take from a bucket before going on."""
        return None

    def exhausted(self, wait: float) -> Refusal | None:
        """The answer when the bucket of `take` was empty; `wait` seconds until the next token."""
        return None

    def wait(self, call: Call) -> float:
        """Seconds to hold the request before it is forwarded."""
        return 0.0

    def notice(self, call: Call) -> Notice | None:
        """Something to tell the operator's system, if the token of `take` is granted. The call goes on
        either way."""
        return None

    def task(self, call: Call, body: Object) -> Task | None:
        """Something for the driver to do; `body` is the request as it will be forwarded."""
        return None

    def edit_request(self, call: Call, dialect: Dialect, body: Object) -> bool:
        """Change the decoded request body in place; whether anything changed."""
        return False

    def editor(self, call: Call, dialect: Dialect, body: Object) -> Editor | None:
        """An editor for the answer; `body` is the request as the *client* sent it."""
        return None
