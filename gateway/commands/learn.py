"""`gateway tune --learn`: ramps, points and caps from recorded traffic. The options are those of `tune`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.commands.edits import Edit, apply_edits
from gateway.evaluation.calibrated import calibration_sections, described, number
from gateway.evaluation.calibration import Calibration, Periods, calibrate
from gateway.evaluation.learning import Lesson, Seen, Terms
from gateway.evaluation.observed import Observed, measured, probing, rules

if TYPE_CHECKING:
    from gateway.adapters.trial import Trace
    from gateway.evaluation.cases import Kind, Label
    from gateway.policies.bundle import Bundle


def run(options: argparse.Namespace) -> int:
    """Learn, report, and write if that was asked for; 1 when there is nothing that may be written."""
    from gateway.adapters.trial import read_trace
    from gateway.evaluation.report import encode
    from gateway.evaluation.sections import COUNTERFACTUAL, COUNTING
    from gateway.evaluation.text import markdown, text
    from gateway.policies.load import load_bundle

    bundle = load_bundle(options.policies)
    begins, ends = options.fit
    names = _names(bundle, options.learn)
    terms = Terms(options.max_benign, ends - begins, names, stricter=not options.looser_only)
    trace = read_trace(options.files, quiet=options.quiet, config=options.config, secret=options.secret_file)
    learner = _Learner(options, trace)
    seen = learner.watch(bundle)
    made = calibrate(bundle, seen, terms, learner.measure)
    parts, footer = calibration_sections(made), (COUNTING, COUNTERFACTUAL)
    lines = (f"bundle {bundle.hash} · {learner.units:,} benign principals or organisations in the fit",)
    if options.output == "json":
        sys.stdout.buffer.write(encode(made))
    elif options.output == "markdown":
        sys.stdout.write(markdown("Calibration", lines, parts, footer))
    else:
        sys.stdout.write(text(lines, parts, footer))
    return _write(options, bundle, made, learner.units) if options.write else 0


def _names(bundle: Bundle, asked: Sequence[str]) -> frozenset[str]:
    from gateway.errors import ConfigError, Place
    from gateway.words import quote, suggest

    known = [rule.name for policy in bundle.policies for rule in rules(policy)]
    known += [policy.id for policy in bundle.policies]
    for name in asked:
        if name not in known:
            message = f"no policy and no windowed signal with a ramp {quote(name)}{suggest(name, known)}"
            raise ConfigError.at(Place("--learn"), message)
    return frozenset(asked)


class _Learner:
    """Replays the trace: once for the values, then for every set of changes, in a copy of the policies."""

    def __init__(self, options: argparse.Namespace, trace: Trace) -> None:
        from gateway.evaluation.labels import read_labels

        self._options, self._trace = options, trace
        self._said: Mapping[str, Label] = {} if options.labels is None else read_labels(options.labels)
        self.units = 0
        """Benign principals of the fit, an organisation once."""

    def watch(self, bundle: Bundle) -> Seen:
        """The highest values in the fit, by what the principals are."""
        from gateway.adapters.trial import play_records
        from gateway.evaluation.cases import kind_of
        from gateway.model import Mode
        from gateway.records import Record

        observed, since = Observed(bundle), _Since(self._options.fit)

        def sink(record: Record) -> None:
            if since.holds(record.ts):
                observed.add(record)

        found = play_records(self._trace, probing(bundle), Mode.SHADOW, sink)
        labels = {**found, **self._said}

        def kind(who: str) -> Kind:
            said = kind_of(labels[who].text) if who in labels else "unlabelled"
            return "benign" if said == "unlabelled" and self._options.assume_benign else said

        self.units = len({unit for who, unit in observed.units.items() if kind(who) == "benign"})
        names = measured(bundle)
        return Seen(
            {name: observed.highest(name, lambda who: kind(who) == "benign") for name in names},
            {name: observed.highest(name, lambda who: kind(who) == "extraction") for name in names},
        )

    def measure(self, lessons: Sequence[Lesson]) -> Periods:
        """The cases of both periods under the changed policies; nobody is refused meanwhile."""
        from gateway.adapters.trial import play
        from gateway.evaluation.cases import Cases
        from gateway.evaluation.entries import Entry
        from gateway.model import Mode

        bundle = self._changed(lessons)
        options = self._options
        periods = tuple(
            (_Since(span), Cases(bundle, assume_benign=options.assume_benign))
            for span in (options.fit, options.check)
        )

        def sink(entry: Entry) -> None:
            for since, cases in periods:
                if since.holds(entry.ts):
                    cases.add(entry)

        found = play(self._trace, bundle, Mode.SHADOW, sink)
        for _, cases in periods:
            cases.label({**found, **self._said})
        (_, fit), (_, check) = periods
        return fit, check

    def _changed(self, lessons: Sequence[Lesson]) -> Bundle:
        """What would be written, loaded as it would be."""
        from gateway.policies.load import load_bundle

        with tempfile.TemporaryDirectory() as home:
            copy = Path(home) / "policies"
            shutil.copytree(self._options.policies, copy)
            apply_edits(copy, edits(lessons))
            return load_bundle(copy)


class _Since:
    """Whether a time is in a part of the trace, which begins with the first time that is asked about."""

    def __init__(self, span: tuple[float, float]) -> None:
        self._span = span
        self._begins: float | None = None

    def holds(self, ts: float) -> bool:
        """Whether `ts` is in it."""
        if self._begins is None:
            self._begins = ts
        return self._span[0] <= ts - self._begins < self._span[1]


def edits(lessons: Iterable[Lesson]) -> Iterator[Edit]:
    """The values that change in the files."""
    for one in lessons:
        policy, _, signal = one.name.partition(".")
        document, where = ("policy", policy), ("signals", signal) if signal else ()
        if one.what != "ramp":
            yield Edit(document, (*where, one.what), number(one.new[0]), before="signals")
            continue
        for at, (old, new) in enumerate(zip(one.old, one.new, strict=True)):
            if old != new:
                yield Edit(document, (*where, "ramp", at), number(new))


def _write(options: argparse.Namespace, bundle: Bundle, made: Calibration, benign: int) -> int:
    """Put the numbers into the files, and into every policy that was asked for on what they stand."""
    if made.contradicted and any(one.move == "stricter" for one in made.changes):
        sys.stderr.write("nothing written: the check contradicts stricter numbers\n")
        return 1
    if not benign:
        sys.stderr.write("nothing written: no principal is known to be benign\n")
        return 1
    hours = (options.fit[1] - options.fit[0]) / 3600
    note = f"{options.note}: {benign:,} benign principals in {hours:g}h, bound {100 * made.bound:g}%"
    asked = dict.fromkeys(one.name.partition(".")[0] for one in made.lessons)
    notes = [Edit(("policy", name), ("calibrated",), f'"{note}"', before="signals") for name in asked]
    places = apply_edits(options.policies, [*edits(made.changes), *notes])
    for one in made.changes:
        sys.stderr.write(f"{described(one)}\n")
    sys.stderr.write(f"{len(places) - len(notes)} values written, notes in {len(notes)} policies\n")
    return 0
