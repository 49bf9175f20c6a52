"""What the audited code declares about its own functions, by decorators of `auditor.annotations` or by comments."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from auditor.index import facts as f
from auditor.link import contexts as c
from auditor.link import values as v
from auditor.model import Loop, Phase, Thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.link.evaluate import Evaluator
    from auditor.link.program import Function, Module

BLOCKING: Final = "blocking"
NON_BLOCKING: Final = "non-blocking"
RUNS_ON_LOOP: Final = "runs-on-loop"
RUNS_IN_THREAD: Final = "runs-in-thread"
WORDS: Final = (BLOCKING, NON_BLOCKING, RUNS_ON_LOOP, RUNS_IN_THREAD)
"""As comments say it: ``# auditor: blocking``. Decorators have underscores."""

PACKAGE: Final = "auditor"
MODULE: Final = "auditor.annotations"
BLOCKING_API: Final = f"{MODULE}.blocking"
"""The catalog's entry for calls of functions that are declared to block."""

LOOP_ONLY_API: Final = f"{MODULE}.runs_on_loop"
"""... and for calls of functions whose names say that they belong on the loop."""

_WORKER_LOOPS: Final = {True: Loop.PRIVATE, False: Loop.NONE}


class Declarations:
    """What every function of a program is declared to be; most are nothing."""

    def __init__(self, evaluator: Evaluator, loop_only: Sequence[str] = ()) -> None:
        self._evaluator = evaluator
        self._words: dict[Function, set[str]] = {}
        self._loop_only = {x for x in evaluator.program.functions if _is_named(x, loop_only)}
        for module in evaluator.program.modules:
            for _, _, said, _, _, number in module.facts.comments:
                word = said.partition(" ")[0]
                if number >= 0 and word in WORDS:
                    self._words.setdefault(module.functions[number], set()).add(word)
            if any(name.partition(".")[0] == PACKAGE for _, name in module.facts.imports):
                self._decorated(module)
        for function in self._loop_only:
            words = self._words.setdefault(function, set())
            if RUNS_IN_THREAD not in words:
                words.add(RUNS_ON_LOOP)

    def __bool__(self) -> bool:
        return bool(self._words)

    def is_blocking(self, function: Function) -> bool:
        """Whether calling it blocks, as declared; a coroutine function cannot be."""
        return BLOCKING in self._words.get(function, ()) and not function.is_async

    def is_loop_only(self, function: Function) -> bool:
        """Whether its name says that only the loop's thread may call it."""
        return function in self._loop_only

    def is_opaque(self, function: Function) -> bool:
        """Whether a declaration stands for what the body does."""
        words = self._words.get(function, ())
        return NON_BLOCKING in words or (BLOCKING in words and not function.is_async)

    def context(self, function: Function) -> tuple[c.Context, str] | None:
        """Where it runs whoever seems to call it, and why, in words."""
        words = self._words.get(function, ())
        phase = Phase.TEST if function.module.is_test else Phase.SERVING
        if RUNS_ON_LOOP in words:
            return c.context(Thread.MAIN, Loop.SERVING, phase), "declared to run on the event loop"
        if RUNS_IN_THREAD in words:
            loop = _WORKER_LOOPS[function.is_async]
            return c.context(Thread.WORKER, loop, phase), "declared to run in a worker thread"
        return None

    def placed(self) -> list[Function]:
        """The functions whose context is declared, in the order of the program."""
        found = [x for x, words in self._words.items() if words & {RUNS_ON_LOOP, RUNS_IN_THREAD}]
        return sorted(found, key=lambda function: function.id)

    def _decorated(self, module: Module) -> None:
        for function in module.functions:
            if function.facts.kind not in (f.DEF, f.ASYNC_DEF):
                continue
            for decorator in function.facts.decorators:
                for value in self._evaluator.values(module, decorator):
                    word = _word(value)
                    if word in WORDS:
                        self._words.setdefault(function, set()).add(word)


def _is_named(function: Function, patterns: Sequence[str]) -> bool:
    """Whether it is a plain function whose name fits one of the patterns; coroutine functions run on a loop anyway."""
    return function.facts.kind == f.DEF and any(fnmatchcase(function.facts.name, x) for x in patterns)


def _word(value: v.Value) -> str:
    if value.kind == v.EXTERNAL:
        dotted = value.a
    elif value.kind == v.FUNCTION:
        dotted = value.a.qualname
    else:
        return ""
    module, _, name = dotted.rpartition(".")
    return name.replace("_", "-") if module == MODULE else ""
