"""The text report as lines of styled spans: one layout, which the plain and the rich back end paint.

A styled span is text and the name of a style (see ``STYLES`` of the rich back end); plain output leaves the styles
out. Everything that comes from the audited program is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditor.model import Confidence, Finding, Report, Step
from auditor.reporters import form, observed, summary
from auditor.reporters.cells import cut, escape, width, wrap
from auditor.reporters.frames import SourceLines, excerpt
from auditor.reporters.options import Options, Selection, by_weight, select
from auditor.reporters.wording import CATEGORIES, PHASES, cost_range, count, short_function, unsaid

Span = tuple[str, str]
Line = list[Span]

MIN_WIDTH, MAX_WIDTH = 40, 120
_ROOMY = 60
_STEPS_AT_START, _STEPS_AT_END = 2, 3
_OTHER_PLACES, _OTHER_ROOTS = 4, 3
_NOT_ANALYSED_SHOWN = 10
_NOTICES_SHOWN = 10
_MISSED_SHOWN = 10
_LABEL = 5


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters that frames and trees are drawn with."""

    top: str
    bar: str
    branch: str
    last: str
    child: str
    underline: str
    ellipsis: str
    dot: str
    dash: str


ASCII = Glyphs("-->", "|", "=", "=", "`- ", "^", "...", "-", "-")
UNICODE = Glyphs("╭─", "│", "├", "╰", "╰─ ", "━", "…", "·", "─")


