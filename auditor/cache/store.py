"""The cache directory as a place of values by name; what is wrong with it costs a run time and one line, no more."""

from __future__ import annotations

import os
import time

from auditor import cachedir
from auditor.cache import sealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HOUR = 3600.0


class Cache:
    """A cache directory. ``problem`` is the first thing that went wrong with it, in one line, or nothing."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.problem = ""
        self._claimed: bool | None = None

    def load(self, name: str) -> Any:
        """The value of that name, None where there is none."""
        if not self._may_read():
            return None
        path = os.path.join(self.directory, name)
        try:
            return sealed.load(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._note(
                f"{path} in the cache cannot be read ({error.strerror}); 'auditor clean' removes the cache"
            )
        except sealed.DamagedError:
            self._note(f"{path} in the cache is damaged, and made anew")
        return None

    def save(self, name: str, value: Any) -> bool:
        """Keep a value; False where that is not possible."""
        if not self._may_write():
            return False
        path = os.path.join(self.directory, name)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            sealed.save(path, value)
        except OSError as error:
            self._claimed = False  # one failure is enough
            self._note(
                f"cache directory {self.directory} cannot be written ({error.strerror}), so that nothing is kept; "
                "name another with --cache-dir, or give --no-cache"
            )
            return False
        return True

    def use(self, name: str) -> None:
        """Take note that a value is in use, for `prune`."""
        try:
            os.utime(os.path.join(self.directory, name))
        except OSError:
            return

    def prune(self, folder: str, keep: int, *, unused_for: float = 0.0, most: float = float("inf")) -> None:
        """Remove all but the ``keep`` most recent entries of a folder, if they are older than that many seconds.

        Of those that are kept only so many that their files take at most that many bytes. What a process that died
        has left unfinished goes too.
        """
        place = os.path.join(self.directory, folder)
        now = time.time()
        found: list[tuple[float, str, int]] = []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    age = now - status.st_mtime
                    if entry.name.endswith(sealed.TEMPORARY):
                        if age > _HOUR:
                            os.unlink(entry.path)
                    else:
                        found.append((age, entry.path, status.st_size))
        except OSError:
            return
        total = 0
        for number, (age, path, size) in enumerate(sorted(found)):
            total += size
            if (number >= keep and age >= unused_for) or (total > most and number):
                _remove(path)

    def _may_read(self) -> bool:
        if self._claimed is None:
            try:
                return cachedir.is_ours(self.directory)
            except OSError:
                return False
        return self._claimed

    def _may_write(self) -> bool:
        if self._claimed is None:
            problem = cachedir.claim(self.directory)
            self._claimed = problem is None
            if problem is not None:
                self._note(problem)
        return self._claimed

    def _note(self, problem: str) -> None:
        self.problem = self.problem or problem


def _remove(path: str) -> None:
    try:
        if not os.path.isdir(path) or os.path.islink(path):
            os.unlink(path)
            return
    except OSError:
        return
    import shutil

    shutil.rmtree(path, ignore_errors=True)
