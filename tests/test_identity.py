"""Who sent a call: one name per key, addresses from trusted hops only, and never the key itself."""

from __future__ import annotations

import gc
import ipaddress
from types import FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.config import load_config
from gateway.identity import Identifier, key_principal
from gateway.mapping import Known
from gateway.model import JSON

SECRET = b"s" * 32
KEY = b"sk-proj-0123456789abcdefghijklmnop"
PROXY, OUTSIDE = "10.0.0.1", "203.0.113.7"

Headers = list[tuple[bytes, bytes]]


def identifier(
    secret: bytes = SECRET, mapping: dict[str, Known] | None = None, **options: JSON
) -> Identifier:
    given = {f"identity.{name}": value for name, value in options.items()}
    return Identifier(load_config(None, given, {}).identity, secret, mapping)


PLAIN = identifier()
BEHIND = identifier(trusted_proxies=["10.0.0.0/8", "fd00::/8"], header="x-consumer")
values = st.binary(max_size=200).map(lambda data: bytes(byte or 32 for byte in data))
names = st.sampled_from(
    [b"authorization", b"x-api-key", b"x-forwarded-for", b"x-consumer", b"user-agent", b"x"]
)
headers = st.lists(st.tuples(names, values), max_size=8)
addresses = st.ip_addresses().map(str)


def name(sent: Headers, peer: str | None = OUTSIDE, who: Identifier = PLAIN) -> str:
    return who.principal(sent, peer, None)[0].id


def client_ip(forwarded: list[str], peer: str | None = PROXY, who: Identifier = BEHIND) -> str | None:
    return who.principal([(b"x-forwarded-for", line.encode()) for line in forwarded], peer, None)[1].ip


# --- keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        (b"authorization", b"Bearer " + KEY),
        (b"authorization", b"bearer   " + KEY + b"  "),
        (b"authorization", b"BEARER\t" + KEY),
        (b"authorization", b"Basic " + KEY),
        (b"authorization", KEY),
        (b"x-api-key", KEY),
        (b"x-api-key", b" Bearer " + KEY),
        (b"api-key", KEY),
    ],
)
def test_the_same_key_is_the_same_principal_however_it_is_sent(sent: tuple[bytes, bytes]) -> None:
    principal, _ = PLAIN.principal([(b"host", b"x"), sent], OUTSIDE, None)
    assert principal.kind == "key"
    assert principal.id == key_principal(KEY, SECRET)


def test_a_principal_is_a_kind_and_twenty_hex_digits() -> None:
    kind, _, digits = name([(b"x-api-key", KEY)]).partition("_")
    assert kind == "key"
    assert len(digits) == 20
    assert int(digits, 16) >= 0


def test_other_keys_and_other_secrets_make_other_principals() -> None:
    sent = [(b"x-api-key", KEY)]
    assert name(sent) != name([(b"x-api-key", KEY + b"x")])
    assert name(sent) != name(sent, who=identifier(b"t" * 32))


def test_the_first_configured_header_that_is_filled_counts() -> None:
    both = [(b"x-api-key", b"second"), (b"authorization", b"Bearer first")]
    assert name(both) == key_principal(b"first", SECRET)
    for empty in (b"", b"  ", b"Bearer", b"bearer "):
        assert name([(b"authorization", empty), (b"x-api-key", b"second")]) == key_principal(
            b"second", SECRET
        )


def test_of_repeated_headers_the_first_filled_one_counts() -> None:
    sent = [(b"x-api-key", b""), (b"x-api-key", b"one"), (b"x-api-key", b"two")]
    assert name(sent) == key_principal(b"one", SECRET)


def test_only_configured_headers_carry_keys() -> None:
    who = identifier(key_headers=["X-Goog-Api-Key", "x-goog-api-key"])
    assert name([(b"authorization", KEY), (b"x-goog-api-key", b"k")], who=who) == key_principal(b"k", SECRET)
    assert name([(b"authorization", KEY)], who=who).startswith("ip_")


@given(st.from_regex(r"sk-[0-9A-Za-z]{16,60}", fullmatch=True))
def test_the_key_shows_nowhere(key: str) -> None:
    who = identifier()
    principal, client = who.principal([(b"authorization", b"Bearer " + key.encode())], OUTSIDE, None)
    for shown in (repr(principal), repr(client), repr(who), repr(vars(who))):
        assert key not in shown


