"""Benchmarks of responses: what each takes from an attacker, and what it costs honest users."""
