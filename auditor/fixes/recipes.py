"""The recipes that rule files may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.fixes.awaited import mend_the_await
from auditor.fixes.children import child_twin
from auditor.fixes.crossing import captured_loop, threadsafe_method, threadsafe_object
from auditor.fixes.extract import owner_to_thread, statement_to_thread, uses_to_thread
from auditor.fixes.handed import pass_the_callable
from auditor.fixes.loops import running_loop
from auditor.fixes.offload import to_thread
from auditor.fixes.pools import await_the_coroutine, leave_the_pool
from auditor.fixes.tasks import keep_task
from auditor.fixes.twin import async_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.fixes.case import Case, Draft


class Recipe(NamedTuple):
    """``make`` gives a fix, or None where it has none. ``at_call``: it mends the offending call, not its exposures.

    ``awaits``: all that it makes is an ``await`` at the exposure.
    """

    make: Callable[[Case], Draft | None]
    at_call: bool = False
    awaits: bool = False


def _to_thread(case: Case) -> Draft | None:
    return (
        child_twin(case)
        or owner_to_thread(case)
        or uses_to_thread(case)
        or to_thread(case)
        or statement_to_thread(case)
    )


def _async_twin(case: Case) -> Draft | None:
    return async_twin(case) or statement_to_thread(case)


RECIPES: Final = {
    "await-the-coroutine": Recipe(await_the_coroutine, at_call=True),
    "async-twin": Recipe(_async_twin, awaits=True),
    "captured-loop": Recipe(captured_loop, at_call=True),
    "keep-task": Recipe(keep_task, at_call=True),
    "leave-the-pool": Recipe(leave_the_pool, at_call=True),
    "mend-the-await": Recipe(mend_the_await, at_call=True),
    "pass-the-callable": Recipe(pass_the_callable, at_call=True),
    "running-loop": Recipe(running_loop, at_call=True),
    "threadsafe-method": Recipe(threadsafe_method, at_call=True),
    "threadsafe-object": Recipe(threadsafe_object, at_call=True),
    "to-thread": Recipe(_to_thread, awaits=True),
}
