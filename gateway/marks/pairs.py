"""Pairs of ways to say the same: where both are right, a key may choose between them.

A rule is kept only if either form may stand for the other wherever the rule applies, in meaning and in
grammar; where a word has other uses, its neighbours must show which one it is. A rule that is safe in one
direction only goes `one_way`. So there is no rule about single nouns and adjectives, about how sure or how
many. The table only says what may be exchanged; `gateway.marks.rules` finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Where = Literal["anywhere", "first", "inside"]
"""At the beginning of a sentence only, never there, or both."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One pair of forms. `beside` None: any word may stand before it, or none."""

    id: str
    forms: tuple[str, str]
    after: str
    """A pattern for what follows."""
    where: Where = "anywhere"
    beside: frozenset[str] | None = None
    """Words of which one must stand directly before it; the empty one stands for punctuation."""
    never: frozenset[str] = frozenset()
    """Words of which none may stand directly before it."""
    one_way: bool = False
    """Whether the first form may become the second, but not the other way round."""
    common: bool = False
    """Whether the second form of such a rule is so common by itself that it tells of no choice."""
    light: bool = False
    """Whether the profile `light` has it, too."""


def _words(text: str) -> list[str]:
    return text.split()


def _set(text: str) -> frozenset[str]:
    return frozenset(_words(text))


def _one_of(text: str) -> str:
    return f"(?= (?:{'|'.join(text.split())})\\b)"


_ASKING = _set(
    """
    why how what when where who whom whose which if and but or so then nor not than as because since though
    although while until unless whether do does did to
    """
)
_THE = "the a an its their this these those his her our your my"
_PEOPLE = "i you he she it we they that this these those there"
_SOLE = "only merely just simply"
_OTHER = f"{_PEOPLE} {_SOLE} the a an my your his her its our their any some one all everyone anyone so yet"
_OTHER += " necessarily"
_VERB = f"(?= (?!(?:{'|'.join(_words(_OTHER))})\\b)[a-z]{{2,}})"
_STATE = f"(?= (?!(?:{'|'.join([*_words(_PEOPLE), *_words(_SOLE), 'so'])})\\b)[a-z]+)"
_NO_GAP = _set("than as what who how where whatever whoever wherever which whichever way how")
_PAUSE = "(?=[ ,.;:?!)])"
_NEXT = "(?=[ ,])"
_CLAUSE = _one_of(f"{_PEOPLE} {_THE} some many most no I each every both")
_GOES_ON = (
    "(?= (?!(?:not|to|that|in|on|at|for|of|as|like|today|now|and|or|but|because|when|if|by|with|from|so|then)"
    r"\b)[a-z]+)"
)
_ING = r"(?= (?!(?:thing|string|spring|morning|evening|building|nothing|king|ring|wing)\b)[a-z]{2,}ing\b)"
_JOINED = r"(?=[,.;:?!)]| (?:and|or|in|to|for|with|as|when|but|by|on|at|through|while|so|better|more)\b)"


def _negations() -> Iterator[Rule]:
    for word in _words("is are was were"):
        yield Rule(f"{word}-not", (f"{word} not", f"{word}n't"), _STATE, "inside", never=_ASKING | {""})
    for word in _words("do does did could would should has have had"):
        yield Rule(f"{word}-not", (f"{word} not", f"{word}n't"), _VERB, "inside", never=_ASKING | {""})
    yield Rule("cannot", ("cannot", "can't"), _VERB, "inside", never=_ASKING | {""})
    yield Rule("will-not", ("will not", "won't"), _VERB, "inside", never=_ASKING | {""})
    yield Rule("do-not", ("do not", "don't"), _VERB, "first")


def _short(word: str, form: str, short: str, after: str, where: Where = "anywhere") -> Rule:
    """A contraction, which may stand for the long form; the other way round needs to know more than we do.

    Not before a gap (`what it is`), where the verb is stressed.
    """
    return Rule(word, (form, short), after, where, never=_NO_GAP, one_way=True, common=True)


