"""Identical input gives identical bytes, in every format and whatever the order of hashes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from auditor.reporters import FORMATS


def test_every_format_twice(repository_root: Path, project: Path) -> None:
    shutil.copytree(repository_root / "fixtures" / "programs" / "document_upload", project / "program")
    main = project / "program" / "extra.py"
    main.write_text(
        "import time\n\n\nasync def f():\n    time.sleep(1)  # auditor: ignore[LOOP301] -- x\n"
        "    time.sleep(2)\n    time.sleep(2)\n    y = 1  # auditor: ignore\n"
    )
    runs = []
    for seed in ("1", "2"):
        out = project / ".git" / seed
        out.mkdir()
        options = [f"-o{name}:{out / name}" for name in FORMATS]
        command = [sys.executable, "-m", "auditor", "check", "-q", "--exit-zero", *options, "--statistics"]
        subprocess.run(command, cwd=project, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
        runs.append({name: (out / name).read_bytes() for name in FORMATS})
    assert runs[0] == runs[1]
    assert all(b"LOOP301" in content for content in runs[0].values())
