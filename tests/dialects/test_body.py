"""A body's bytes become one object or one CallError; content codings are undone within bounds."""

from __future__ import annotations

import gzip
import json
import zlib

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects import body
from gateway.dialects.body import Inflater, decode, encode, inflate
from gateway.errors import CallError
from tests.dialects.outcome import outcome
from tests.dialects.strategies import bodies


def _refused(raw: bytes) -> CallError:
    with pytest.raises(CallError) as caught:
        decode(raw)
    assert caught.value.status == 400
    return caught.value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\ud8e0-1', max_size=40).map(str.encode))
def test_any_bytes_give_an_object_or_one_call_error(raw: bytes) -> None:
    found = outcome(lambda: decode(raw))
    assert found.status == 400 if isinstance(found, CallError) else isinstance(found, dict)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"),
        (b" \r\n\t", "empty_body"),
        (b'{"a":', "invalid_json"),
        (b"{'a':1}", "invalid_json"),
        (b'{"a":1} x', "invalid_json"),
        (b'{"a":"\x01"}', "invalid_json"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_json"),
        ('{"a":1}'.encode("utf-16-le"), "invalid_json"),
        (b'{"a":"\xff"}', "invalid_utf8"),
        (b'{"a":"\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"stream":false,"stream":true}', "duplicate_key"),
        (b'{"stream":false,"str\\u0065am":true}', "duplicate_key"),
        (b'{"ignored":[{"x":1,"x":1}]}', "duplicate_key"),
        (b'{"a":NaN}', "invalid_number"),
        (b'{"a":-Infinity}', "invalid_number"),
        (b'{"a":1e999}', "invalid_number"),
        (b'{"a":' + b"9" * 5000 + b"}", "invalid_number"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"\\udC00":1}', "lone_surrogate"),
        (b"[1]", "not_an_object"),
        (b'"x"', "not_an_object"),
    ],
)
def test_what_two_parsers_may_read_differently_is_refused(raw: bytes, code: str) -> None:
    assert _refused(raw).code == code


@pytest.mark.parametrize("depth", [201, 10_000, 1_000_000])
@pytest.mark.parametrize("wrap", ["{}", '{{"ignored":{}}}', '{{"x":"\\"[","ignored":{}}}'])
def test_deep_nesting_is_refused_without_recursion(depth: int, wrap: str) -> None:
    assert _refused(wrap.format("[" * depth + "]" * depth).encode()).code == "too_deep"
    assert _refused(wrap.format('{"a":' * depth + "1" + "}" * depth).encode()).code == "too_deep"
    assert _refused(wrap.format("[" * depth).encode()).code == "too_deep"


def test_many_brackets_that_are_not_deep_are_accepted() -> None:
    wide = {"a": [[1]] * 500, "b": "[[[[" * 100 + '\\"{', "c": {"d": '"' * 500}}
    assert decode(json.dumps(wide).encode()) == wide
    assert decode(b'{"a":' + b"[" * 199 + b"]" * 199 + b"}")


def test_unterminated_strings_of_escapes_are_refused_in_linear_time() -> None:
    assert _refused(b"[" * 300 + b'"' + b'\\"' * 500_000).code == "too_deep"
    assert _refused(b"[]" * 300 + b'"' + b'\\"' * 500_000 + b"\\").code == "invalid_json"


def test_messages_name_the_place_and_never_quote_the_body() -> None:
    secret = "zebra"
    for raw in (
        f'{{"{secret}" 1}}',
        f'{{"{secret}":1,"{secret}":2}}',
        f'{{"a":{secret}}}',
        f'{{"a":"{secret}',
    ):
        assert secret not in _refused(raw.encode()).message
    assert _refused(b'{"a" 1}').message == "the body is not valid JSON at character 5"
    assert "ends too early" in _refused(b'{"a":1  ').message


def test_numbers_are_read_as_they_stand() -> None:
    assert decode(b'{"a": [1, -2.5, 1e3]}') == {"a": [1, -2.5, 1000.0]}


