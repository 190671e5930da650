"""The smallest mitmproxy addon that could judge a request: reads its JSON, streams the answer through.

Runs in mitmproxy.
"""

from __future__ import annotations

import json

from mitmproxy import http


class Addon:
    """Two hooks."""

    def request(self, flow: http.HTTPFlow) -> None:
        """What any policy needs first."""
        flow.metadata["model"] = json.loads(flow.request.content or b"{}").get("model")

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Without this, mitmproxy keeps whole answers back."""
        if flow.response is not None:
            flow.response.stream = True


addons = [Addon()]
