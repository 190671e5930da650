"""Where the peers come from: each into an environment of its own below one folder, in pinned versions.

Peers are no dependencies of the gateway. What cannot be installed is a TargetError with the installer's last
words, so that the report names the peer as not run. A stamp beside each environment says what it was made
from, so that a second run installs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.side_by_side.processes import TargetError

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "peers"
HERE = Path(__file__).parent
_WORDS = 300


def python_environment(cache: Path, name: str) -> Path:
    """The `bin` folder of a virtual environment with the packages of requirements/peers/NAME.txt."""
    pins = PINS / f"{name}.txt"

    def make(folder: Path) -> None:
        _call([sys.executable, "-I", "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet"]
        # The pins are whole; a user's pip settings may ask for --user, which is not possible here.
        _call(
            [*pip, "--no-deps", "-r", str(pins)], env={"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        )

    return _made(cache, name, pins.read_bytes(), make) / "bin"


def node_packages(cache: Path, name: str) -> Path:
    """The `node_modules` folder with the packages of side_by_side/NAME/package-lock.json."""
    lock = HERE / name / "package-lock.json"

    def make(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, folder)
        _call([node("npm"), "ci", "--silent"], cwd=folder)

    return _made(cache, name, lock.read_bytes(), make) / "node_modules"


def node(program: str) -> str:
    """`node` or `npm`. Raises TargetError where there is none."""
    found = shutil.which(program)
    if found is None:
        raise TargetError(f"{program} is not installed")
    return found


def nginx(cache: Path) -> str:
    """The machine's nginx, else Debian's package, unpacked and not installed: nothing is started by that."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is not None:
        return found

    def make(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _call(["apt-get", "download", "nginx"], cwd=folder)
        for package in folder.glob("*.deb"):
            _call(["dpkg", "-x", str(package), str(folder)])

    return str(_made(cache, "nginx", b"", make) / "usr" / "sbin" / "nginx")


def mitmproxy() -> Path:
    """The `bin` folder of the environment that the tests of the addon use (docs/decisions/0003)."""
    folder = ROOT / ".venv-mitmproxy"
    if not (folder / "bin" / "mitmdump").exists():
        _call([str(ROOT / "tools" / "venv.sh"), folder.name, "requirements/mitmproxy.txt"], cwd=ROOT)
    return folder / "bin"


def output(words: Sequence[str]) -> str:
    """What a program says about its version, on one line. Raises TargetError."""
    return " ".join(_call(words).split())


def _made(cache: Path, name: str, source: bytes, make: Callable[[Path], None]) -> Path:
    folder = cache.absolute() / name
    stamp = folder.with_suffix(".made-from")
    wanted = f"{hashlib.sha256(source).hexdigest()} {sys.version_info[:3]} {folder}"
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make(folder)
        stamp.write_text(wanted)
    return folder


def _call(words: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise TargetError(f"{words[0]}: {error.strerror}") from None
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        raise TargetError(f"{Path(words[0]).name} failed: {' '.join(said.split())[-_WORDS:]}")
    return said
