"""Making a vocabulary: common words of an operator's own answers that are one token each.

What belongs here is choosing the words and writing the document. What is done with them is the business of
`gateway.marks.greenlist`. Words that carry the meaning of a sentence alone are left out: a mark may decide
between `with` and `from`, never between `not` and `now`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gateway.errors import ConfigError, Place
from gateway.marks.greenlist import Word, words_of

_NEVER = """
not no never none nor neither nothing nobody without except unless cannot yes true false right wrong
correct incorrect valid invalid always only all any some many few both each every half twice once
zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred
thousand million billion first second third last next previous
more less most least larger smaller greater higher lower better worse best worst before after above below
over under left up down increase decrease increased decreased add subtract plus minus equal equals
he she him her his hers
"""
NEVER = frozenset(_NEVER.split())
"""English words that turn a sentence round, count or compare, or say who."""


def choose(
    texts: Iterable[str], token: Callable[[str], int | None], size: int, skip: Iterable[str] = ()
) -> list[Word]:
    """The `size` commonest words that are one token with their space; `token` says which, or None.

    An odd one is dropped. Fewer where the texts have no more that come twice.
    """
    counts = Counter(word for text in texts for word in words_of(text))
    left_out = NEVER | {word.lower() for word in skip}
    found: list[Word] = []
    for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(found) >= size or count < 2:
            break
        # A word that is mostly written large is a name: it is no choice of style.
        name = counts[word.lower()] < count and not word.islower()
        if not name and word.lower() not in left_out and (known := token(f" {word}")) is not None:
            found.append(Word(word, known, count))
    return found[: len(found) // 2 * 2]


def lines(name: str, models: Iterable[str], words: Iterable[Word]) -> Iterator[str]:
    """The document, a line at a time."""
    yield "kind: vocabulary\n"
    yield f"id: {name}\n"
    yield f"title: {json.dumps(f'Words of {name}')}\n"
    yield f"models: {json.dumps(list(models), ensure_ascii=False)}\n"
    yield "words:\n"
    for word in words:
        text = json.dumps(word.text, ensure_ascii=False)
        yield f"  {text}: {{id: {word.token}, count: {word.count}}}\n"


def in_file(path: Path) -> Callable[[str], int | None]:
    """Looks tokens up in a `tokenizer.json` (Hugging Face tokenizers). Raises ConfigError."""
    try:
        vocabulary = json.loads(path.read_bytes())["model"]["vocab"]
        if not isinstance(vocabulary, dict):
            # Unigram models list their pieces with scores, in the order of their ids.
            vocabulary = {piece[0]: place for place, piece in enumerate(vocabulary)}
    except OSError as error:
        raise ConfigError.at(Place(str(path)), f"cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise ConfigError.at(Place(str(path)), "no tokenizer.json with a vocabulary") from None

    def token(text: str) -> int | None:
        # Byte-level BPE writes a space as U+0120, SentencePiece as U+2581.
        for space in ("\u0120", "\u2581"):
            if (found := vocabulary.get(text.replace(" ", space))) is not None:
                return int(found)
        return None

    return token
