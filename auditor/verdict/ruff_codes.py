"""The lexical rules of ruff and flake8-async about blocking calls, and the rules here that say the same."""

from __future__ import annotations

from typing import Final

LOOP_CODES: Final[dict[str, tuple[str, ...]]] = {
    "ASYNC110": ("LOOP318",),  # polling
    "ASYNC210": ("LOOP302",),  # blocking HTTP call
    "ASYNC211": ("LOOP302",),
    "ASYNC212": ("LOOP302",),
    "ASYNC220": ("LOOP305",),  # subprocess
    "ASYNC221": ("LOOP305",),
    "ASYNC222": ("LOOP305", "LOOP306"),  # waiting for a process
    "ASYNC230": ("LOOP303",),  # open
    "ASYNC231": ("LOOP303",),
    "ASYNC232": ("LOOP303",),
    "ASYNC240": ("LOOP303",),  # os.path, pathlib
    "ASYNC250": ("LOOP312",),  # input
    "ASYNC251": ("LOOP301",),  # time.sleep
}
