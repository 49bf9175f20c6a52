"""Results that are kept: `auditor check` where nothing has changed says again what it said before.

What was written is kept as it was written, under all that the command was given; nothing is parsed, linked or rendered
for it, and nothing imported that would take longer than the comparison itself.
"""

from __future__ import annotations

import os
import sys

from auditor import resources
from auditor.cache import identity, inputs, state
from auditor.cache.store import Cache
from auditor.cli import replacing
from auditor.digests import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Written = tuple[str, str]

FOLDER = "results"
KEPT = 100
"""Results that may be there at once: one for each combination of directory and options."""

BYTES = 100_000_000
"""What all of them may take."""

STDOUT = "-"

_TERMINAL = (
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)
_OWN_PREFIX, _OWN_PLACE = "AUDITOR_", "AUDITOR_CACHE_DIR"


class Kept:
    """The kept result of a command, and the place for the next one. ``arguments`` are those after its name."""

    def __init__(self, arguments: Sequence[str], directory: str) -> None:
        self.cache = Cache(directory)
        self._name = os.path.join(FOLDER, _key(arguments, self.cache))

    def replay(self) -> int | None:
        """Write what was written before and return the exit code; None where a fresh run is needed."""
        found = self.cache.load(self._name)
        if found is None:
            return None
        seen, written, complaints, code = found
        comparison = state.Comparison(seen)
        if not comparison.is_same or not _can_write(written):
            return None
        if comparison.renewed is not None:
            self.cache.save(self._name, (comparison.renewed, written, complaints, code))
        try:
            for destination, text in written:
                if destination != STDOUT:
                    replacing.write(os.path.realpath(destination), text)
        except OSError:
            return None  # the run will say so
        sys.stderr.write(complaints)
        for destination, text in written:
            if destination == STDOUT:
                sys.stdout.write(text)
        return int(code)

    def record(self) -> inputs.Recording:
        """Take down from now on what the run looks at."""
        recording = inputs.Recording()
        with recording:
            for place in sys.path:
                inputs.asks("kind", place)
                inputs.distributions(place or os.curdir)
        return recording

    def keep(
        self, recording: inputs.Recording, written: Sequence[Written], complaints: str, code: int
    ) -> None:
        """Keep the result of a run, if it can be told later whether it still holds."""
        if recording.excuse or not _can_write(written):
            return
        seen = state.take(recording)
        if seen is not None and self.cache.save(self._name, (seen, list(written), complaints, code)):
            self.cache.prune(FOLDER, KEPT, most=BYTES)


def find(arguments: Sequence[str]) -> Kept | None:
    """Where the result of a command with these arguments is kept; None where none may be."""
    if sys.stdout is None or sys.stderr is None or "--no-cache" in arguments:
        return None
    if sys.platform == "win32" and sys.stdout.isatty():
        return None  # older consoles are not written to, but painted
    directory = resources.cache_dir()
    for at, argument in enumerate(arguments):
        if argument == "--cache-dir" and at + 1 < len(arguments):
            directory = arguments[at + 1]
        elif argument.startswith("--cache-dir="):
            directory = argument.partition("=")[2]
    try:
        return Kept(arguments, os.path.abspath(directory)) if directory else None
    except OSError:
        return None  # the working directory is gone, or auditor's own: the run will say so


def _key(arguments: Sequence[str], cache: Cache) -> str:
    environment = [
        item
        for item in sorted(os.environ.items())
        if item[0].startswith(_OWN_PREFIX) and item[0] != _OWN_PLACE
    ]
    who = (identity.program(cache), identity.python())
    what = (list(arguments), os.getcwd(), environment, _stream())
    return digest(repr((who, what)).encode("utf-8", "surrogatepass")).hex()


def _stream() -> tuple[object, ...]:
    """What decides how text is written to standard output."""
    out = sys.stdout
    traits = (out.encoding, out.errors)
    if not out.isatty():
        return traits
    sizes = []
    for descriptor in range(3):
        try:
            sizes.append(tuple(os.get_terminal_size(descriptor)))
        except OSError:
            sizes.append(())
    return *traits, sizes, [os.environ.get(name) for name in _TERMINAL]


def _can_write(written: Sequence[Written]) -> bool:
    """Whether all destinations are plain files, or can become such."""
    return all(
        destination == STDOUT
        or os.path.isfile(destination)
        or (not os.path.lexists(destination) and os.path.isdir(os.path.dirname(os.path.abspath(destination))))
        for destination, _ in written
    )
