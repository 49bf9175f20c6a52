"""Which frame of a stack is shown, and what counts as the project's."""

from __future__ import annotations

import os
import sys
import sysconfig

import pytest

from auditor.model import Frame
from auditor.runtime.frames import Driver, Project, blamed

LOOP = Frame("/usr/lib/python3.11/asyncio/events.py", 80, "Handle._run", project=False)
DRIVER = Driver(LOOP.path, "_run", LOOP.line, 0)
IMPORT = Frame("<frozen importlib._bootstrap>", 241, "_call_with_frames_removed", project=False)
SERVER = Frame(
    "/env/lib/python3.11/site-packages/uvicorn/importer.py", 19, "import_from_string", project=False
)
OWN = Frame("/app.py", 3, "<module>", project=True)


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        ((IMPORT, OWN, SERVER), OWN),
        ((IMPORT, IMPORT, SERVER), SERVER),  # with nothing of the project the innermost frame that is a file
        ((IMPORT, IMPORT), IMPORT),
        ((), None),
    ],
)
def test_the_frame_that_is_shown(inside: tuple[Frame, ...], shown: Frame | None) -> None:
    assert blamed((*inside, LOOP), DRIVER) is shown


@pytest.mark.skipif(
    sys.prefix == sys.base_prefix, reason="elsewhere scripts lie beside programs of one's own"
)
def test_scripts_of_a_virtual_environment_are_not_the_project_s() -> None:
    scripts = sysconfig.get_path("scripts")
    project = Project.of_this_process()
    assert not project.owns(os.path.join(scripts, "gunicorn"))
    assert project.owns(os.path.join(os.path.dirname(scripts), "app.py"))