def _contractions() -> Iterator[Rule]:
    yield from _negations()
    for form, short in (("it is", "it's"), ("that is", "that's")):
        yield _short(form.replace(" ", "-"), form, short, _GOES_ON)
    yield _short("there-is", "there is", "there's", _one_of("a an no nothing something always also still"))
    for who in _words("you we they"):
        yield _short(f"{who}-are", f"{who} are", f"{who}'re", _GOES_ON)
    yield _short("i-am", "I am", "I'm", _GOES_ON)
    for who in _words("you we they it I he she"):
        yield _short(f"{who.lower()}-will", f"{who} will", f"{who}'ll", _GOES_ON)
    done = _one_of("been seen done had made chosen created completed learned already")
    for who in _words("you we they I"):
        yield _short(f"{who.lower()}-have", f"{who} have", f"{who}'ve", done)
    yield Rule(
        "let-us", ("let us", "let's"), _one_of("consider look take start begin explore assume examine")
    )


def _spellings() -> Iterator[Rule]:
    stems = """
    organi reali recogni emphasi prioriti apologi summari critici memori personali speciali categori maximi
    minimi familiari revolutioni visuali
    """
    for stem in _words(stems):
        for end in ("e", "es", "ed", "ing"):
            yield Rule(f"{stem}ze-{end}", (f"{stem}z{end}", f"{stem}s{end}"), _PAUSE, "inside")
    for end in ("", "s"):
        yield Rule(f"organization{end}", (f"organization{end}", f"organisation{end}"), _PAUSE, "inside")


def _openings() -> Iterator[Rule]:
    """Short phrases at the beginning, whose comma may stand or not."""
    phrases = (
        "in this case, in this example, in some cases, in many cases, in most cases, in both cases, "
        "in such cases, in these cases, in other cases, in that case, at the same time, over time, "
        "in recent years, by default, in practice, in the end, for this reason, in the past, in the future"
    )
    for phrase in phrases.split(", "):
        name = phrase.replace(" ", "-")
        yield Rule(name, (f"{phrase},", phrase), _one_of(f"{_PEOPLE} the a an"), "first")


def _help() -> Iterator[Rule]:
    deeds = """
    reduce improve increase prevent ensure create build identify prepare promote protect keep make maintain
    develop understand explain determine avoid manage provide guide clarify boost foster establish find solve
    streamline regulate prevent achieve address alleviate bring raise strengthen support illustrate
    """
    for form in ("help", "helps", "helped"):
        yield Rule(f"{form}-to", (f"{form} to", form), _one_of(deeds), "inside")
    for whom in _words("you them us people users"):
        yield Rule(
            f"help-{whom}", (f"help {whom} to", f"help {whom}"), _one_of(f"{deeds} get stay feel learn")
        )


def _whole() -> Iterator[Rule]:
    idioms = "best more same way while better rage time above following"
    yield Rule("all-the", ("all of the", "all the"), f"(?= (?!(?:{'|'.join(_words(idioms))})\\b)[a-z])")
    for which in _words("your these those their its our his her my"):
        yield Rule(f"all-{which}", (f"all of {which}", f"all {which}"), "(?= [a-z])", "inside")
    for word in _words("based depending rely relies relied"):
        yield Rule(
            f"{word}-on", (f"{word} on", f"{word} upon"), "(?= [a-z])", never=_set("land water carbon")
        )


