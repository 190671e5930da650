"""The peers, each configured as its own documentation would have it for model traffic, and fairly.

One worker each; no access log; streams unbuffered; keep-alive to the model server; no telemetry. What each
needs to be fair, or to run at all, stands beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import installs
from benchmarks.side_by_side.processes import Command, free_port
from benchmarks.side_by_side.targets import Launch, Room, Target
from benchmarks.side_by_side.traffic import MODEL

SCRIPTS = Path(__file__).parent / "scripts"

_NGINX = """\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    client_body_buffer_size 64k;
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;   # events must not be held back
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


def nginx(room: Room) -> Launch:
    """Reverse proxy only."""
    program = installs.nginx(room.cache)
    file = room.write("nginx.conf", _NGINX.format(upstream=room.upstream, port=room.port))
    command = room.command("nginx", program, "-p", f"{room.folder}/", "-c", file, "-e", "stderr")
    return Launch((command,), installs.output([program, "-v"]).split("/")[-1])


def envoy(room: Room) -> Launch:
    """Reverse proxy only."""
    program = installs.python_environment(room.cache, "envoy") / "envoy"
    return Launch((_envoy(room, program, ()),), _envoy_version(program))


def ext_proc(room: Room) -> Launch:
    """Envoy that sends each request's head and body to a Python service on the same core."""
    # Two environments: the package of protocol files overwrites a package of the server's.
    program = installs.python_environment(room.cache, "envoy") / "envoy"
    python = installs.python_environment(room.cache, "ext-proc") / "python"
    port = free_port()
    service = room.command("service", python, SCRIPTS / "ext_proc.py", port)
    kind = "type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"
    modes = {"request_body_mode": "BUFFERED", "response_header_mode": "SKIP"}
    config = {
        "@type": kind,
        "grpc_service": {"envoy_grpc": {"cluster_name": "judge"}, "timeout": "60s"},
        "message_timeout": "60s",
        "processing_mode": modes,
    }
    http2 = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    judge = _cluster("judge", port) | {"typed_extension_protocol_options": http2}
    filters = ({"name": "judge", "typed_config": config},)
    return Launch((service, _envoy(room, program, filters, (judge,))), _envoy_version(program))


def _envoy(room: Room, program: Path, filters: tuple[Any, ...], clusters: tuple[Any, ...] = ()) -> Command:
    http = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "model", "timeout": "0s"}}
    manager = {
        "@type": f"{http}.HttpConnectionManager",
        "stat_prefix": "in",
        "stream_idle_timeout": "0s",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [*filters, {"name": "router", "typed_config": {"@type": router}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"address": _address(room.port), "filter_chains": [chain]}
    static = {"listeners": [listener], "clusters": [_cluster("model", room.upstream), *clusters]}
    file = room.write("envoy.json", json.dumps({"static_resources": static}))
    words = (program, "-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "error")
    return room.command("envoy", *words)


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    # The default of 1,024 requests at once would do; that of 3 retries is not used.
    breakers = {"thresholds": [{"max_connections": 4096, "max_requests": 4096, "max_pending_requests": 4096}]}
    endpoint = {"endpoint": {"address": _address(port)}}
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "circuit_breakers": breakers, "load_assignment": load}


def _envoy_version(program: Path) -> str:
    # `envoy  version: REVISION/1.40.0/Clean/RELEASE/BoringSSL`
    return installs.output([str(program), "--version"]).split("/")[-4]


def starlette_httpx(room: Room) -> Launch:
    """A pass-through in few lines, without any policy."""
    # `sniffio` is among the pins: without it httpcore looks for it anew in each call (+40 %).
    folder = installs.python_environment(room.cache, "starlette")
    words = (folder / "python", "-m", "uvicorn", "starlette_httpx:app", "--app-dir", SCRIPTS)
    options = ("--port", room.port, "--no-access-log", "--loop", "uvloop", "--http", "httptools")
    command = room.command("uvicorn", *words, *options, env={"UPSTREAM": room.url})
    return Launch((command,), _packages(folder, "starlette", "httpx", "uvicorn"), warm=3.0)


def mitmproxy(room: Room) -> Launch:
    """Reverse mode with an addon that reads each request's JSON and streams answers."""
    folder = installs.mitmproxy()
    words = (folder / "mitmdump", "-q", "--mode", f"reverse:{room.url}", "--listen-host", "127.0.0.1")
    options = ("-p", room.port, "-s", SCRIPTS / "mitm_json.py", "--set", f"confdir={room.folder}")
    return Launch((room.command("mitmdump", *words, *options),), _packages(folder, "mitmproxy"), warm=3.0)


def portkey(room: Room) -> Launch:
    """The open-source gateway in node, told by headers where the model server is."""
    modules = installs.node_packages(room.cache, "portkey")
    package = modules / "@portkey-ai" / "gateway"
    words = (
        installs.node("node"),
        package / "build" / "start-server.js",
        f"--port={room.port}",
        "--headless",
    )
    # It refuses hosts on loopback unless they are named.
    env = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    version = json.loads((package / "package.json").read_text())["version"]
    headers = (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"{room.url}/v1"))
    said = f"{version}, node {installs.output([installs.node('node'), '--version'])}"
    # The compiler of node needs some seconds of load until the cost is steady.
    return Launch((room.command("node", *words, env=env),), said, headers=headers, warm=6.0)


_LITELLM_KEY = "sk-bench-0123456789abcdef0123456789"


def litellm(room: Room) -> Launch:
    """One worker, a master key, a model of its price list, no database, no callbacks."""
    folder = installs.python_environment(room.cache, "litellm")
    served = {"model": f"openai/{MODEL}", "api_base": f"{room.url}/v1", "api_key": "sk-upstream"}
    config = {
        "model_list": [{"model_name": MODEL, "litellm_params": served}],
        "general_settings": {"master_key": _LITELLM_KEY},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    file = room.write("litellm.yaml", json.dumps(config))
    env = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "NO_PROXY": "127.0.0.1",
        "PATH": f"{folder}:/usr/bin:/bin",
    }
    words = (folder / "litellm", "--config", file, "--host", "127.0.0.1", "--port", room.port)
    command = room.command("litellm", *words, "--num_workers", "1", "--telemetry", "False", env=env)
    # 200 requests a second are twice what one core can do; its imports go on for the first seconds of load.
    return Launch((command,), _packages(folder, "litellm"), key=_LITELLM_KEY, rate=20.0, warm=8.0)


def _packages(folder: Path, *names: str) -> str:
    code = (
        "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    )
    return installs.output([str(folder / "python"), "-I", "-c", code, *names])


PEERS = (
    Target("nginx", "nginx, proxy_buffering off", nginx),
    Target("envoy", "Envoy, no filter", envoy),
    Target("ext-proc", "Envoy + ext_proc to a Python service", ext_proc),
    Target("starlette-httpx", "Starlette + httpx, bare", starlette_httpx),
    Target("mitmproxy", "mitmproxy with a JSON addon", mitmproxy),
    Target("portkey", "Portkey gateway", portkey),
    Target("litellm", "LiteLLM proxy", litellm),
)
