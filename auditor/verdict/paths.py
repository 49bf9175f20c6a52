"""Call paths as a report shows them: steps with places and notes, exposures with fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.index.files import NOTEBOOK_SUFFIX
from auditor.link import contexts as c
from auditor.link import wording
from auditor.link.nodes import STEPS
from auditor.model import Exposure, Step
from auditor.verdict.fingerprint import fingerprint
from auditor.verdict.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.engine.texts import Texts
    from auditor.link.program import Module
    from auditor.link.suspects import Exposed, Hop


class Paths:
    """Makes the steps and exposures of one run."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._statements = Statements(texts)
        self._steps: dict[tuple[object, ...], Step] = {}

    def locate(self, module: Module, line: int) -> tuple[str, int]:
        """The path and line that a report names for a line of a module: those of the cell in a notebook."""
        if not module.path.endswith(NOTEBOOK_SUFFIX):
            return module.path, line
        text = self._texts.text(module)
        return text.locate(line) if text is not None else (module.path, line)

    def prepare(self, exposed: Iterable[Exposed]) -> None:
        """Read the statements of many exposures, file by file: in the order of findings files would be read again."""
        places = {}
        for one in exposed:
            hop = one.hops[one.at]
            module = hop.function.module
            places[module.index, hop.place.line, hop.place.column] = hop
        for key in sorted(places):
            hop = places[key]
            self._statements.normalised(hop.function, hop.place)

    def spot(self, exposed: Exposed) -> tuple[str, int, int]:
        """Where an exposure stands, for ordering."""
        hop = exposed.hops[exposed.at]
        return (hop.function.module.path, hop.place.line, hop.place.column)

    def chain(self, exposed: Exposed, last: str) -> tuple[Step, ...]:
        """From the root to the offending call, of which ``last`` says what happens there."""
        steps = []
        for index, hop in enumerate(exposed.hops):
            edge = hop.edge
            place = hop.place
            root = self._root(exposed) if index == 0 and exposed.why else ""
            # one object for equal steps, since hundreds of paths share their ends
            key = (
                (hop.function, place.line, place.column, root, last)
                if edge is None
                else (hop.function, place.line, place.column, root, edge.how, edge.target.function)
            )
            step = self._steps.get(key)
            if step is None:
                note = last if edge is None else wording.step(edge.how, edge.target.function)
                if root:
                    note = f"{root}; {note}"
                step = self._steps[key] = Step(*self._place(hop), hop.function.qualname, note)
            steps.append(step)
        return tuple(steps)

    @staticmethod
    def _root(exposed: Exposed) -> str:
        """What is said of the first step: how its function comes to run."""
        root = wording.root(exposed.why)
        edge = exposed.hops[0].edge
        if c.OFF_LOOP[exposed.context] and (edge is None or edge.how in STEPS):
            root = f"{root}, {wording.thread(exposed.context)}"
        return root

    def exposure(self, exposed: Exposed, code: str, last: str) -> Exposure:
        """The exposure, named by its fingerprint."""
        hop = exposed.hops[exposed.at]
        function = hop.function
        statement = self._statements.normalised(function, hop.place)
        name = fingerprint(code, function.module.name, function.facts.qualname, statement)
        return Exposure(*self._place(hop), function.qualname, name, self.chain(exposed, last))

    def _place(self, hop: Hop) -> tuple[str, int, int]:
        module = hop.function.module
        column = self._texts.column(module, hop.place.line, hop.place.column)
        return (*self.locate(module, hop.place.line), column)
