"""Who sent a call: headers and peer address → a principal and a client; nothing that can be turned back.

A pure part: no I/O, no clock. Keys, header values and end users leave this module only as keyed hashes
(blake2b under the process's secret), and nothing keeps a key beyond the request: there is no cache by
key, because hashing costs 0.4 µs (measured), less than a look-up in one. A whole call costs under 3 µs.

The principal is, in this order, the API key, the trusted header, the address. Two warnings for
operators. A client may send any key header it likes: name only headers that the model server checks,
or a caller changes its name with every request by adding one that is ignored. And `X-Forwarded-For` and
the principal header are read only from peers inside `trusted_proxies`, right to left, because every hop
appends and only the trusted ones are known to append the truth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal, NamedTuple

from msgspec.structs import replace

from gateway.config import IdentityConfig
from gateway.mapping import NOBODY, Known
from gateway.model import Client, Principal

_SCHEMES = frozenset({b"bearer", b"basic", b"token", b"apikey", b"api-key", b"key"})
"""Authorization schemes that may stand before a key (RFC 6750, RFC 7617, and what gateways invented)."""

_LONGEST_ADDRESS = 64
"""Characters; an IPv6 address with zone, brackets and port has fewer. Longer text is no address."""

_AGENT, _HOPS, _CLAIM = -1, -2, -3
"""What a header is read for, beside the ranks of key headers, which count from 0."""

_Kind = Literal["key", "header", "address"]
_Address = IPv4Address | IPv6Address


class _Hop(NamedTuple):
    """An address on the way: its canonical text, what its principal is hashed from, and its standing."""

    text: str | None
    unit: bytes
    trusted: bool


_NOWHERE = _Hop(None, b"unknown", False)


class Identifier:
    """Names principals; one per process, or per reload of its settings. Holds no key that it has seen."""

    def __init__(
        self, config: IdentityConfig, secret: bytes, mapping: Mapping[str, Known] | None = None
    ) -> None:
        """`secret`: 16 to 64 bytes; `mapping`: what is known of principals, by id."""
        self._wanted = {b"user-agent": _AGENT, b"x-forwarded-for": _HOPS}
        if config.header is not None:
            self._wanted[config.header.encode()] = _CLAIM
        self._wanted |= {name.encode(): rank for rank, name in reversed([*enumerate(config.key_headers)])}
        self._end_users = config.end_user
        self._trusted = config.trusted_proxies
        self._mapping: Mapping[str, Known] = {} if mapping is None else mapping
        # Copying a keyed state costs half of keying anew.
        self._states = {kind: _state(kind, secret) for kind in ("key", "hdr", "ip", "eu")}
        # Both come again and again (measured: parsing an address 1.6 µs, making a principal 0.7 µs).
        self._hop = lru_cache(maxsize=4096)(self._parse_hop)
        self._named = lru_cache(maxsize=4096)(self._name)

    def principal(
        self, headers: Sequence[tuple[bytes, bytes]], peer_ip: str | None, call_end_user: str | None
    ) -> tuple[Principal, Client]:
        """The principal and the client of one call; `headers` have lower-case names, as ASGI gives them.

        Never raises, whatever the values hold.
        """
        key, claim, agent, lines = self._read(headers)
        peer = self._hop(peer_ip) if peer_ip else _NOWHERE
        hop = self._walk(peer, lines) if peer.trusted and lines else peer
        if key is not None:
            principal = self._named(self._hash("key", key), "key")
        elif claim and peer.trusted:
            principal = self._named(self._hash("hdr", claim), "header")
        else:
            principal = self._named(self._hash("ip", hop.unit), "address")
        if self._end_users and call_end_user:
            principal = replace(principal, id=f"{principal.id}/{self.end_user(call_end_user)}")
        return principal, Client(hop.text, agent)

    def of_key(self, key: bytes) -> Principal:
        """The principal of an API key that did not come in a header (recorded traffic)."""
        return self._named(self._hash("key", _without_scheme(key)), "key")

    def of_claim(self, claim: bytes) -> Principal:
        """The principal that a trusted party named, as `identity.header` does (recorded traffic)."""
        return self._named(self._hash("hdr", claim), "header")

    def end_user(self, text: str) -> str:
        """`eu_` and 20 hex digits for a dialect's end-user field; the same under every key."""
        return self._hash("eu", text.encode("utf-8", "surrogatepass"))

    def _hash(self, kind: str, data: bytes) -> str:
        state = self._states[kind].copy()
        state.update(data)
        return f"{kind}_{state.hexdigest()}"

    def _name(self, identity: str, kind: _Kind) -> Principal:
        known = self._mapping.get(identity, NOBODY)
        return Principal(identity, kind, known.org, known.tier, known.tags, known.since)

    def _read(
        self, headers: Sequence[tuple[bytes, bytes]]
    ) -> tuple[bytes | None, bytes, str | None, list[bytes]]:
        """(key, claim, user agent, forwarded-for lines): of the first three the first non-empty value."""
        wanted = self._wanted
        key, best = None, len(wanted)
        claim, agent = b"", None
        lines: list[bytes] = []
        for name, value in headers:
            if name not in wanted:
                continue
            use = wanted[name]
            if use >= 0:
                if use < best and (found := _without_scheme(value)):
                    key, best = found, use
            elif use == _AGENT:
                agent = agent or value.decode("latin-1") or None
            elif use == _HOPS:
                lines.append(value)
            else:
                claim = claim or value.strip()
        return key, claim, agent, lines

    def _walk(self, peer: _Hop, lines: list[bytes]) -> _Hop:
        """The nearest hop that is not a trusted proxy, or the last that is known."""
        last = peer
        for text in reversed(b",".join(lines).split(b",")):
            hop = self._hop(text.decode("latin-1")) if len(text) <= _LONGEST_ADDRESS else _NOWHERE
            if hop.text is None:
                break  # no address: whoever wrote this, what stands left of it is hearsay
            last = hop
            if not hop.trusted:
                break
        return last

    def _parse_hop(self, text: str) -> _Hop:
        address = _address(text)
        if address is None:
            return _NOWHERE
        # One customer is given a whole IPv6 /64, so that is who counts as one.
        unit = address.packed[:8] if isinstance(address, IPv6Address) else address.packed
        return _Hop(str(address), unit, any(address in network for network in self._trusted))


def key_principal(key: bytes, secret: bytes) -> str:
    """The principal id of an API key, given bare or as a header's value, for mapping files."""
    state = _state("key", secret)
    state.update(_without_scheme(key))
    return f"key_{state.hexdigest()}"


def _state(kind: str, secret: bytes) -> hashlib.blake2b:
    # `person` keeps a key from hashing like an address or a header of the same bytes.
    return hashlib.blake2b(digest_size=10, key=secret, person=kind.encode())


def _without_scheme(value: bytes) -> bytes:
    """The key in a header's value: `Bearer abc` and `abc` are the same key, `Bearer` alone is none."""
    words = value.split(None, 1)
    if words and words[0].lower() in _SCHEMES:
        del words[0]
    return b" ".join(words).rstrip()


def _address(text: str) -> _Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`, `"[::1]"`, `fe80::1%eth0`, else None."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