def test_surrogate_pairs_are_text() -> None:
    assert decode(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@given(bodies)
def test_what_is_encoded_reads_back_the_same(value: dict[str, object]) -> None:
    """Not-a-number and infinity as null, whether or not a lone surrogate stands beside them."""
    raw = encode(value)  # type: ignore[arg-type]
    said = json.loads(json.dumps(value), parse_constant=lambda name: None)
    assert json.dumps(json.loads(raw), sort_keys=True) == json.dumps(said, sort_keys=True)


def test_encoding_is_compact_and_escapes_only_what_utf8_cannot_hold() -> None:
    assert encode({"a": ["é", 1]}) == '{"a":["é",1]}'.encode()
    assert encode({"a": "\ud800"}) == b'{"a":"\\ud800"}'


def test_what_an_answer_can_hold_and_json_has_no_word_for_becomes_null() -> None:
    assert encode({"a": float("nan"), "b": [-9999.0, float("inf")]}) == b'{"a":null,"b":[-9999.0,null]}'


# --- content codings -------------------------------------------------------------------------------


def _bare(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


def _zstd(raw: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(raw)


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": lambda raw: gzip.compress(raw[:7]) + gzip.compress(raw[7:]),
    "deflate": zlib.compress,
    "Deflate": _bare,
    "br": brotli.compress,
    "zstd": lambda raw: _zstd(raw[:5]) + _zstd(raw[5:]),
    "gzip, br": lambda raw: brotli.compress(gzip.compress(raw)),
    "identity": bytes,
    "": bytes,
    "identity,gzip,": gzip.compress,
}


@pytest.mark.parametrize("coding", CODINGS)
@given(raw=st.binary(max_size=300), repeat=st.integers(1, 40), cut=st.integers(1, 50))
@settings(max_examples=25)
def test_any_cut_of_a_coded_stream_gives_the_same_bytes(
    coding: str, raw: bytes, repeat: int, cut: int
) -> None:
    raw = raw * repeat
    packed = CODINGS[coding](raw)
    assert inflate(packed, coding, len(raw)) == raw
    inflater = Inflater(coding)
    out = b"".join(inflater.feed(packed[at : at + cut]) for at in range(0, len(packed), cut))
    assert out + inflater.close() == raw


def _call_error(raw: bytes, coding: str | None, limit: int = 1000) -> CallError:
    with pytest.raises(CallError) as caught:
        inflate(raw, coding, limit)
    return caught.value


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "br", "zstd", "gzip, br"])
def test_truncated_corrupt_or_continued_input_is_refused(coding: str) -> None:
    packed = CODINGS[coding](b"some text " * 20)
    for raw in (packed[:-1], packed[: len(packed) // 2], packed[:1], packed + b"tail", b"\x00\x01" + packed):
        error = _call_error(raw, coding)
        assert (error.status, error.code) == (400, "invalid_encoding")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_bytes_after_the_end_are_refused_in_a_later_piece_too(coding: str) -> None:
    inflater = Inflater(coding)
    assert inflater.feed(CODINGS[coding](b"some text")) == b"some text"
    with pytest.raises(ValueError, match=r".+"):
        inflater.feed(b"tail")


@pytest.mark.parametrize("coding", ["compress", "gzip, rot13", "gzip," * 5])
def test_unknown_or_absurdly_many_codings_are_unsupported(coding: str) -> None:
    assert _call_error(b"x", coding).status == 415
    assert not Inflater.knows(coding)
    with pytest.raises(ValueError, match="unknown"):
        Inflater(coding)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "br", "zstd", "gzip, br", "gzip, zstd"])
def test_a_bomb_is_refused_before_it_fills_memory(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = (
        CODINGS[coding](bytes(40_000_000)) if coding in CODINGS else _zstd(gzip.compress(bytes(40_000_000)))
    )
    largest = 0
    step = Inflater.feed

    def watched(self: Inflater, data: bytes) -> bytes:
        nonlocal largest
        out = step(self, data)
        largest = max(largest, len(out))
        return out

    monkeypatch.setattr(Inflater, "feed", watched)
    error = _call_error(packed, coding, limit=100_000)
    assert (error.status, error.code) == (413, "body_too_large")
    assert largest <= 100_000
    with pytest.raises(ValueError, match="limit"):
        step(Inflater(coding, limit=100_000), packed)


def test_plain_bodies_have_the_same_limit() -> None:
    assert inflate(b"x" * 10, None, 10) == b"x" * 10
    assert _call_error(b"x" * 11, None, 10).code == "body_too_large"


def test_growing_output_over_several_feeds_meets_the_limit() -> None:
    noise = zlib.compress(bytes(range(256)) * 4)
    packed = gzip.compress(b"".join(noise[at:] + bytes([at % 256]) * 300 for at in range(500)), 0)
    assert len(packed) > body._SLICE
    assert _call_error(packed, "gzip", 150_000).code == "body_too_large"


def test_rows_of_empty_members_are_refused() -> None:
    assert _call_error(gzip.compress(b"") * 1100, "gzip").code == "invalid_encoding"
    assert _call_error(_zstd(b"") * 1100, "zstd").code == "invalid_encoding"


def test_a_zstd_frame_may_not_ask_for_a_huge_window() -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=26)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    packed = packer.compress(b"x" * 1000) + packer.flush()
    assert _call_error(packed, "zstd").code == "invalid_encoding"


def test_an_empty_answer_may_claim_any_coding() -> None:
    inflater = Inflater("gzip")
    assert inflater.feed(b"") + inflater.close() == b""


@given(st.binary(max_size=80), st.sampled_from(["gzip", "deflate", "br", "zstd", "br, zstd"]))
def test_random_bytes_under_any_coding_give_bytes_or_one_call_error(raw: bytes, coding: str) -> None:
    found = outcome(lambda: inflate(raw, coding, 10_000))
    if isinstance(found, CallError):
        assert found.code in ("invalid_encoding", "body_too_large")
    else:
        assert len(found) <= 10_000
