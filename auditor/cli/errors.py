"""Errors that are the user's to mend: every one is a line that says what, where and what to do."""


class UsageError(Exception):
    """The command cannot be carried out as given; the process ends with exit code 2."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
