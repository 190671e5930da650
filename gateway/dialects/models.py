"""Lists of models: nothing is asked of a model here, so nothing is read, scored or edited."""

from __future__ import annotations

from gateway.dialects.neutral import Neutral


class Models(Neutral):
    """`GET …/models`, `GET …/models/{id}`, `GET /api/tags`."""

    name = "models"
