"""Hostile uploads: a clear answer, no stall, and nothing left over."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import zipfile
from collections.abc import Callable, Iterator

import pytest
from engine import hostile
from engine.serving import Server, eventually, needs_engine

pytestmark = needs_engine

Pdf = Callable[..., bytes]


@pytest.fixture(autouse=True)
def nothing_left_over(server: Server) -> Iterator[None]:
    """Neither files nor places in a queue, and the server works as before."""
    before = sorted((server.data / "documents").iterdir())
    yield
    eventually(lambda: not list((server.data / "incoming").iterdir()), what="nothing is left")
    assert sorted((server.data / "documents").iterdir()) == before
    assert server.status()["uploads_waiting"] == 0
    with server.live() as live:
        live.send('{"type": "ping", "id": 1}')
        while '"pong"' not in live.recv(timeout=60):
            pass


def put(server: Server, content: bytes, name: str = "a.pdf") -> tuple[int, str]:
    answer = server.http.put("/documents", params={"name": name}, content=content)
    return answer.status_code, answer.json()["detail"]


def test_nothing(server: Server) -> None:
    assert put(server, b"") == (400, "the file is empty")
    answer = server.http.put("/documents", params={"name": "a.pdf"}, content=iter([]))
    assert (answer.status_code, answer.json()["detail"]) == (400, "the file is empty")


def test_two_gigabytes_declared_and_one_megabyte_sent(server: Server) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(60)
    connection.sendall(
        b"PUT /documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: 2147483648\r\n\r\n%PDF-1.4\n"
    )
    with contextlib.suppress(ConnectionError):  # the answer may be there already
        connection.sendall(bytes(1_000_000))
    answer = b""
    with contextlib.suppress(ConnectionError):  # the connection is closed with what was sent unread
        while b"}" not in answer and (part := connection.recv(10_000)):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"at most 67,108,864 are allowed" in answer
    connection.close()


@pytest.mark.parametrize("length", ["-1", "abc", "1e9", "99999999999999999999999"])
def test_lengths_that_are_none(server: Server, length: str) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(60)
    connection.sendall(
        f"PUT /documents?name=a.pdf HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    assert connection.recv(1000)[9:12] in {b"400", b"413"}
    connection.close()


def test_more_than_declared_in_pieces(start: Callable[..., Server], pdf: Pdf) -> None:
    small = start("--upload-bytes", "1000000")
    content = pdf(padding=300_000)
    answer = small.http.put(
        "/documents", params={"name": "a.pdf"}, content=(content + bytes(300_000) for _ in range(5))
    )
    assert (answer.status_code, answer.json()["detail"]) == (413, "the file has more than 1,000,000 bytes")
    eventually(lambda: not list((small.data / "incoming").iterdir()), what="nothing is left")


def an_archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.pdf", b"%PDF-1.4")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"<html></html>",
        b"\x7fELF" + bytes(100),
        b"MZ" + bytes(100),
        b"GIF89a" + bytes(100),
        an_archive(),
        b"%PD",
    ],
    ids=["html", "elf", "exe", "gif", "zip", "stump"],
)
def test_other_types_whatever_they_are_called(server: Server, content: bytes) -> None:
    assert put(server, content, "a.pdf") == (415, "the file is neither PDF nor PNG, JPEG or TIFF")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.4\n" + bytes(1000),
        b"%PDF-1.7\n%%EOF",
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"\xff\xd8\xff" + os.urandom(2000),
        b"II*\x00" + b"\xff" * 100,
    ],
    ids=["pdf", "empty pdf", "png", "jpeg", "tiff"],
)
def test_files_that_only_begin_like_documents(server: Server, content: bytes) -> None:
    status, detail = put(server, content)
    assert status == 422
    assert detail.startswith(("not a readable PDF: ", "not a readable image: "))


def test_truncated_documents(server: Server, pdf: Pdf) -> None:
    content = pdf(pages=3)
    for size in (20, 200, len(content) // 2):
        status, detail = put(server, content[:size])
        assert status == 422
        assert detail.startswith("not a readable PDF: ")


def test_pictures_that_unpack_to_more_than_there_is(server: Server) -> None:
    status, detail = put(server, hostile.png(50_000, 50_000), "bomb.png")
    assert status == 422
    assert "pixels" in detail
    status, detail = put(server, hostile.pdf_with_huge_image(60_000))
    assert status == 422
    assert detail == "the page has 3,600,000,000 pixels, at most 60,000,000 are allowed"


def test_pages_that_unpack_to_more_than_anybody_can_draw(server: Server) -> None:
    bomb = hostile.pdf_bomb(400)
    assert len(bomb) < 3_000_000
    status, detail = put(server, bomb)
    assert status == 422
    assert detail in {
        "the document is too expensive to open",
        "needs more memory than a worker may have",
    }


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("", "the name is empty"),
        ("  ", "the name is empty"),
        ("..", "the name consists of dots"),
        ("../../etc/passwd", "the name contains a path separator"),
        ("C:\\boot.ini", "the name contains a path separator"),
        ("a\x00.pdf", "the name contains the control character U+0000"),
        ("a\r\nSet-Cookie: x", "the name contains the control character U+000D"),
        ("a\u202efdp.exe", "the name contains the control character U+202E"),
        (
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") + "x" * 200,
            "the name has 201 characters",
        ),
    ],
)
def test_names_that_mean_harm(server: Server, pdf: Pdf, name: str, detail: str) -> None:
    status, answer = put(server, pdf(), name)
    assert status == 400
    assert answer.startswith(detail)


def test_a_missing_name(server: Server, pdf: Pdf) -> None:
    assert server.http.put("/documents", content=pdf()).status_code == 422
