"""`gateway verify`: whose mark texts carry, or the answers of a model that may have learnt from ours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.marks.evidence import Evidence
    from gateway.marks.greenlist import Vocabulary
    from gateway.marks.verdict import Candidate, Verdict

_PROSE = "prose"
"""How the mark of `perturb` is called beside the vocabularies of `watermark`."""

_EXAMPLE = """\
Texts are read by their words, so no tokenizer is needed. The p-value of a key is exact: the share of all keys
there could be under which these very texts would score as high. It is corrected for the number of keys asked
about: of runs over texts that nobody marked, no more than --level accuse anybody. Who is asked about: those
who were given marked answers, by decision records, or names in a file (principals as in records, `org:NAME`).

A mark shows that texts were chosen under a key. It does not show how they came to where they were found.

examples:
  gateway verify --key-ring var/marks.json suspect.jsonl
  gateway verify --key-ring ring.json --tokens policies/house.yaml --names names.txt suspect.jsonl -o json
  gateway verify --key-ring ring.json --endpoint http://127.0.0.1:8001 --model student --prompts prompts.txt

exit codes: 0 the question is answered, whatever the answer; 2 the input is wrong
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb."""
    parser = verbs.add_parser(
        "verify",
        help="whose mark texts carry",
        description=run.__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="SUSPECT", help="JSON Lines, JSON, CSV or text"
    )
    parser.add_argument(
        "--key-ring", type=Path, required=True, metavar="FILE", help="the secrets of all epochs"
    )
    parser.add_argument("--field", action="append", metavar="NAME", help="of each item (default: found out)")
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE", help="vocabularies (default: those of --policies)"
    )
    parser.add_argument("--policies", type=Path, default=Path("policies"), metavar="DIR")
    parser.add_argument("--prose", action="store_true", help="look for the mark of `perturb`, too")
    parser.add_argument("--names", type=Path, metavar="FILE", help="who to ask about, one on a line")
    parser.add_argument(
        "--records",
        action="append",
        type=Path,
        metavar="FILE",
        help="decision records (default: var/decisions.jsonl)",
    )
    parser.add_argument("--strength", type=float, default=1.0, help="of the mark looked for (default: 1)")
    parser.add_argument(
        "--level", type=_level, default=1e-3, metavar="P", help="most false accusations (default: 0.001)"
    )
    _add_model(parser.add_argument_group("a model in place of texts"))
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def _add_model(model: argparse._ArgumentGroup) -> None:
    model.add_argument("--endpoint", metavar="URL", help="asks it by its chat completions")
    model.add_argument("--prompts", type=Path, metavar="FILE", help="what to ask; --field says where")
    model.add_argument("--model", default="default", metavar="NAME", help="as the server names it")
    model.add_argument(
        "--max-tokens", type=int, default=400, metavar="N", help="of each answer (default: 400)"
    )
    model.add_argument("--key-env", metavar="NAME", help="environment variable with the server's API key")


def _level(text: str) -> float:
    """A chance above 0 and below 1. Raises argparse.ArgumentTypeError."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no chance: write 0.001 or 1e-6")
    return found


def run(options: argparse.Namespace) -> int:
    """Tell whose mark texts carry: which principal's or organisation's key chose their words, with a p-value
    that holds for any text. Says so where there is too little text to know.
    """
    from gateway.marks.greenlist import GreenEvidence
    from gateway.marks.prose import ProseEvidence
    from gateway.marks.verdict import judge
    from gateway.ring import read_ring

    ring = read_ring(options.key_ring)
    words = _vocabularies(options)
    names = _names(options)
    texts = [*_texts(options)]
    green = {name: GreenEvidence(vocabulary, texts) for name, vocabulary in words.items()}
    reach = [found.reach(options.strength) for found in green.values()]
    read = {name: f"{found.words:,} words of vocabulary {name}" for name, found in green.items()}
    evidence: dict[str, Evidence] = {**green}
    if options.prose:
        evidence[_PROSE] = prose = ProseEvidence(texts)
        reach.append(prose.reach())
        read[_PROSE] = f"{prose.places:,} places of prose"
    verdict = judge(evidence, ring, names, level=options.level, enough=min(reach))
    _show(options.output, verdict, read, len(texts))
    return 0


def _texts(options: argparse.Namespace) -> Iterator[str]:
    from gateway.commands.mark import model_server
    from gateway.errors import ConfigError, Place
    from gateway.suspects import suspect_texts

    if (options.endpoint is None) == (not options.files):
        raise ConfigError.at(Place("SUSPECT"), "give files of texts, or --endpoint with --prompts")
    if options.endpoint is None:
        yield from suspect_texts(options.files, options.field)
        return
    if options.prompts is None:
        raise ConfigError.at(Place("--endpoint"), "say with --prompts what to ask")
    prompts = suspect_texts([options.prompts], options.field or ["prompt"])
    with model_server(options.endpoint, options.key_env) as server:
        yield from server.answers(prompts, model=options.model, max_tokens=options.max_tokens)


def _vocabularies(options: argparse.Namespace) -> Mapping[str, Vocabulary]:
    """Those in the file, or of the policies. Raises ConfigError where one is needed and there is none."""
    from gateway.errors import ConfigError, Place
    from gateway.policies.compile import vocabularies
    from gateway.policies.load import read_documents
    from gateway.policies.problems import Problems

    source: Path = options.policies if options.tokens is None else options.tokens
    documents, problems = read_documents(source)
    known = Problems(problems)
    found = vocabularies(documents, known)
    known.check()
    if not found and not options.prose:
        message = "no vocabulary: name the file that the marks were made with, or ask for --prose"
        raise ConfigError.at(Place(str(source)), message)
    return found


def _names(options: argparse.Namespace) -> list[str]:
    """Who to ask about. Raises ConfigError for nobody."""
    from gateway.errors import ConfigError, Place
    from gateway.policies.plugins import installed
    from gateway.suspects import names_in, names_of_records

    if options.names is not None:
        found, source = names_in(options.names), options.names
    else:
        records = options.records or [Path("var/decisions.jsonl")]
        marking = [name for name, action in installed().actions.items() if action.marks]
        found, source = names_of_records(records, marking), records[0]
    if not found:
        raise ConfigError.at(Place(str(source)), "names nobody who was given marked answers")
    return found


_SAID = {
    "marked": "marked",
    "unmarked": "no mark of anybody asked about",
    "too_little": "not enough text: a mark of this strength would not stand out among so many keys",
}


def _show(output: str, verdict: Verdict, read: Mapping[str, str], texts: int) -> None:
    import msgspec

    if output == "json":
        document = {"texts": texts, "read": read, **msgspec.to_builtins(verdict)}
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
        return
    held = ", ".join(read.values())
    sys.stdout.write(f"{texts:,} texts with {held}; {verdict.tried:,} keys asked about\n")
    sys.stdout.write(f"{_SAID[verdict.outcome]}\n")
    sys.stdout.writelines(_lines(verdict.found or verdict.best[:1], found=bool(verdict.found)))


def _lines(candidates: Iterable[Candidate], *, found: bool) -> Iterator[str]:
    for one in candidates:
        lead = "by" if found else "likeliest, and no evidence:"
        yield (
            f"  {lead} {one.name} (epoch {one.epoch}, {one.mark}): "
            f"p {one.adjusted:.2g} after correction, {one.p:.2g} alone\n"
        )
