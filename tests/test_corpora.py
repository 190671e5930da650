"""Packs of collections: what makes two sentences the same, and that a pack says what it was made of."""

from __future__ import annotations

from array import array

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway import corpora
from gateway.corpora import HALF, LETTERS, Corpus, Origin, build, decode, encode, fingerprints

ORIGIN = Origin("set", "A set", "MIT", "https://example.com", 0)
QUESTION = "Oswin keeps 12 copper kettles in the attic. How many kettles does Oswin keep there?"
SENTENCES = [
    f"the {word} sentence of this collection is long" for word in ["first", "second", "third", "fourth"]
]
texts = st.lists(st.text(alphabet="abcdefgh .0\n", min_size=20, max_size=80), min_size=1, max_size=12)


def of(*items: str, common: int = 3) -> Corpus:
    return build(ORIGIN, items, common=common)


def holds(corpus: Corpus, text: str) -> bool:
    return bool(corpus.found(fingerprints(text)))


@pytest.mark.parametrize(
    "same",
    [
        QUESTION.upper(),
        QUESTION.replace("12", "9,731.50"),
        QUESTION.replace(" ", "  "),
        "Think step by step.\n\nQuestion: " + QUESTION + "\nAnswer:",
        f'Answer this: "{QUESTION}" and explain.',
        QUESTION.replace("copper kettles", "**copper** kettles"),
        QUESTION.replace("there?", "there\uff1f"),
    ],
)
def test_case_spacing_numbers_and_what_stands_around_make_no_difference(same: str) -> None:
    assert holds(of(QUESTION), same)


def test_a_curly_quote_inside_a_word_is_no_end_of_a_sentence() -> None:
    assert holds(
        of("The baker's dog doesn't like rolls of rye"), "The baker\u2019s dog doesn\u2019t like rolls of rye"
    )


@pytest.mark.parametrize("mark", ["\u3002", "\uff1f", "\u061f", "\u0964", "\u201c", "\u2026"])
def test_sentences_end_where_other_scripts_end_them(mark: str) -> None:
    one, other = "это первое предложение набора", "вот второе предложение набора"
    assert fingerprints(f"{one}{mark}{other}") == fingerprints(f"{one}.{other}")
    assert len(fingerprints(f"{one}{mark}{other}")) == 2


def test_other_words_are_another_sentence() -> None:
    assert not holds(
        of(QUESTION), "In the attic there are kettles of Oswin. What is their number in the end?"
    )


def test_what_everybody_says_is_too_short_to_be_found() -> None:
    assert fingerprints("How are you today? Thanks.") == []
    assert len(fingerprints("x" * LETTERS)) == 1


def test_a_sentence_counts_once_however_often_it_comes() -> None:
    assert len(fingerprints(f"{QUESTION} {QUESTION}")) == 2


def test_of_a_long_text_both_ends_are_read() -> None:
    begin, end = SENTENCES[:2]
    found = fingerprints(f"{begin}. {'x' * 4 * HALF}. {end}")
    assert fingerprints(begin) + fingerprints(end) == [found[0], found[-1]]


@given(st.text())
def test_any_text_has_fingerprints(text: str) -> None:
    assert all(0 <= one < 2**64 for one in fingerprints(text))


def test_what_stands_in_many_items_is_language_and_left_out() -> None:
    items = [
        f"{SENTENCES[0]}. item {word} has one of its own too" for word in ("anna", "berta", "clara", "dora")
    ]
    assert not holds(of(*items), SENTENCES[0])
    assert holds(of(*items), items[0])
    assert holds(of(*items, common=4), SENTENCES[0])


def test_a_collection_without_sentences_is_refused() -> None:
    with pytest.raises(ValueError, match="no sentence of 24 letters or more in 2 texts"):
        of("too short", "this too")


def test_a_pack_tells_how_many_texts_it_was_made_of() -> None:
    assert of(*SENTENCES).origin == msgspec.structs.replace(ORIGIN, items=4)


@given(texts, texts)
def test_a_pack_finds_what_it_was_made_of_and_nothing_else(items: list[str], others: list[str]) -> None:
    own = {one for item in items for one in fingerprints(item)}
    if not own:
        return
    corpus = of(*items, common=len(items))
    strange = {one for other in others for one in fingerprints(other)}
    assert set(corpus.found(own | strange)) == own


