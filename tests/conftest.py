"""What all tests share: the checkout's place, and the promise that an installed suite tests what is installed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import auditor

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background so, and tests interrupt processes, which inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    if os.environ.get("AUDITOR_TEST_INSTALLED"):
        package = Path(auditor.__file__).resolve()
        if package.is_relative_to(REPOSITORY / "auditor"):
            raise pytest.UsageError(f"asked to test an installed auditor, but {package} is the checkout's")


@pytest.fixture(scope="session")
def repository_root() -> Path:
    """The checkout, where rules/ and fixtures/ lie."""
    return REPOSITORY


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("AUDITOR_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that nothing above it has a say in, and the working directory."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
