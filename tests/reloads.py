"""Policy directories that change, and the gate that follows them, for the tests of reloading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.gate import Gate
from gateway.guard import Verdict
from gateway.keeper import Keeper
from gateway.metrics import Metrics
from gateway.model import Mode
from gateway.reload import Reloader, begin
from gateway.source import Source
from gateway.stores.memory import MemoryStore
from tests.exchanges import Doorkeeper
from tests.support import LADDER, policy

RULES = "rules.yaml"
BROKEN = "kind: policy\nid: probe\npionts: 3\n"


def rules(points: float = 1, **head: object) -> str:
    """A whole policy directory in one file: every call gives so many points, and all calls are counted."""
    signals = f"""
    signals:
      all: {{request: {{request.messages: {{gte: 0}}}}, points: {points}, why: "{points} points"}}
      calls: {{count: {{of: requests, over: 1h}}, ramp: [0, 100000], points: 1}}
    """
    return policy(signals, **head) + LADDER


def write(directory: Path, text: str | None = None) -> Source:
    """A directory of these policies."""
    directory.mkdir(exist_ok=True)
    (directory / RULES).write_text(rules() if text is None else text)
    return Source(directory)


def swap(mounted: Path, name: str, text: str) -> None:
    """Mount this text as a Kubernetes ConfigMap is mounted, or put it in the place of the one before.

    Plain names lead through `..data`, a link to a hidden folder, which a rename swaps as one.
    """
    mounted.mkdir(exist_ok=True)
    (mounted / f"..{name}").mkdir()
    (mounted / f"..{name}" / RULES).write_text(text)
    (mounted / "..data_tmp").symlink_to(f"..{name}")
    (mounted / "..data_tmp").rename(mounted / "..data")
    if not (mounted / RULES).is_symlink():
        (mounted / RULES).symlink_to(f"..data/{RULES}")


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@dataclass
class House:
    """A policy directory and a reloader over it."""

    root: Path
    ceiling: Mode = Mode.ENFORCE
    guard: Callable[[Gate, Gate], Awaitable[Verdict]] | None = None
    last_known_good: bool = False
    clock: Clock = field(default_factory=Clock)
    metrics: Metrics = field(default_factory=Metrics)
    store: MemoryStore = field(default_factory=lambda: MemoryStore(100))

    @property
    def policies(self) -> Path:
        """The directory that is watched."""
        return self.root / "policies"

    @property
    def kept(self) -> Path:
        """The directory where bundles are kept."""
        return self.root / "bundles"

    def write(self, text: str | None = None) -> House:
        """Write the policies."""
        write(self.policies, text)
        return self

    def start(self) -> Reloader:
        """The reloader of a new process."""
        source, keeper = Source(self.policies), Keeper(self.kept)
        found = begin(source, keeper, last_known_good=self.last_known_good)
        gate = Gate(found.bundle, self.ceiling, self.store, Doorkeeper())
        return Reloader(gate, found, source, keeper, self.metrics, clock=self.clock, guard=self.guard)