class Layout:
    """Lays out one report for one width."""

    def __init__(self, report: Report, options: Options, glyphs: Glyphs, columns: int) -> None:
        self._report = report
        self._options = options
        self._glyphs = glyphs
        self._columns = min(max(columns, MIN_WIDTH), MAX_WIDTH)
        self._sources = SourceLines(options.source)
        self._selection: Selection = select(report, options)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the report, worst finding first."""
        if self._options.verbose:
            for finding in sorted(self._selection.findings, key=by_weight):
                yield from self._verbose(finding)
                yield []
        else:
            for group in _groups(self._selection.findings):
                yield from self._brief(group)
                yield []
        yield from self._footer()

    # One finding -------------------------------------------------------------------------------------------

    def _brief(self, group: list[Finding]) -> Iterator[Line]:
        finding = group[0]
        gutter = self._gutter(finding)
        yield from self._title(finding)
        yield self._place(finding, gutter)
        yield from self._frame(finding, gutter)
        sections = [
            ("path", self._path(finding, gutter)),
            ("also", self._also(group, gutter)),
            ("cost", self._quoted(self._cost(finding), self._room(gutter), 2)),
            ("seen", self._seen(finding, gutter)),
            ("fix", self._advice(finding, gutter)),
            ("rule", [_clip(self._rule(finding), self._room(gutter), self._glyphs.ellipsis)]),
        ]
        yield from self._sections([section for section in sections if section[1]], gutter)

    def _title(self, finding: Finding) -> Iterator[Line]:
        badge = f"[{finding.severity.name}]"
        start = len(badge) + 1 + len(finding.code) + 1
        lines = self._quoted(escape(finding.message), self._columns - start, 3, "message")
        head: Line = [
            (badge, f"badge.{finding.severity.name}"),
            (" ", ""),
            (finding.code, f"severity.{finding.severity.name}"),
            (" ", ""),
        ]
        yield [*head, *lines[0]]
        for line in lines[1:]:
            yield [(" " * start, ""), *line]

    def _quoted(self, text: str, limit: int, most: int, style: str = "") -> list[Line]:
        """Wrap prose; what stands in backticks is code."""
        lines: list[Line] = []
        in_code = False
        for line in wrap(text, limit, most, self._glyphs.ellipsis):
            lines.append(_mark_code(line, style, in_code))
            in_code ^= line.count("`") % 2 == 1
        return lines

    def _gutter(self, finding: Finding) -> int:
        return max(3, len(str(finding.location.line)) + 1)

    def _bar(self, gutter: int, glyph: str = "") -> Span:
        return (f"{'':{gutter}}{glyph or self._glyphs.bar}", "chrome")

    def _place(self, finding: Finding, gutter: int) -> Line:
        where = finding.location
        place = f"{escape(where.path)}:{where.line}:{where.column}"
        line: Line = [
            (f"{'':{gutter}}{self._glyphs.top} "[: gutter + 4], "chrome"),
            (place, "place"),
        ]
        room = self._columns - gutter - len(self._glyphs.top) - 1 - width(place)
        inside = f" in {escape(short_function(finding.function, where.path))}"
        phase = f", {PHASES[finding.phase]}"
        if width(inside) + width(phase) <= room:
            inside += phase
        if room > 10:
            line.append((cut(inside, room, self._glyphs.ellipsis), "dim"))
        return line

    def _frame(self, finding: Finding, gutter: int) -> Iterator[Line]:
        where = finding.location
        text = self._sources.line(where.path, where.line)
        if text is None or not text.strip():
            return
        several = where.end_line > where.line
        end = len(text.rstrip()) if several else where.end_column - 1
        limit = self._columns - gutter - 2
        shown = excerpt(text, where.column - 1, end, limit, self._glyphs.ellipsis)
        number = f"{where.line:>{gutter - 1}} {self._glyphs.bar} "
        yield [(number, "chrome"), (shown.text, "source")]
        if not shown.length:
            return
        mark = self._glyphs.underline * shown.length
        line: Line = [
            self._bar(gutter),
            (" " * (1 + shown.offset), ""),
            (mark, f"underline.{finding.severity.name}"),
        ]
        note = f" to line {where.end_line}"
        if several and shown.offset + shown.length + len(note) <= limit:
            line.append((note, "dim"))
        yield line

    def _sections(self, sections: list[tuple[str, list[Line]]], gutter: int) -> Iterator[Line]:
        for index, (label, lines) in enumerate(sections):
            last = index == len(sections) - 1
            glyph = self._glyphs.last if last else self._glyphs.branch
            yield [self._bar(gutter, glyph), (f" {label:<{_LABEL}}", "label"), *lines[0]]
            for line in lines[1:]:
                bar = self._bar(gutter, " " if last else "")
                yield [bar, (f" {'':<{_LABEL}}", ""), *line]

    def _room(self, gutter: int) -> int:
        return self._columns - gutter - _LABEL - 2

    def _fit(self, text: str, gutter: int) -> str:
        return cut(text, self._room(gutter), self._glyphs.ellipsis)

    # The call path -----------------------------------------------------------------------------------------

    def _path(self, finding: Finding, gutter: int) -> list[Line]:
        lines: list[Line] = []
        shown = list(_ends(finding.chain))
        for depth, step in enumerate(shown):
            if isinstance(step, int):
                text = f"{self._glyphs.ellipsis} {count(step, 'more call')}"
                lines.append([self._child(depth), (text, "dim")])
                continue
            following = shown[depth + 1] if depth + 1 < len(shown) else finding.callee
            called = following.function if isinstance(following, Step) else following
            note = unsaid(step.note, called) if isinstance(called, str) else step.note
            lines.extend(self._step(step, escape(note), depth, self._room(gutter)))
        return lines

    def _child(self, depth: int) -> Span:
        indent = 3 if self._columns >= _ROOMY else 1
        return (" " * (indent * (depth - 1)) + self._glyphs.child if depth else "", "chrome")

    def _step(self, step: Step, note: str, depth: int, room: int) -> Iterator[Line]:
        indent = self._child(depth)
        name = escape(short_function(step.function, step.path))
        place = f"{escape(step.path)}:{step.line}"
        room -= width(indent[0])
        name = cut(name, max(12, room - width(place) - 2), self._glyphs.ellipsis)
        head: Line = [indent, (name, "function"), ("  ", ""), (place, "place.step")]
        room_for_note = room - width(name) - width(place) - 4
        if not note:
            yield head
            return
        if width(note) <= room_for_note:
            yield [*head, ("  ", ""), *_mark_code(note, "dim")]
            return
        yield head
        hanging = width(indent[0]) + 3
        for line in self._quoted(note, room + width(indent[0]) - hanging, 2, "dim"):
            yield [(" " * hanging, ""), *line]

    # The sections below it ---------------------------------------------------------------------------------

    def _also(self, group: list[Finding], gutter: int) -> list[Line]:
        texts: list[str] = []
        for finding in group[1 : 1 + _OTHER_PLACES]:
            where = finding.location
            root = finding.chain[0]
            origin = (
                ""
                if root.function == finding.function
                else f", from {short_function(root.function, root.path)}"
            )
            name = short_function(finding.function, where.path)
            texts.append(f"{escape(where.path)}:{where.line}:{where.column} in {escape(name + origin)}")
        rest = len(group) - 1 - _OTHER_PLACES
        if rest > 0:
            texts.append(f"the same at {count(rest, 'more place')} in this file")
        texts.extend(self._other_roots(group[0]))
        return [[(self._fit(text, gutter), "dim")] for text in texts]

    def _other_roots(self, finding: Finding) -> Iterator[str]:
        others = [exposure for exposure in finding.exposures if exposure.chain != finding.chain]
        seen: dict[str, None] = {}
        for exposure in others:
            root = exposure.chain[0] if exposure.chain else exposure
            seen.setdefault(f"{short_function(root.function, root.path)} ({root.path}:{root.line})")
        if seen:
            names = ", ".join(list(seen)[:_OTHER_ROOTS])
            rest = len(seen) - _OTHER_ROOTS
            yield escape(f"reached from {names}" + (f" and {rest} more" if rest > 0 else ""))

    def _cost(self, finding: Finding) -> str:
        text = cost_range(finding.cost)
        if finding.cost.source != "catalogue":
            text += f" ({finding.cost.source})"
        if finding.gil == "holds":
            text += ", holds the GIL"
        if finding.confidence is not Confidence.HIGH:
            text += f" {self._glyphs.dot} {finding.confidence.label} confidence"
        return text

    def _seen(self, finding: Finding, gutter: int) -> list[Line]:
        if finding.observed is None:
            return []
        return self._quoted(escape(observed.sentence(finding.observed)), self._room(gutter), 3)

    def _missed(self) -> Iterator[Line]:
        missed = self._report.missed
        if not missed:
            return
        yield [("Seen to stall at run time, without a finding:", "label")]
        for one in missed[:_MISSED_SHOWN]:
            aside = f" [{one.aside}]" if one.aside else ""
            yield from self._file_not_analysed(
                escape(observed.place(one)) + aside, escape(observed.figures(one.observed))
            )
            for text in (one.text, observed.way(one)):
                if text:
                    yield from (
                        [("    ", ""), *line]
                        for line in self._quoted(escape(text), self._columns - 4, 3, "dim")
                    )
        if len(missed) > _MISSED_SHOWN:
            yield [(f"  and {len(missed) - _MISSED_SHOWN:,} more places, see `-o json`", "dim")]
        yield []

    def _advice(self, finding: Finding, gutter: int) -> list[Line]:
        if not finding.advice and not finding.fixes:
            return []
        lines = self._quoted(escape(finding.advice), self._room(gutter), 2) if finding.advice else []
        if finding.fixes:
            option = "--fix" if finding.fixes[0].safety == "safe" else "--fix --unsafe-fixes"
            hint = f"done for you by `auditor check {option}`"
            lines.append(_mark_code(self._fit(hint, gutter), "dim"))
        return lines

    def _rule(self, finding: Finding) -> Line:
        tool = "ruff" if finding.code.startswith("ASYNC") else "auditor"
        line: Line = [(f"{tool} rule {finding.code}", "code"), (f"  {finding.name}", "dim")]
        if finding.also:
            line.append((f", also {', '.join(finding.also)}", "dim"))
        return line

    # The long form -----------------------------------------------------------------------------------------

    def _verbose(self, finding: Finding) -> Iterator[Line]:
        where, gutter = finding.location, self._gutter(finding)
        severity = finding.severity.name
        yield [
            (f"[SEVERITY: {severity}]", f"badge.{severity}"),
            (f" {finding.code}", f"severity.{severity}"),
            (f" {finding.name}", "dim"),
        ]
        lines = f"{where.line}" if where.end_line == where.line else f"{where.line}-{where.end_line}"
        yield [("Location: ", "label"), (f"{escape(where.path)} : {lines}", "place")]
        yield [("Risk Category: ", "label"), (CATEGORIES[finding.category], "")]
        yield [self._bar(gutter)]
        yield from self._frame(finding, gutter)
        sections = [("path", self._path(finding, gutter)), ("also", self._also([finding], gutter))]
        yield from self._sections([section for section in sections if section[1]], gutter)
        yield from self._heading("The Problem", [finding.message])
        impact = [f"Impact on concurrent requests: {finding.impact}"] if finding.impact else []
        confidence = f"Confidence: {finding.confidence.label.capitalize()}"
        estimate = f"{cost_range(finding.cost)} ({finding.cost.source}), {PHASES[finding.phase]}"
        seen = [observed.sentence(finding.observed)] if finding.observed is not None else []
        yield from self._heading("Blocking Duration Estimate", [estimate, *seen, *impact, confidence])
        yield from self._heading("How to Verify", finding.verify)
        fixes = list(dict.fromkeys(f"{fix.title} ({fix.safety}, automatic)" for fix in finding.fixes))
        yield from self._heading("The Fix", [finding.advice, *fixes, f"Complexity: {finding.fix_complexity}"])
        yield from self._heading("Trade-off Consideration", finding.tradeoffs)
        yield [("See: ", "label"), *self._rule(finding)]

    def _heading(self, title: str, items: Iterable[str]) -> Iterator[Line]:
        present = [item for item in items if item]
        if not present:
            return
        yield [(f"{title}:", "label")]
        for item in present:
            for paragraph_line, text in enumerate(escape_lines(item)):
                for index, line in enumerate(self._quoted(text, self._columns - 2, 0)):
                    bullet = "- " if index == 0 and paragraph_line == 0 else "  "
                    yield [(bullet, "chrome"), *line]

    # What stands below the findings ------------------------------------------------------------------------

    def _footer(self) -> Iterator[Line]:
        report = self._report
        if self._options.verbose:
            for title, items in form.sections(report, self._options):
                yield from self._heading(title, items)
                yield []
        entries = summary.not_analysed(report)
        if entries:
            yield [("Not analysed:", "label")]
            for path, reason in entries[:_NOT_ANALYSED_SHOWN]:
                yield from self._file_not_analysed(path, reason)
            if len(entries) > _NOT_ANALYSED_SHOWN:
                yield [
                    (
                        f"  and {count(len(entries) - _NOT_ANALYSED_SHOWN, 'more file')}, see `-o concise`",
                        "dim",
                    )
                ]
            yield []
        yield from self._missed()
        yield from self._notices()
        if self._options.statistics:
            yield from self._table("Statistics", summary.statistics_table(report, self._selection.findings))
        style = "summary.bad" if self._selection.findings else "summary.good"
        yield from self._styled(summary.found(report, self._selection), style)
        yield from self._styled(summary.covered(report), "dim")
        if self._selection.hidden:
            yield from self._styled(
                "`--min-severity MONITOR --min-confidence low` shows what is hidden", "dim"
            )

    def _notices(self) -> Iterator[Line]:
        notices = summary.notices(self._report)
        if not notices:
            return
        yield [("To tidy up:", "label")]
        for place, what in notices[:_NOTICES_SHOWN]:
            yield from self._file_not_analysed(place, what)
        if len(notices) > _NOTICES_SHOWN:
            yield [(f"  and {len(notices) - _NOTICES_SHOWN:,} more, see `-o concise`", "dim")]
        yield []

    def _file_not_analysed(self, path: str, reason: str) -> Iterator[Line]:
        head: Line = [("  ", ""), (path, "place"), (":", "dim")]
        room = self._columns - width(path) - 4
        if width(reason) <= room:
            yield [*head, (f" {reason}", "dim")]
            return
        yield head
        for line in self._quoted(reason, self._columns - 4, 2, "dim"):
            yield [("    ", ""), *line]

    def _styled(self, text: str, style: str) -> Iterator[Line]:
        yield from self._quoted(text, self._columns, 0, style)

    def _table(self, title: str, rows: list[tuple[str, str, str]]) -> Iterator[Line]:
        yield [(title, "label")]
        for row in summary.table(rows):
            yield [(f"  {row}", "")]
        yield []


def _clip(line: Line, limit: int, ellipsis: str) -> Line:
    """Cut a line that is wider than ``limit``."""
    clipped: Line = []
    for text, style in line:
        shown = cut(text, limit, ellipsis)
        clipped.append((shown, style))
        limit -= width(shown)
        if shown != text:
            break
    return clipped


def escape_lines(text: str) -> list[str]:
    """Escape prose that may hold line breaks of its own."""
    return [escape(line) for line in text.splitlines()]


def _mark_code(text: str, style: str, in_code: bool = False) -> Line:
    """Split ``text`` into prose and what stands in backticks; ``in_code`` when they opened on the line before."""
    line: Line = []
    for index, part in enumerate(text.split("`")):
        tick = "`" if index else ""
        if in_code:
            line.append((tick + part, "code"))
        elif tick and line:
            line[-1] = (line[-1][0] + tick, "code")
            line.append((part, style))
        else:
            line.append((tick + part, style))
        in_code = not in_code
    return [span for span in line if span[0]] or [("", style)]


def _ends(chain: tuple[Step, ...]) -> Iterator[Step | int]:
    """Yield the steps of a path; of a long one the ends and, between them, how many are left out."""
    omitted = len(chain) - _STEPS_AT_START - _STEPS_AT_END
    if omitted <= 1:
        yield from chain
        return
    yield from chain[:_STEPS_AT_START]
    yield omitted
    yield from chain[-_STEPS_AT_END:]


def _groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Bring findings that say the same of one file together, worst first."""
    groups: dict[object, list[Finding]] = {}
    for finding in sorted(findings, key=by_weight):
        same = (
            finding.code,
            finding.location.path,
            finding.callee,
            finding.severity,
            finding.phase,
            finding.message,
            finding.advice,
            bool(finding.fixes),
        )
        groups.setdefault(same, []).append(finding)
    return list(groups.values())