_LIGHT = (
    Rule("for-example", ("for example", "for instance"), "(?=[, ])"),
    Rule("moreover", ("moreover", "furthermore"), "(?=,)", "first"),
    Rule("in-addition", ("in addition", "additionally"), "(?=,)", "first"),
    Rule("as-a-result", ("as a result", "consequently"), "(?=,)", "first"),
    Rule("therefore", ("therefore", "thus"), "(?=,)", "first"),
    Rule("similarly", ("similarly", "likewise"), "(?=,)", "first"),
    Rule("nevertheless", ("nevertheless", "nonetheless"), "(?=,)", "first"),
    Rule("in-conclusion", ("in conclusion", "to conclude"), "(?=,)", "first"),
    Rule("in-general", ("in general", "generally"), "(?=,)", "first"),
    Rule("first", ("first", "firstly"), "(?=,)", "first"),
    Rule("second", ("second", "secondly"), "(?=,)", "first"),
    Rule("third", ("third", "thirdly"), "(?=,)", "first"),
    Rule("toward", ("toward", "towards"), "(?= )"),
    Rule("someone", ("someone", "somebody"), _PAUSE),
    Rule("everyone", ("everyone", "everybody"), _PAUSE),
    Rule("anyone", ("anyone", "anybody"), _PAUSE),
    Rule("each-other", ("each other", "one another"), _JOINED, "inside"),
    Rule("usually", ("usually", "typically"), _NEXT, never=_set("more most less than as")),
    Rule("often", ("often", "frequently"), _NEXT, "inside", never=_set("so how more most too very as less")),
    Rule("approximately", ("approximately", "roughly"), r"(?= \d)"),
    Rule("nearly", ("nearly", "almost"), r"(?= (?:all|every|everyone|everybody|always|half|twice|\d))"),
    Rule("due-to", ("due to", "because of"), _one_of(_THE), "inside",
         beside=_set("mainly largely primarily partly mostly partially possibly probably likely")),
    Rule("because-of", ("due to", "because of"), _one_of(_THE), "first"),
    Rule("start-by", ("start by", "begin by"), _ING),
    Rule("starts-by", ("starts by", "begins by"), _ING, "inside"),
    Rule("rather-than", ("rather than", "instead of"), _ING),
    Rule("although", ("although", "though"), _CLAUSE, never=_set("even as")),
    Rule("as-if", ("as if", "as though"), _CLAUSE, "inside"),
    Rule("despite", ("despite", "in spite of"), "(?= [a-z])"),
    Rule("particularly", ("particularly", "especially"), _NEXT, "inside"),
    Rule("such-as", ("such as", "like"), "(?= [A-Za-z])", "inside", one_way=True, common=True),
    Rule("note-that", ("it is important to note that", "note that"), "(?= [a-z])", "first"),
    Rule("in-mind", ("keep in mind", "bear in mind"), "(?= that)"),
    Rule("as-long-as", ("as long as", "so long as"), _one_of("i you he she it we they there"), "inside"),
    Rule("outside", ("outside of", "outside"), _one_of(_THE), "inside", never=_set("the an on from to")),
    *_openings(),
    *_help(),
    *_whole(),
)  # fmt: skip

_STRONG = (
    Rule("make-sure", ("make sure that", "ensure that"), "(?= )"),
    Rule("allows-you", ("allows you to", "lets you"), "(?= [a-z])", "inside"),
    Rule("allow-you", ("allow you to", "let you"), "(?= [a-z])", "inside", never=_set("to and or")),
    Rule("lots-of", ("a lot of", "lots of"), "(?= [a-z])", "inside",
         beside=_set("has have are is with get there spend contains offers provides need takes requires")),
    Rule("several", ("several", "a number of"),
         "(?= (?!(?:of|hundred|thousand|million|billion|times|dozen|more|other)\\b)[a-z]{3,})", "inside",
         beside=_set("are is were has have with in for by there includes include contains offers of")),
    Rule("wide", ("variety of", "range of"), r"(?= (?!values|numbers|integers)[a-z])", "inside",
         beside=_set("wide")),
    Rule("to-use", ("use", "utilize"), _one_of(_THE), "inside", beside=_set("to")),
    Rule("to-choose", ("choose", "select"), _one_of(_THE), "inside", beside=_set("to")),
    Rule("to-buy", ("buy", "purchase"), _one_of(_THE), "inside", beside=_set("to")),
    Rule("perhaps", ("perhaps", "maybe"), _NEXT),
    Rule("mainly", ("mainly", "primarily"), "(?= )", "inside"),
    Rule("completely", ("completely", "entirely"), "(?= [a-z])", "inside", never=_set("not more less")),
    Rule("quickly", ("quickly", "rapidly"), _PAUSE, "inside"),
    Rule("a-variety", ("a variety of", "various"), r"(?= (?!the|other)[a-z]{3,})", "inside",
         never=_set("the these those its their his her our your my all many such a an as and")),
    Rule("who-that", ("who", "that"), "(?= [a-z])", "inside", one_way=True,
         beside=_set("people individuals users students customers employees patients those someone")),
    Rule("try-to", ("try to", "attempt to"), "(?= [a-z])", "inside",
         beside=_set("to will should must would may you we they I")),
    *_spellings(),
    *_contractions(),
)  # fmt: skip


def rules() -> Iterator[Rule]:
    """Every rule of the table, the light ones first."""
    yield from (replace(rule, light=True) for rule in _LIGHT)
    yield from _STRONG
