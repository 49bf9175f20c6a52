"""Load test: the reference engine beside its broken twin, or a service of your own."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from auditor.cli.errors import UsageError
from auditor.cli.main import FINDINGS, OK

if TYPE_CHECKING:
    from auditor.loadtest.figures import Summary, Verdict
    from auditor.loadtest.plan import Load
    from auditor.loadtest.rounds import Round
    from auditor.model import Stall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--rounds", type=_positive, default=10, metavar="N", help="rounds of each engine (10)"
    )
    parser.add_argument("--seconds", type=_duration, default=10.0, metavar="S", help="length of a round (10)")
    parser.add_argument(
        "--engines",
        default="idle,broken,fixed",
        metavar="NAMES",
        help="which of idle, broken and fixed (all)",
    )
    load = parser.add_argument_group("load")
    load.add_argument(
        "--websockets", type=int, default=10, metavar="N", help="connections that send heartbeats (10)"
    )
    load.add_argument(
        "--beats", type=float, default=10.0, metavar="N", help="heartbeats a second of each (10)"
    )
    load.add_argument("--requests", type=float, default=20.0, metavar="N", help="requests a second (20)")
    load.add_argument("--uploads", type=int, default=50, metavar="N", help="uploads of 1 MB at once (50)")
    load.add_argument(
        "--upload-every", type=_duration, default=5.0, metavar="S", help="seconds between them (5)"
    )
    load.add_argument("--documents", type=int, default=5, metavar="N", help="documents in work at once (5)")
    own = parser.add_argument_group("a service of your own")
    own.add_argument("--url", metavar="URL", help="its address, as in http://127.0.0.1:8000")
    own.add_argument(
        "--websocket", default="", metavar="PATH", help="where it takes WebSockets; they are pinged"
    )
    own.add_argument("--get", action="append", metavar="PATH", help="what to request; repeatable (/)")
    own.add_argument("--put", default="", metavar="PATH", help="where it takes uploads with PUT")
    own.add_argument("--post", default="", metavar="PATH", help="where it takes uploads with POST")
    own.add_argument("--file", default="", metavar="FILE", help="what to upload")
    out = parser.add_argument_group("output")
    out.add_argument("--json", metavar="FILE", help="write all samples and figures to FILE")
    out.add_argument("--html", metavar="FILE", help="write a report with plots to FILE")
    out.add_argument(
        "--stalls",
        action="append",
        default=[],
        metavar="FILE",
        help="what 'auditor monitor --record FILE' has recorded of your service: laid over the plots; repeatable",
    )
    out.add_argument(
        "--no-monitor",
        action="store_true",
        help="do not watch the engines' loops for the sake of the plots of --html",
    )
    out.add_argument("--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    """0 when everything is kept that was promised, 1 when not."""
    from auditor.cli import evidence
    from auditor.loadtest import figures, output
    from auditor.loadtest.engines import Unusable

    evidence.read(tuple(arguments.stalls), "--stalls")
    evidence.read.cache_clear()  # that was to refuse them before any load; under load they grow
    with stoppable(), tempfile.TemporaryDirectory(prefix="auditor-bench-stalls-") as directory:
        record = os.path.join(directory, "stalls.jsonl") if _monitored(arguments) else ""
        try:
            rounds = _rounds(arguments, record)
        except Unusable as error:
            raise UsageError(str(error)) from error
        written = [record] if record and os.path.exists(record) else []
        stalls = _on_the_clock(evidence.read((*arguments.stalls, *written), "--stalls").stalls)
    summaries = figures.summarise(rounds)
    verdicts = figures.promises(rounds, summaries) or figures.limits(summaries)
    output.write_text(summaries, verdicts, sys.stdout)
    _write_files(arguments, rounds, summaries, verdicts, stalls)
    return OK if all(verdict.kept for verdict in verdicts) else FINDINGS


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Whoever is told to end stops the engine first that it has started."""

    def stop(*_: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _monitored(arguments: argparse.Namespace) -> bool:
    return bool(arguments.html) and arguments.url is None and not arguments.no_monitor


def _rounds(arguments: argparse.Namespace, record: str) -> list[Round]:
    from auditor.loadtest import rounds

    load = _load(arguments)
    if arguments.url is not None:
        return rounds.measure(_target(arguments), load, arguments.rounds, arguments.file, _teller(arguments))
    names = tuple(dict.fromkeys(name.strip() for name in arguments.engines.split(",") if name.strip()))
    for name in names:
        if name not in rounds.ENGINES:
            from auditor.tables import did_you_mean

            raise UsageError(f"--engines: there is no engine {name!r}; {did_you_mean(name, rounds.ENGINES)}")
    if not names:
        raise UsageError("--engines: name at least one of idle, broken and fixed")
    return rounds.compare(load, arguments.rounds, names, _teller(arguments), record)


def _load(arguments: argparse.Namespace) -> Load:
    from auditor.loadtest.plan import Load

    for option in ("websockets", "beats", "requests", "uploads", "documents"):
        if getattr(arguments, option) < 0:
            raise UsageError(f"--{option}: must not be negative")
    return Load(
        seconds=arguments.seconds,
        websockets=arguments.websockets,
        beats_per_second=arguments.beats,
        requests_per_second=arguments.requests,
        uploads=arguments.uploads,
        upload_every=arguments.upload_every,
        documents=arguments.documents,
    )


def _target(arguments: argparse.Namespace) -> Any:
    from auditor.loadtest.plan import Target

    url = arguments.url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url: {arguments.url!r} is not an address; write http://HOST:PORT")
    upload = arguments.put or arguments.post
    if bool(upload) != bool(arguments.file):
        raise UsageError("uploads need both --file and one of --put and --post")
    if arguments.file and not os.path.isfile(arguments.file):
        raise UsageError(f"--file: {arguments.file}: there is no such file")
    return Target(
        url,
        websocket=arguments.websocket,
        beats="frame",
        requests=tuple(arguments.get or ["/"]),
        upload=upload.replace("{", "{{").replace("}", "}}"),
        upload_method="PUT" if arguments.put else "POST",
    )


def _write_files(
    arguments: argparse.Namespace,
    rounds: list[Round],
    summaries: list[Summary],
    verdicts: list[Verdict],
    stalls: list[tuple[float, float, str]],
) -> None:
    from auditor.loadtest import output, page

    try:
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as out:
                output.write_json(rounds, summaries, verdicts, out)
        if arguments.html:
            with open(arguments.html, "w", encoding="utf-8") as out:
                page.write_html(rounds, summaries, verdicts, stalls, out)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written ({error.strerror})") from error


def _on_the_clock(stalls: Sequence[Stall]) -> list[tuple[float, float, str]]:
    """Starts on the machine's monotonic clock, seconds, and words; the monitor writes down wall clock times."""
    from auditor.runtime.wording import place

    offset = time.time() - time.monotonic()
    return [(one.start - offset, one.duration, f"{place(one)} ({one.kind})") for one in stalls]


def _teller(arguments: argparse.Namespace) -> Any:
    if arguments.quiet or not sys.stderr.isatty():
        return lambda _: None
    return lambda line: print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _duration(text: str) -> float:
    seconds = float(text)
    if not 0.5 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be between 0.5 and 3600 seconds")
    return seconds
