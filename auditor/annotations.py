"""Decorators by which audited code tells auditor what it cannot see. They change nothing and import nothing."""


def blocking(function, /):
    """Calling this blocks the thread it is called from."""
    return function


def non_blocking(function, /):
    """Calling this never blocks, whatever its body looks like."""
    return function


def runs_on_loop(function, /):
    """The event loop's thread runs this, whoever appears to call it."""
    return function


def runs_in_thread(function, /):
    """A worker thread runs this, whoever appears to call it."""
    return function
