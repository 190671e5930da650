"""A model server that is none: scripted answers in the shape of each API, to try the gateway without a model.

What belongs here is what a client could see of a model server, down to logprobs, tool calls and errors.
What does not: any model, any state, any randomness. The same request always gets the same answer, and
every answer says that it is scripted. Nothing in the gateway's core knows of this package.
"""

from gateway.demo.service import create_app

app = create_app()
"""The ASGI application, paced by `GATEWAY_DEMO_DELAY` (seconds between stream events, default 0.003)."""

__all__ = ["app", "create_app"]
