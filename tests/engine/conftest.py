"""Servers and documents for the tests of the reference engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.serving import Server, engine_directory

if str(engine_directory()) not in sys.path:
    sys.path.append(str(engine_directory()))

QUICK = ("--workers", "2", "--dpi", "72")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test. Two workers and coarse pictures, unless the options say otherwise."""
    servers = []

    def starter(*options: str, **more: Any) -> Server:
        server = Server(more.pop("data", tmp_path / "data"), *QUICK, *options, **more)
        servers.append(server)
        return server

    yield starter
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module that leave it as it was."""
    running = Server(tmp_path_factory.mktemp("engine") / "data", *QUICK)
    yield running
    running.close()


@pytest.fixture(scope="session")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Sample invoices: ``pdf(pages=2, lines=3)``."""
    made: dict[tuple[str, ...], bytes] = {}
    directory = tmp_path_factory.mktemp("samples")

    def make(**options: int) -> bytes:
        arguments = tuple(f"--{name}={value}" for name, value in sorted(options.items()))
        if arguments not in made:
            subprocess.run(
                [sys.executable, "-m", "shared.samples", str(directory), *arguments],
                cwd=engine_directory(),
                check=True,
            )
            made[arguments] = (directory / "invoice-1.pdf").read_bytes()
        return made[arguments]

    return make