def test_the_key_is_not_kept_beyond_the_request() -> None:
    who = identifier()
    key = b"sk-" + b"unmistakable" * 3
    who.principal([(b"authorization", b"Bearer " + key)], OUTSIDE, "user")
    assert not _holds(who, key)
    # The search does find what is kept.
    assert _holds({"deep": [key]}, key)


def _holds(root: object, key: bytes) -> bool:
    """Whether `key` can be reached from `root` through what the garbage collector sees."""
    seen: set[int] = set()
    pending: list[Any] = [root]
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(value))
        if isinstance(value, bytes) and key in value:
            return True
        if isinstance(value, str) and key.decode() in value:
            return True
        pending += gc.get_referents(value)
    return False


# --- the trusted header, the address, the end user -----------------------------------------------------


def test_the_principal_header_counts_from_a_trusted_proxy_only() -> None:
    sent = [(b"x-consumer", b" alice "), (b"x-consumer", b"bob")]
    principal, _ = BEHIND.principal(sent, PROXY, None)
    assert (principal.kind, principal.id[:4]) == ("header", "hdr_")
    assert principal.id == name([(b"x-consumer", b"alice")], PROXY, BEHIND)
    assert BEHIND.principal(sent, OUTSIDE, None)[0].kind == "address"
    assert PLAIN.principal(sent, PROXY, None)[0].kind == "address"


def test_a_key_comes_before_the_principal_header() -> None:
    sent = [(b"x-consumer", b"alice"), (b"x-api-key", KEY)]
    assert name(sent, PROXY, BEHIND) == key_principal(KEY, SECRET)


def test_an_empty_principal_header_is_none() -> None:
    assert name([(b"x-consumer", b" ")], PROXY, BEHIND).startswith("ip_")


def test_equal_bytes_of_different_kinds_are_different_principals() -> None:
    packed = ipaddress.ip_address(OUTSIDE).packed
    ids = {
        name([(b"x-api-key", packed)], PROXY, BEHIND)[-20:],
        name([(b"x-consumer", packed)], PROXY, BEHIND)[-20:],
        name([], OUTSIDE)[-20:],
        PLAIN.end_user(packed.decode("latin-1"))[-20:],
    }
    assert len(ids) == 4


def test_an_ipv6_customer_is_a_whole_64_network() -> None:
    one, same, other = (
        name([], address) for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )
    assert one == same != other
    assert PLAIN.principal([], "2001:DB8:0::1", None)[1].ip == "2001:db8::1"


def test_an_ipv4_address_in_ipv6_form_is_the_ipv4_address() -> None:
    assert name([], f"::ffff:{OUTSIDE}") == name([], OUTSIDE) != name([], "203.0.113.8")
    assert PLAIN.principal([], f"::ffff:{OUTSIDE}", None)[1].ip == OUTSIDE


def test_peers_without_an_address_are_one_principal() -> None:
    assert name([], None) == name([], "") == name([], "unix:/run/x.sock")
    assert PLAIN.principal([], None, None)[1].ip is None


def test_end_users_are_one_principal_each_where_the_operator_says_so() -> None:
    sent = [(b"x-api-key", KEY)]
    parent = name(sent)
    who = identifier(end_user=True, mapping={parent: Known("acme", "gold", ("a",), 5.0)})
    principal, _ = who.principal(sent, OUTSIDE, "alice@example.com")
    assert principal.id == f"{parent}/{who.end_user('alice@example.com')}"
    assert (principal.kind, principal.org, principal.tier, principal.since) == ("key", "acme", "gold", 5.0)
    assert "alice" not in principal.id
    assert who.principal(sent, OUTSIDE, "bob")[0].id not in (principal.id, parent)
    assert who.principal(sent, OUTSIDE, None)[0].id == who.principal(sent, OUTSIDE, "")[0].id == parent
    assert PLAIN.principal(sent, OUTSIDE, "alice@example.com")[0].id == parent


