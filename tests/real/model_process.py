"""The engine's own process: loads the weights and serves llama.cpp's HTTP API until its standard input ends.

What belongs here is only what must run inside the model environment, under that environment's interpreter:
``model_server`` starts this file as a program, nothing imports it. It stays apart because the engine is
native code: a crash, a leak or a stuck thread must end this process and not the test run.

The protocol with the parent is three pipes: settings come as one JSON argument, the first line of standard
output is the base URL once the model answers, and the end of standard input means stop. Whoever holds that
pipe keeps the engine alive, so no engine outlives its test run, however the run ends.
"""

import importlib
import json
import os
import sys
from types import ModuleType
from typing import Any

HTTP_THREADS = 32
"""A kept-alive connection holds a thread: fewer than the gateway's pooled connections would stall it."""

WARNINGS_ONLY = 2


def make_params(engine: ModuleType, settings: dict[str, Any]) -> Any:
    """Translate the parent's settings into the engine's parameter object."""
    params = engine.CommonParams()
    params.model.path = settings["weights"]
    params.model_alias = {settings["alias"]}
    params.chat_template = settings["chat_template"]
    params.hostnames = ["127.0.0.1"]
    params.port = settings["port"]
    params.api_keys = settings["api_keys"]
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    params.n_threads_http = HTTP_THREADS
    params.cache_prompt = settings["prompt_cache"]
    params.cache_ram_mib = 0  # the default keeps up to 8 GiB of past prompts
    params.embedding = True
    params.pooling_type = engine.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.endpoint_metrics = True
    params.ui = False
    params.fit_params = False
    params.verbosity = WARNINGS_ONLY
    return params


def main() -> None:
    """Serve until standard input ends."""
    settings = json.loads(sys.argv[1])
    announce = os.dup(1)
    os.dup2(2, 1)  # native code may print; the pipe to the parent carries the base URL alone
    engine = importlib.import_module("xllamacpp")
    server = engine.Server(make_params(engine, settings))
    os.write(announce, f"{server.listening_address}\n".encode())
    os.close(announce)
    while os.read(0, 4096):
        pass
    os._exit(0)  # the engine's threads may be generating: there is nothing to wait for


if __name__ == "__main__":
    main()
