"""The response that asks the operator's own system to look at somebody.

What a customer is can often be found out better elsewhere: by a captcha, a phone call, a contract. This
response tells such a system who stands on the rung and why; the system clears the principal, or raises it,
through the admin listener (`gateway.admin.principals`). Sending is the driver's.
"""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import ip_address
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gateway.actions import base
from gateway.actions.tasks import Notice
from gateway.model import Call, Take
from gateway.units import Duration


def _hook(url: str) -> str:
    """The URL. Raises ValueError without repeating it: a hook's path is often its password."""
    found = urlsplit(url)
    if not found.hostname or not url.isascii() or any(c.isspace() for c in url):
        raise ValueError("write a URL such as https://hooks.example.com/step-up")
    if found.username is not None or found.fragment:
        raise ValueError("a URL without user, password and fragment")
    if found.scheme != "https" and not (found.scheme == "http" and _here(found.hostname)):
        raise ValueError("write https://, or http:// to a loopback address: it tells who is suspected")
    return url


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Options(base.Options):
    """Where to, and how often at most for one principal."""

    url: Annotated[str, AfterValidator(_hook)]
    """The operator's system: https://…, or http:// to a loopback address."""
    every: Annotated[Duration, Field(gt=0, le=30 * 86_400)] = 86_400.0
    """The time within which a principal is reported once: up to 30d."""


class StepUp(base.Action):
    """Description: tell the operator's system, once in a while, that a principal stands on this rung.

    A small signed JSON body is posted in the background: the principal's id (a hash), its score, the rung and
    the reasons, never a prompt. The call itself goes on. Without `webhook.secret` in the settings nothing is
    sent. A rung that names another `url` reports anew.

    Options: `url` (https; http to a loopback address), `every` (a duration up to `30d`, default `1d`).

    Example: `step_up: {url: 'https://hooks.example.com/step-up', every: 24h}`
    """

    name = "step_up"
    options_type: ClassVar[type[base.Options]] = Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._notice = Notice(options.url)
        place = blake2b(options.url.encode("ascii"), digest_size=6).hexdigest()
        self._take = Take(f"step_up:{place}", options.every, 1)

    def take(self, call: Call) -> Take:
        """The principal's one report per time."""
        return self._take

    def notice(self, call: Call) -> Notice:
        """Where to report."""
        return self._notice
