"""`python -m gateway.demo --port 9000`: the demo upstream as a server of its own."""

from __future__ import annotations

import argparse

import uvicorn

from gateway.demo.service import create_app


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo", description="Scripted model answers.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="port to listen on (default: %(default)s)")
    parser.add_argument("--delay", type=float, help="seconds between stream events (default: 0.003)")
    given = parser.parse_args(arguments)
    uvicorn.run(create_app(given.delay), host=given.host, port=given.port, access_log=False, ws="none")


if __name__ == "__main__":
    main()
