"""Where reports of stalls go within the program, in bounded numbers."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from auditor.model import Stall
from auditor.runtime.clock import Clocks
from auditor.runtime.wording import one_line, shown_path

MOST_SITES = 512


class Limit:
    """At most so many reports a minute of one kind at one place; tells how many it has kept back since."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._seen: OrderedDict[tuple[object, ...], list[float]] = OrderedDict()

    def passes(self, stall: Stall) -> int | None:
        """How many like this were kept back before it, or nothing when this one is kept back, too."""
        site = stall.site
        key = (stall.kind, stall.state, site.path if site else "", site.line if site else 0)
        now = Clocks.monotonic_ns() / 1e9
        window = self._seen.setdefault(key, [now, 0.0, 0.0])  # its begin, passed in it, kept back since
        self._seen.move_to_end(key)
        if len(self._seen) > MOST_SITES:
            self._seen.popitem(last=False)
        if now - window[0] >= 60:
            window[0], window[1] = now, 0.0
        if window[1] >= self._per_minute:
            window[2] += 1
            return None
        window[1] += 1
        kept, window[2] = int(window[2]), 0.0
        return kept


class Logging:
    """Writes a line to a logger for each stall."""

    def __init__(self, logger: logging.Logger, level: int, per_minute: int) -> None:
        self._logger, self._level = logger, level
        self._limit = Limit(per_minute)

    def __call__(self, stall: Stall) -> None:
        kept = self._limit.passes(stall)
        if kept is None or not self._logger.isEnabledFor(self._level):
            return
        more = f" [and {kept} more like it since the last line]" if kept else ""
        self._logger.log(self._level, "%s%s", one_line(stall), more, extra={"stall": stall})


class Tally:
    """Numbers and seconds of stalls by kind and place; places beyond the first ones count together."""

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._sites: dict[tuple[str, str], list[float]] = {}
        self.count = 0

    def add(self, stall: Stall) -> None:
        """Count a stall that has ended."""
        self.count += 1
        site = f"{shown_path(stall.site.path)}:{stall.site.line}" if stall.site else ""
        if (stall.kind.value, site) not in self._sites and len(self._sites) >= self._most:
            site = "(other)"
        found = self._sites.setdefault((stall.kind.value, site), [0.0, 0.0])
        found[0] += 1
        found[1] += stall.duration

    def by_site(self) -> list[tuple[str, str, int, float]]:
        """Kind, place, number and seconds of each."""
        return [
            (kind, site, int(count), total) for (kind, site), (count, total) in self._sites.copy().items()
        ]


Callback = Callable[[Stall], None]
