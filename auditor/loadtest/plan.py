"""What a round of load consists of, and what is recorded of it. Times are seconds, also those of latencies."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

HEARTBEAT_SLO = 0.100
"""The audit document's limit for the answer to a WebSocket heartbeat."""
REQUEST_SLO = 0.500
"""Its limit for the answer to a request."""


@dataclass(frozen=True, slots=True)
class Load:
    """Everything that is sent in a round; zero leaves that part out."""

    seconds: float = 10.0
    websockets: int = 10
    beats_per_second: float = 10.0
    """Of each WebSocket."""
    requests_per_second: float = 20.0
    uploads: int = 50
    """At the same moment, again and again."""
    upload_bytes: int = 1_000_000
    upload_every: float = 5.0
    documents: int = 5
    """In work at the same time: whenever one has ended the next is handed in."""
    grace: float = 15.0
    """How long answers are waited for after the end; a heartbeat that comes later is lost."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service under load, and where it takes what."""

    url: str
    websocket: str = ""
    """Path; empty if there is none."""
    beats: str = "message"
    """``message``: the engine's own ping; ``frame``: the ping of the WebSocket protocol, which every server answers."""
    requests: tuple[str, ...] = ("/",)
    upload: str = ""
    """Path that takes a file with PUT; ``{name}`` stands for a name."""
    upload_method: str = "PUT"
    document: str = ""
    """Path that takes a file and answers with ``{"job": {"id": ...}}``."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one load process has to do."""

    target: Target
    load: Load
    start: float
    """On the machine's monotonic clock."""
    upload_file: str = ""
    document_files: tuple[str, ...] = ()

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        raw = json.loads(text)
        target = raw["target"] | {"requests": tuple(raw["target"]["requests"])}
        return cls(
            Target(**target),
            Load(**raw["load"]),
            raw["start"],
            raw["upload_file"],
            tuple(raw["document_files"]),
        )


Sample = tuple[float, float]
"""When it should have been sent, since the start of the round, and how long after that the answer was there."""


@dataclass(slots=True)
class Record:
    """What came of a round."""

    heartbeats: list[Sample] = field(default_factory=list)
    requests: list[Sample] = field(default_factory=list)
    uploads: list[Sample] = field(default_factory=list)
    documents: list[Sample] = field(default_factory=list)
    """Here the second value is the time from handing in to the end."""
    sent: int = 0
    """Heartbeats that were due."""
    lost: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    """What went wrong, and how often."""
    lateness: list[float] = field(default_factory=list)
    """How late the load process itself was with each heartbeat and request: its own share of the latencies."""

    def count(self, error: str) -> None:
        self.errors[error] = self.errors.get(error, 0) + 1

    def add(self, other: Record) -> None:
        """Take over what another process has recorded of the same round."""
        for name in ("heartbeats", "requests", "uploads", "documents", "lateness"):
            getattr(self, name).extend(getattr(other, name))
        self.sent += other.sent
        self.lost += other.lost
        for error, times in other.errors.items():
            self.errors[error] = self.errors.get(error, 0) + times

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> Self:
        record = cls(**raw)
        for name in ("heartbeats", "requests", "uploads", "documents"):
            setattr(record, name, [(at, latency) for at, latency in getattr(record, name)])
        return record
