"""The header that tells operators which policies judged a call: `x-gateway-bundle: 0123456789ab; gen=3`.

Off by default, and a thing of its own in shadow (`server.show_bundle`), because it is bytes that the model
server did not send, and because it shows clients when policies change.
"""

from __future__ import annotations

from gateway.gate import Gate, Headers

NAME = b"x-gateway-bundle"


def badge(gate: Gate) -> Headers:
    """What to add to an answer; nothing where operators did not ask for it, or no policies are loaded."""
    if not gate.badge or gate.bundle is None:
        return []
    return [(NAME, f"{gate.bundle.hash}; gen={gate.gen}".encode())]
