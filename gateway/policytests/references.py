"""Whether what the tests name is there: policies, signals, rungs, responses, people."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.policies.bundle import Bundle
from gateway.policies.problems import Problems
from gateway.policytests.schema import NO_RUNG, ExpectDocument
from gateway.policytests.suites import Case, Suite
from gateway.policytests.traffic import senders
from gateway.policytests.trail import ladders, rung_order
from gateway.strict_yaml import Path
from gateway.words import quote, suggest


def check_references(suites: Iterable[Suite], bundle: Bundle) -> None:
    """Raises ConfigError with every name that means nothing under this bundle, and every name used twice."""
    problems = Problems()
    for suite in suites:
        _Checker(suite, bundle, problems).check()
    problems.check()


class _Checker:
    """The names of one document."""

    def __init__(self, suite: Suite, bundle: Bundle, problems: Problems) -> None:
        self._suite, self._problems = suite, problems
        self._known = {policy.id for policy in bundle.policies}
        chosen = self._known & set(suite.model.policies or self._known)
        self._policies = [policy for policy in bundle.policies if policy.id in chosen]
        self._signals = {f"{policy.id}.{signal.id}" for policy in self._policies for signal in policy.signals}
        self._rungs = rung_order(bundle)
        self._responses = {
            name for ladder in ladders(bundle) for rung in ladder.rungs for name in rung.actions
        }

    def check(self) -> None:
        for index, name in enumerate(self._suite.model.policies or ()):
            self._one("policy", name, self._known, ("policies", index))
        seen: set[str] = set()
        for case in self._suite.cases():
            if case.name in seen:
                self._problems.add(self._suite.document, (*case.path, "name"), "this name is taken already")
            seen.add(case.name)
            self._case(case)

    def _case(self, case: Case) -> None:
        for index, stream in enumerate(case.document.traffic):
            if stream.sender is not None:
                path = (*case.path, "traffic", index, "as")
                self._one("person", stream.sender, self._suite.model.people, path)
        for index, expect in enumerate(case.document.expect):
            self._expect(case, expect, (*case.path, "expect", index))

    def _expect(self, case: Case, expect: ExpectDocument, path: Path) -> None:
        for name in expect.fired:
            self._one("signal", name, self._signals, (*path, "fired", name))
        concerned = self._signals | {policy.id for policy in self._policies}
        for name in expect.silent or ():
            self._one("signal or policy", name, concerned, (*path, "silent"))
        if expect.rung is not None:
            self._one("rung", expect.rung, [NO_RUNG, *self._rungs], (*path, "rung"))
        for name in expect.never or ():
            self._one("rung", name, self._rungs, (*path, "never"))
        for name in expect.reaches:
            self._one("rung", name, self._rungs, (*path, "reaches", name))
        self._who(case, expect, path)
        if expect.response is not None:
            for key in ("applied", "would"):
                for name in getattr(expect.response, key):
                    self._one("response", name, self._responses, (*path, "response", key))

    def _who(self, case: Case, expect: ExpectDocument, path: Path) -> None:
        if any(stream.file is not None for stream in case.document.traffic):
            return  # its names are known only once it is read; an unknown one fails the case
        groups = senders(case)
        names = {*groups, *(name for group in groups.values() for name in group)}
        for name in expect.who or ():
            self._one("sender", name, names, (*path, "who"))

    def _one(self, what: str, name: str, known: Collection[str], path: Path) -> None:
        if name not in known:
            message = f"no {what} {quote(name)} here{suggest(name, known)}"
            self._problems.add(self._suite.document, path, message, at_key=False)
