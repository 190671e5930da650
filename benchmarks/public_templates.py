"""Whether customers who share a public prompt template are linked, and campaigns in other words still are.

    python -m benchmarks.public_templates DATA [--every N]

DATA is the directory of evaluation data, with `prompts` below it. Every N-th template is given to two dozen
customers of different organisations, in turn under three system prompts, each a dozen times with ever-new
contents; of strangers with one job no more is known. A template counts as linked if half of them would stand
in a campaign by `policies/campaign.yaml`. Nothing here was tuned: the shipped pack holds all templates of
the first row, so what it says of others is in the rows below.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

import msgspec

from gateway.campaigns.linker import Linker
from gateway.campaigns.operations import Frame
from gateway.corpora import Corpus, Origin, build, decode
from gateway.packed import opened
from gateway.signals.frames import frame, opening
from gateway.signals.templates import SLOT, STATEMENT, pieces, remainder

PACK = Path(__file__).parents[1] / "policies" / "corpora" / "public-frames.corpus"
CUSTOMERS = 24
ROUNDS = 12
GAP = 60.0
WEEK = 7 * 86400.0
ORGANISATIONS, COVERS = 16, 2
"""What policies/campaign.yaml asks for."""
SYSTEMS = ("", "You are a helpful writing aide.", "Act as a patient tutor")
LONGEST = 400
"""Characters of one piece of contents."""
CONTENTS = {
    "speeches": "state_union_paragraphs",
    "questions": "clinc150",
    "Chinese": "instructionwild_user_prompts",
}
EXCHANGED = 5
"""In a reworded template one in so many words is another."""
_CJK = range(0x4E00, 0xA000)


class _Row(msgspec.Struct, frozen=True):
    """A line of a file of prompts."""

    source: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table: whose templates, and which of their pieces are taken away; None for none."""

    name: str
    templates: Sequence[_Row]
    pack: Callable[[_Row], Corpus | None]


def rows(data: Path, name: str) -> list[_Row]:
    """The prompts of one source."""
    with opened(data / "prompts" / f"{name}.jsonl.gz") as lines:
        return [msgspec.json.decode(line, type=_Row) for line in lines]


def contents(data: Path, kind: str) -> list[str]:
    """What is filled in, each once, in an order of its own."""
    found = {row.prompt[:LONGEST] for row in rows(data, CONTENTS[kind])}
    if kind == "Chinese":
        # The source is of two languages; before the last mark stands a letter that tells.
        found = {text for text in found if ord(text[-2:][0]) in _CJK}
    ordered = sorted(found)
    random.Random(3).shuffle(ordered)
    return ordered


def filled(template: str, items: Iterator[str]) -> str:
    """The template with contents: in its slots, or below it where it has none."""
    template = STATEMENT.sub("", template)
    if SLOT.search(template):
        return SLOT.sub(lambda _: next(items), template)
    return f"{template}\n\n{next(items)}"


def reworded(template: str) -> str:
    """The template with one word in EXCHANGED another, slots left alone."""
    template = STATEMENT.sub("", template)
    slots = iter([*SLOT.findall(template), ""])
    counter = count(1)

    def other(word: re.Match[str]) -> str:
        return word[0] if next(counter) % EXCHANGED else word[0][::-1]

    return "".join(re.sub(r"[A-Za-z]+", other, part) + next(slots) for part in SLOT.split(template))


def linked(template: str, items: Sequence[str], pack: Corpus | None) -> bool:
    """Whether half of the customers of one template stand in a campaign in the end."""
    linker, now, supply = Linker(1000), 0.0, cycle(items)
    for _ in range(ROUNDS):
        for customer in range(CUSTOMERS):
            now += GAP
            found: Frame = frame(filled(template, supply))
            found = remainder(found, pack) if pack else found
            if found.pieces:
                kinds = (opening(SYSTEMS[customer % len(SYSTEMS)]), 0, 0)
                linker.hear(f"customer-{customer}", None, found, kinds, now)
    campaigns = [linker.standing(f"customer-{customer}") for customer in range(CUSTOMERS)]
    evidence = [campaign.evidence(WEEK, now) for campaign in campaigns if campaign]
    stands = [one for one in evidence if one.circles >= ORGANISATIONS and one.covers >= COVERS]
    return 2 * len(stands) >= CUSTOMERS


def cases(data: Path, every: int) -> list[Case]:
    """All rows: known templates, unknown ones in two ways, and those of data-making frameworks."""
    public = rows(data, "benign_templates")
    shipped = decode(PACK.read_bytes())
    origin = Origin("others", "others", "-", "-", 0, "frames")
    others = {
        source: build(
            origin, [row.prompt for row in public if row.source != source], pieces, common=None
        )
        for source in {row.source for row in public}
    }  # fmt: skip
    some, made = public[::every], rows(data, "distill_templates")[::every]
    again = [msgspec.structs.replace(row, prompt=reworded(row.prompt)) for row in some]
    return [
        Case("public templates, nothing taken away", some, lambda row: None),
        Case("public templates, the shipped pack", some, lambda row: shipped),
        Case("a pack without the template's framework", some, lambda row: others[row.source]),
        Case("one word in five is another", again, lambda row: shipped),
        Case("data-making templates, nothing taken away", made, lambda row: None),
        Case("data-making templates, the shipped pack", made, lambda row: shipped),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.public_templates", description=__doc__)
    parser.add_argument("data", type=Path, help="the directory of evaluation data")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th template (default: 1)")
    given = parser.parse_args(arguments)
    supply = {kind: contents(given.data, kind) for kind in CONTENTS}
    sys.stdout.write(
        f"{'templates whose customers are linked, with':44}{''.join(f'{k:>14}' for k in supply)}\n"
    )
    for case in cases(given.data, given.every):
        sys.stdout.write(f"{case.name:44}")
        for items in supply.values():
            hits = sum(linked(row.prompt, items, case.pack(row)) for row in case.templates)
            sys.stdout.write(f"{f'{hits} of {len(case.templates)}':>14}")
            sys.stdout.flush()
        sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
