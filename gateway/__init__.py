"""Stillgate: a reverse proxy that notices, and slows, the distillation of a served model."""
