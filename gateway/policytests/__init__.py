"""Tests of policies: documents of kind `tests`, the traffic they describe, and what they promise about it.

Nothing here reads a clock, and nothing knows a driver: the command hands in how a gateway is started, so
that a test drives exactly what serves. Reading files is the business of `load` alone.
"""
