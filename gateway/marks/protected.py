"""Where in an answer plain English prose stands, read from left to right: everything else is protected.

Belongs here: telling prose from code, quotations, markup, mathematics, tables, data and other languages. Not
here: what is done in prose (`gateway.marks.rules`). The reader never takes anything back: what is decided at
one place rests on what stood before it and on at most WINDOW characters from there on, so that a stream is
read as its whole text would be. Where the two could differ from what an author meant, and that is wherever
marks do not come in pairs, the doubt protects: a place that is passed over costs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WINDOW = 128
"""Characters that are looked at from a place on, itself included; what a stream may hold back at most."""
SHORTEST = 60
"""Characters of a line in which anything may be changed: shorter ones are titles, verses, labels, fields."""
COMMONEST = 3
"""Different English function words that such a line shows in reach; words are alike across languages."""

_COMMON = frozenset(
    ["the", "of", "and", "to", "that", "with", "this", "are", "you", "for", "be", "or", "from", "by", "have"]
)
_VOID = frozenset(["br", "hr", "img", "input", "link", "meta", "source", "wbr"])
"""Elements of HTML without an end tag."""
_PAIRS = {
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u00ab": "\u00bb",
    "\u2039": "\u203a",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\u300a": "\u300b",
    "\u3008": "\u3009",
}
"""Quotation marks that show their direction: English, German, French, single ones, Chinese and Japanese."""
_BACK = {"\u00bb": "\u00ab"}
"""German and Danish turn the French ones round; Swedish uses one mark for both ends."""
_ENDS = frozenset(".,!?")
_BLOCKS = {"[": "]", "{": "}"}
_ODD = re.compile(r"[={}<>|\\^$@#]|[^\t\n\x20-\x7e\xa0-\u024f\u1e00-\u1eff\u2010-\u2027\u2030-\u205e\u20ac]")
"""What stands in code, mathematics, tables and addresses, and letters that are not Latin."""
_TOKEN = re.compile(
    r"\n|[^\W\d_]+|[^\S\n]+|`+|\*+|_+|~+|\$+|\\(?:begin|end|[\[\]()])?|</?[A-Za-z][\w-]*|.", re.DOTALL
)
_FENCE = re.compile(r"[ \t]*(?:(?:[-*+>]|\d+[.)])[ \t]+)*(`{3,}|~{3,})[ \t]*(\S?)")
_WHOLE = re.compile(r" {4}|[ ]{0,3}[\t#]|[*_ ]{0,6}[A-Za-z](?:[\w'\u2019/-]|[ ](?! )){0,40}:")
"""Lines that are no prose from the first character on: indented code, headings, fields with their names."""
_QUOTED = re.compile(r"[ ]{0,3}[>|]")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class _Span:
    """Something that is open: what it is, what opens another inside it, what closes it, and how many are."""

    kind: str
    opener: str
    closer: str
    depth: int = 1


class Reader:
    """Reads one text piece by piece; `editable` tells whether the next place stands in prose."""

    def __init__(self) -> None:
        self.before = ""
        """The character before the next place; empty at the beginning of the text."""
        self._column = 0
        self._fences: list[str] = []
        self._raw = False
        """Whether the rest of the line belongs to a block of code."""
        self._span: _Span | None = None
        self._line_closed = self._block_closed = False
        self._empty = True
        self._words: set[str] = set()

    def editable(self, text: str, at: int, end: int) -> bool:
        """Whether `text[at:end]`, the window, begins in prose."""
        if self._raw or self._span or self._line_closed or self._block_closed:
            return False
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        if self._column + stop - at < SHORTEST or _ODD.search(text, at, stop):
            return False
        words = self._words.union(_WORD.findall(text, at, stop))
        return len(words & _COMMON) >= COMMONEST

    def read(self, text: str, at: int, end: int) -> int:
        """Read the next piece of the window `text[at:end]`; the place after it."""
        if self._column == 0:
            self._begin(text, at, end)
        if self._raw:
            stop = text.find("\n", at, end)
            after = end if stop < 0 else max(stop, at + 1)
        else:
            found = _TOKEN.match(text, at, end)
            assert found is not None
            after = found.end()
        piece = text[at:after]
        following = text[after : after + 1] if after < end else ""
        if piece == "\n":
            self._newline()
        else:
            self._column += len(piece)
            self._empty = self._empty and piece.isspace()
            if not self._raw:
                self._take(piece, following)
        self.before = piece[-1]
        return after

    # --- lines ------------------------------------------------------------------------------------

    def _begin(self, text: str, at: int, end: int) -> None:
        """What the beginning of a line says about it."""
        self._raw = bool(self._fences)
        if fence := _FENCE.match(text, at, end):
            self._fence(fence[1], bool(fence[2]))
        elif not self._fences and self._span is None:
            self._line_closed = _WHOLE.match(text, at, end) is not None
            self._block_closed = self._block_closed or _QUOTED.match(text, at, end) is not None

    def _fence(self, run: str, named: bool) -> None:
        """A fence opens a block, or closes one; with a word behind it inside a block it opens one more."""
        if self._span is not None and self._span.kind == "code":
            return  # a block that began amid a line ends here, which its own run of marks says
        if not self._fences or (named and run[0] == self._fences[-1][0]):
            self._fences.append(run)
            self._raw = True
        elif not named and run.startswith(self._fences[-1]):
            self._fences.pop()

    def _newline(self) -> None:
        if self._empty:
            self._block_closed = False
            if self._span is not None and self._span.kind in ("run", "single", "emphasis"):
                self._span = None
        self._column = 0
        self._empty = True
        self._line_closed = False
        self._words.clear()

    # --- within a line ----------------------------------------------------------------------------

    def _take(self, piece: str, following: str) -> None:
        if self._span is not None:
            self._inside(self._span, piece, following)
        elif piece.isascii() and piece.isalpha():
            self._words.add(piece.lower())
        elif piece != " ":
            self._outside(piece, following)

    def _opens(self, following: str) -> bool:
        """Whether a mark here stands before a word and not after one."""
        return not (self.before.isalnum() or self.before in _ENDS) and bool(following.strip())

    def _outside(self, piece: str, following: str) -> None:
        mark = piece[0]
        if mark == "`":
            self._open("code" if len(piece) > 2 else "run", "", piece)
        elif mark in '"\u201d\u00bb':
            self._quotation(mark, following)
        elif mark in _PAIRS:
            self._open("pair", mark, _PAIRS[mark])
        elif mark in "'\u2018":
            if self._opens(following):
                # An apostrophe may close it too early, so nothing more is touched on this line.
                self._line_closed = True
                self._open("single", "", "'\u2019")
        elif mark in "*_~":
            if self._opens(following):
                self._open("emphasis", "", piece)
            elif mark == "*" and following.strip():
                # A product, or emphasis within a word.
                self._line_closed = True
        elif mark in _BLOCKS:
            self._open("block", mark, _BLOCKS[mark])
        else:
            self._markup(piece)

    def _quotation(self, mark: str, following: str) -> None:
        if self._opens(following):
            self._open("pair" if mark != '"' else "straight", "", _BACK.get(mark, mark))
        else:
            # Inches, or a mark without its other half: what follows may be a quotation or not.
            self._block_closed = True

    def _markup(self, piece: str) -> None:
        name = piece.lstrip("</").lower()
        if piece in ("$$", "\\[", "\\(", "\\begin"):
            closer = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "\\begin": "\\end"}[piece]
            self._open("math", piece, closer)
        elif piece[0] == "<" and piece[1:2].isalpha() and name not in _VOID:
            self._open("tag", f"<{name}", f"</{name}")
        elif _ODD.match(piece):
            self._line_closed = True

    def _open(self, kind: str, opener: str, closer: str) -> None:
        self._span = _Span(kind, opener, closer)

    def _inside(self, span: _Span, piece: str, following: str) -> None:
        depth = span.depth + self._step(span, piece, following)
        if depth:
            self._span = _Span(span.kind, span.opener, span.closer, depth)
            return
        self._span = None
        if span.kind in ("math", "tag", "single"):
            self._line_closed = True
        elif span.closer == "]" and following == "(":
            self._open("block", "(", ")")

    def _step(self, span: _Span, piece: str, following: str) -> int:
        """1 where one more of the span opens, -1 where one closes."""
        if span.kind in ("code", "run"):
            return -(piece == span.closer)
        if span.kind == "straight":
            if piece != '"':
                return 0
            return 1 if self._opens(following) else -1
        if span.kind == "single":
            return -(piece in span.closer and not self.before.isspace() and not following.isalnum())
        if span.kind == "emphasis":
            return -(piece.startswith(span.closer) and not self.before.isspace())
        if span.kind == "pair":
            return -1 if piece in span.closer else int(piece == span.opener)
        piece = piece.lower()
        return -1 if piece == span.closer else int(piece == span.opener)