@given(st.text())
def test_any_end_user_has_a_hash(text: str) -> None:
    assert PLAIN.end_user(text) == PLAIN.end_user(text)
    assert len(PLAIN.end_user(text + "\ud800")) == len("eu_") + 20


def test_what_the_mapping_knows_is_on_the_principal() -> None:
    who = identifier(mapping={key_principal(KEY, SECRET): Known("acme", "gold", ("a", "b"), 1.0)})
    principal, _ = who.principal([(b"x-api-key", KEY)], OUTSIDE, None)
    assert (principal.org, principal.tier, principal.tags, principal.since) == (
        "acme",
        "gold",
        ("a", "b"),
        1.0,
    )
    assert who.principal([], OUTSIDE, None)[0].org is None


def test_the_first_user_agent_that_is_filled_is_kept() -> None:
    sent = [(b"user-agent", b""), (b"user-agent", b"SDK/1 \xe9"), (b"user-agent", b"other")]
    assert PLAIN.principal(sent, OUTSIDE, None)[1].user_agent == "SDK/1 é"
    assert PLAIN.principal([], OUTSIDE, None)[1].user_agent is None


# --- the way through proxies ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1", "10.2.3.4, fd00::1"], "198.51.100.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["[2001:db8::5]:4711"], "2001:db8::5"),
        (['"[2001:db8::5]"'], "2001:db8::5"),
        (["2001:db8::5%eth0"], "2001:db8::5"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["  198.51.100.1  "], "198.51.100.1"),
        (["10.5.5.5, 10.2.3.4"], "10.5.5.5"),
        (["198.51.100.1, unknown"], PROXY),
        (["198.51.100.1, _hidden, 10.2.3.4"], "10.2.3.4"),
        (["198.51.100.1, "], PROXY),
        (["198.51.100.1," + "9" * 100], PROXY),
        ([""], PROXY),
        ([], PROXY),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_not_trusted(forwarded: list[str], expected: str) -> None:
    assert client_ip(forwarded) == expected


@pytest.mark.parametrize("peer", [OUTSIDE, "2001:db8::1", "11.0.0.1"])
@given(sent=headers, forwarded=st.lists(addresses, max_size=4))
def test_an_untrusted_peer_can_never_set_its_address(peer: str, sent: Headers, forwarded: list[str]) -> None:
    lines = [(b"x-forwarded-for", address.encode()) for address in forwarded]
    for who in (PLAIN, BEHIND):
        assert who.principal([*sent, *lines], peer, None)[1].ip == peer


@given(headers)
def test_without_trusted_proxies_the_header_is_ignored(sent: Headers) -> None:
    assert PLAIN.principal(sent, PROXY, None)[1].ip == PROXY


@given(sent=headers, peer=st.one_of(st.none(), addresses, st.text(max_size=80)), user=st.none() | st.text())
def test_garbage_never_raises_and_an_address_is_an_address(
    sent: Headers, peer: str | None, user: str | None
) -> None:
    principal, client = BEHIND.principal(sent, peer, user)
    assert principal.id.partition("_")[0] in ("key", "hdr", "ip")
    assert client.ip is None or str(ipaddress.ip_address(client.ip)) == client.ip


@given(hop=addresses, left=st.lists(values, max_size=3))
def test_nothing_left_of_an_untrusted_hop_matters(hop: str, left: list[bytes]) -> None:
    assume(client_ip([hop]) not in (PROXY, None))
    assume(not any(ipaddress.ip_address(hop) in network for network in _trusted()))
    lines = [(b"x-forwarded-for", line) for line in [*left, hop.encode()]]
    assert BEHIND.principal(lines, PROXY, None)[1].ip == client_ip([hop])


def _trusted() -> list[Any]:
    return [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


def test_keys_and_names_that_came_in_no_header_are_who_they_would_be_in_one() -> None:
    key, _ = PLAIN.principal([(b"authorization", b"Bearer sk-1")], OUTSIDE, None)
    assert PLAIN.of_key(b"sk-1") == PLAIN.of_key(b"Bearer sk-1") == key
    claim, _ = BEHIND.principal([(b"x-consumer", b"alice")], PROXY, None)
    assert BEHIND.of_claim(b"alice") == claim
    assert claim.kind == "header"
