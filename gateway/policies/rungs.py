"""Ladder documents → `Ladder`: rungs in order, actions built and merged from below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.actions.base import Action
from gateway.actions.log import Log
from gateway.marks.greenlist import Vocabulary
from gateway.policies.bundle import Ladder, Requires, Rung
from gateway.policies.problems import Problems
from gateway.policies.schema import LadderDocument, RungDocument
from gateway.strict_yaml import Document, Path
from gateway.words import quote, suggest

CORROBORATED = 2
"""Policies that must agree before anyone is refused: any single detector is wrong about some honest
program (threats.md, 1.3), two that see different things rarely about the same one."""


PLANNED = frozenset({"notify", "warn", "challenge"})
"""Actions that the design names and a later version brings."""


def _with_log(actions: Mapping[str, Action]) -> Mapping[str, Action]:
    """Where text is altered the record must say so: such a rung logs, whether it was told to or not."""
    if "log" in actions or not any(action.alters_text for action in actions.values()):
        return actions
    return {Log.name: Log(Log.options_type()), **actions}


@dataclass(slots=True)
class LadderCompiler:
    """Compiles one ladder; mistakes go to `problems`, parsed options to `canonical` by their path.

    `vocabularies` are those that actions may name; `lost`: some documents could not be read, so that one
    which is not there is no mistake of the ladder's.
    """

    actions: Mapping[str, type[Action]]
    problems: Problems
    canonical: dict[Path, Any]
    vocabularies: Mapping[str, Vocabulary]
    lost: bool

    def compile(self, document: Document, model: LadderDocument) -> Ladder:
        """The ladder, complete if no problem was found."""
        rungs: list[Rung] = []
        below: Mapping[str, Action] = {}
        for name, rung in sorted(model.rungs.items(), key=lambda item: item[1].at):
            path: Path = ("rungs", name)
            if rungs and rungs[-1].at == rung.at:
                self.problems.add(document, (*path, "at"), f"rung '{rungs[-1].id}' stands there already")
            below = _with_log({**below, **self._actions(document, path, rung)})
            rungs.append(self._rung(document, path, name, rung, below))
        return Ladder(model.id, tuple(rungs))

    def _rung(
        self, document: Document, path: Path, name: str, rung: RungDocument, actions: Mapping[str, Action]
    ) -> Rung:
        clear = rung.at if rung.clear is None else rung.clear
        if clear > rung.at:
            self.problems.add(document, (*path, "clear"), f"must not be above 'at' ({rung.at:g})")
        if "reject" in actions and rung.requires.policies < CORROBORATED:
            message = f"'reject' without requires: {{policies: {CORROBORATED}}} lets one policy refuse alone"
            self.problems.warn(document, path, message)
        for kind in sorted(kind for kind, action in actions.items() if action.opt_in):
            if rung.requires.policies < CORROBORATED or not rung.requires.principal_age:
                message = (
                    f"'{kind}' without requires: {{policies: 2, principal_age: 1h}} alters answers early"
                )
                self.problems.warn(document, path, message)
        asked = rung.requires
        requires = Requires(asked.policies, asked.principal_age, asked.sustained)
        return Rung(name, rung.at, clear, requires, actions)

    def _actions(self, document: Document, rung: Path, model: RungDocument) -> dict[str, Action]:
        built: dict[str, Action] = {}
        for index, entry in enumerate(model.do):
            path = (*rung, "do", index)
            if len(entry) != 1:
                self.problems.add(document, path, "write one 'action: options' per entry")
                continue
            ((name, raw),) = entry.items()
            path = (*path, name)
            if name not in self.actions:
                message = f"unknown action {quote(name)}{suggest(name, self.actions)}"
                if name in PLANNED:
                    message = f"action '{name}' comes with a later version"
                self.problems.unknown(document, path, message)
            elif name in built:
                self.problems.unknown(document, path, f"action '{name}' is named twice on this rung")
            elif action := self._action(document, path, self.actions[name], raw):
                built[name] = action
        return built

    def _action(self, document: Document, path: Path, kind: type[Action], raw: object) -> Action | None:
        try:
            options: BaseModel = kind.options_type.model_validate({} if raw in (True, None) else raw)
            action = kind(options)  # type: ignore[arg-type]  # each class is built from its own options_type
        except ValidationError as error:
            self.problems.explain(document, error, kind.options_type, path)
            return None
        except ValueError as error:
            self.problems.add(document, path, str(error))
            return None
        self.canonical[path] = options.model_dump(mode="json")
        try:
            return action.prepare(self.vocabularies)
        except LookupError as error:
            if not self.lost:
                self.problems.add(document, path, str(error.args[0]))
            return None
        except ValueError as error:
            self.problems.add(document, path, str(error))
            return None
