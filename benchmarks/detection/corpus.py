"""Which traffic is judged: the files, and what is known of every principal in them.

The truth stands in the lines; a file DIR.principals.jsonl beside the directory may add which campaign a
principal belongs to and the template it used. Both are for scoring alone: no detector sees them. How the
traffic is judged is not known here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gateway.errors import ConfigError, Place
from gateway.readers.base import Line
from gateway.readers.settings import reader_settings
from gateway.traffic import Survey, discover, merged, survey
from gateway.words import quote, suggest

FILLER = "-filler"
"""How the truth of an attacker's innocent requests ends."""
FOLDS = 2


@dataclass(frozen=True, slots=True)
class Role:
    """What one principal is."""

    id: str
    benign: bool
    scenario: str
    """Of an attacker the scenario, of an honest principal its class."""
    campaign: str
    """Principals of one campaign share it; the principal's own id without one."""
    unit: str
    """Principals with one unit are never parted: a campaign, a class, an organisation."""

    @property
    def fold(self) -> int:
        """The half of the deployment that it is in; the same in every run."""
        return int(fraction(self.unit) * FOLDS)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Some traffic, and the cast that is judged; lines of others are passed over."""

    plan: Survey
    roles: Mapping[str, Role]
    most: int = 0
    """Requests of one principal that are looked at; 0 for all."""

    def lines(self) -> Iterator[Line]:
        """The lines of the cast, by time."""
        seen: Counter[str] = Counter()
        for line in merged(self.plan):
            if line.principal in self.roles:
                seen[line.principal] += 1
                if not self.most or seen[line.principal] <= self.most:
                    yield line


class _Known(msgspec.Struct, frozen=True):
    """A line of DIR.principals.jsonl."""

    principal: str
    truth: str | None = None
    org: str | None = None
    campaign: str | None = None
    template: str | None = None


@dataclass(slots=True)
class _Sighting:
    """What the lines say of one principal."""

    org: str | None
    truths: Counter[str] = field(default_factory=Counter)

    def truth(self) -> str:
        """An attack's over an innocent one, what is asked for over filler, then the commonest."""
        return min(
            self.truths,
            key=lambda name: (
                not name.startswith("attack"), name.endswith(FILLER), -self.truths[name], name,
            ),
        )  # fmt: skip


def fraction(text: str) -> float:
    """A number 0…1 that is the text's own: how samples and halves are drawn, without dice."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def harvesting(truth: str | None) -> bool:
    """Whether a line is one of those that an attacker is after."""
    return truth is not None and truth.startswith("attack") and not truth.endswith(FILLER)


def locate(data: Path, split: str | None = None) -> Path:
    """The directory of traffic that `data` means: itself, or the one below its `traffic`.

    Raises ConfigError.
    """
    home = data / "traffic"
    if not home.is_dir():
        return data
    names = sorted(path.name for path in home.iterdir() if path.is_dir())
    if split is None and len(names) == 1:
        return home / names[0]
    if split in names:
        return home / split
    if split is None:
        raise ConfigError.at(Place(str(home)), f"choose one with SPLIT: {', '.join(names)}")
    raise ConfigError.at(Place(str(home)), f"no traffic {quote(split)}{suggest(split, names)}")


def read_corpus(where: Path, *, share: float = 1.0, scenarios: Iterable[str] = (), most: int = 0) -> Corpus:
    """Survey a directory and draw the cast. Raises ConfigError.

    `share` keeps that part of the campaigns and of the honest units; `scenarios` keeps these attacks beside
    all honest classes.
    """
    plan = survey(discover([where]), settings=reader_settings(None, None))
    sightings: dict[str, _Sighting] = {}
    for line in merged(plan):
        if line.truth is not None:
            sightings.setdefault(line.principal, _Sighting(line.org)).truths[line.truth] += 1
    known = _known(where.with_name(where.name + ".principals.jsonl"))
    roles = [_role(name, seen, known.get(name)) for name, seen in sightings.items()]
    wanted = _wanted(where, roles, list(scenarios))
    kept = {role.id: role for role in roles if role.scenario in wanted and fraction(f"s:{role.unit}") < share}
    return Corpus(plan, kept, most)


def _wanted(where: Path, roles: list[Role], scenarios: list[str]) -> set[str]:
    attacks = {role.scenario for role in roles if not role.benign}
    if not roles:
        raise ConfigError.at(Place(str(where)), "no line says its truth, so nothing can be judged")
    for name in scenarios:
        if not any(_named(name, attack) for attack in attacks):
            message = f"no scenario {quote(name)}{suggest(name, sorted(attacks))}"
            raise ConfigError.at(Place("--scenarios"), message)
    chosen = {attack for attack in attacks if any(_named(name, attack) for name in scenarios)}
    return {role.scenario for role in roles if role.benign} | (chosen if scenarios else attacks)


def _named(name: str, scenario: str) -> bool:
    """`hydra` names all kinds of hydra."""
    return scenario == name or scenario.startswith(f"{name} ")


def _known(file: Path) -> dict[str, _Known]:
    if not file.is_file():
        return {}
    decode = msgspec.json.Decoder(_Known).decode
    found = {}
    for number, text in enumerate(file.read_bytes().splitlines(), 1):
        if text.strip():
            try:
                row = decode(text)
            except ValueError as error:
                message = f"not a line about a principal: {error}"
                raise ConfigError.at(Place(str(file), number, 1), message) from error
            found[row.principal] = row
    return found


def _role(name: str, seen: _Sighting, known: _Known | None) -> Role:
    truth = seen.truth()
    kind, _, scenario = truth.partition(":")
    scenario = scenario.removesuffix(FILLER) or kind
    campaign = (known and known.campaign) or None
    if kind != "attack":
        return Role(name, True, scenario, campaign or name, campaign or seen.org or name)
    if scenario == "hydra" and known is not None and known.template:
        # One prompt shape over all keys is a campaign that another method finds than one without any.
        scenario = f"hydra {'bare' if known.template == 'bare' else 'wrapped'}"
    return Role(name, False, scenario, campaign or name, campaign or name)
