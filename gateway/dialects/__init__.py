"""Wire APIs: what each looks like, and nothing about what to do with it."""

from gateway.dialects.registry import NAMES, get

__all__ = ["NAMES", "get"]
