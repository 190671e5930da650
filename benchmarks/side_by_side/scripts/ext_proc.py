"""An Envoy external processor that does the least a policy needs: parse the request's JSON, let it pass.

    python ext_proc.py PORT

Runs in the peer's own environment.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
from envoy.service.ext_proc.v3 import external_processor_pb2 as messages
from envoy.service.ext_proc.v3 import external_processor_pb2_grpc as service


class Processor(service.ExternalProcessorServicer):  # type: ignore[misc]  # generated code has no types
    """Answers each phase with `go on`."""

    async def Process(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """One HTTP request."""
        async for request in requests:
            if request.HasField("request_body"):
                json.loads(request.request_body.body)
                yield messages.ProcessingResponse(request_body=messages.BodyResponse())
            else:
                yield messages.ProcessingResponse(request_headers=messages.HeadersResponse())


async def main(port: int) -> None:
    """Serve for ever."""
    server = grpc.aio.server()
    service.add_ExternalProcessorServicer_to_server(Processor(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