@pytest.mark.parametrize("few", [corpora.FEW, 0])
@given(items=texts)
def test_a_pack_comes_back_from_its_bytes(few: int, items: list[str]) -> None:
    if not any(map(fingerprints, items)):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "FEW", few)
        corpus = of(*items, common=len(items))
    assert corpus.bits == (32 if few else 64)
    back = decode(encode(corpus))
    assert (back.origin, back.hashes, back.bits) == (corpus.origin, corpus.hashes, corpus.bits)
    assert back.hash == corpus.hash
    assert encode(back) == encode(corpus)


def test_the_order_of_the_items_makes_no_other_pack() -> None:
    assert encode(of(*SENTENCES)) == encode(of(*reversed(SENTENCES)))


def test_the_content_hash_is_of_what_is_held_and_not_of_its_name() -> None:
    other = build(msgspec.structs.replace(ORIGIN, name="other"), SENTENCES, common=3)
    assert other.hash == of(*SENTENCES).hash != of(*SENTENCES[:3]).hash


def test_a_pack_of_another_kind_is_cut_otherwise_and_says_so() -> None:
    frames = build(
        msgspec.structs.replace(ORIGIN, of="frames"), ["one", "two"], lambda text: [7], common=None
    )
    assert (list(frames.hashes), frames.origin.of) == ([0], "frames")
    assert decode(encode(frames)).origin == frames.origin
    assert b'"of":"frames"' in encode(frames)
    assert b'"of"' not in encode(of(*SENTENCES))


def test_templates_without_a_piece_are_refused() -> None:
    with pytest.raises(ValueError, match="no piece of a frame in 1 texts"):
        build(msgspec.structs.replace(ORIGIN, of="frames"), ["x"], lambda text: [], common=None)


@pytest.mark.parametrize(("typecode", "bits"), [("I", 32), ("Q", 64)])
def test_chance_is_the_share_of_all_fingerprints(typecode: str, bits: int) -> None:
    assert Corpus(ORIGIN, array(typecode, range(1, 11))).chance == 10 / 2**bits


def _pack(numbers: list[int], **changes: object) -> bytes:
    header = {"form": 1, "bits": 32, "count": len(numbers), "origin": ORIGIN} | changes
    plain = array("I", numbers).tobytes()
    columns = b"".join(plain[at::4] for at in range(4))
    packed = zstandard.ZstdCompressor().compress(columns)
    return b"stillgate corpus\n" + msgspec.json.encode(header) + b"\n" + packed


def test_a_sound_pack_is_read() -> None:
    assert decode(_pack([5, 1, 1])).hashes == array("I", [5, 6, 7])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04", "not a corpus pack: make one"),
        (b"stillgate corpus\n{}\n", "of this version: Object missing required field"),
        (b"stillgate corpus\nnonsense\n", "of this version"),
        (_pack([5, 1])[:-3], "of this version"),
        (_pack([5, 1], form=2), "of form 2"),
        (
            _pack([5, 1], origin=msgspec.to_builtins(ORIGIN) | {"of": "words"}),
            "of this version: Invalid enum",
        ),
        (_pack([5, 1], bits=16), "fingerprints of 16 bits"),
        (_pack([], count=0), "with 0 fingerprints"),
        (_pack([5, 1], count=1 << 40), "of form 1 with"),
        (_pack([5, 1], count=3), "some of it is missing"),
        (_pack([5, 0]), "not in order"),
        (_pack([1 << 31, 1 << 31]), "not in order"),
    ],
)
def test_a_broken_pack_is_an_error_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode(data)


@given(st.binary(max_size=60), st.integers(0, 400))
def test_any_bytes_are_a_pack_or_the_one_error(noise: bytes, at: int) -> None:
    data = encode(of(*SENTENCES))
    spoilt = data[:at] + noise + data[at + len(noise) :]
    try:
        found = decode(spoilt)
    except ValueError:
        return
    assert list(found.hashes) == sorted(set(found.hashes))
