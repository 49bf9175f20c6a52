"""The fixed engine at its ordinary work, end to end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from engine.serving import TERMINAL, Server, eventually, needs_engine, states_until

pytestmark = needs_engine

Pdf = Callable[..., bytes]


def test_a_document_becomes_text_blocks_and_tables(start: Callable[..., Server], pdf: Pdf) -> None:
    server = start("--dpi", "150")
    uploaded = server.upload(pdf(), "invoice.pdf")
    assert (uploaded["name"], uploaded["type"], uploaded["pages"]) == ("invoice.pdf", "application/pdf", 1)
    assert server.http.get(f"/documents/{uploaded['id']}").json() == uploaded
    job = server.http.post("/jobs", json={"document": uploaded["id"]}).json()
    assert (job["status"], job["kind"]) == ("queued", "extract")
    ended = server.ended(job["id"])
    assert (ended["status"], ended["reason"]) == ("completed", "")
    (page,) = server.result(job["id"])["pages"]
    assert page["ocr"]["text"].startswith("Invoice 1-1")
    assert page["ocr"]["lines"][0]["text"] == "Invoice 1-1"
    assert page["tables"][0]["rows"][0] == ["item", "count", "price"]
    assert len(page["layout"]) >= 2
    # The checkpoints have served their purpose.
    assert list((server.data / "work").iterdir()) == []
    assert list((server.data / "incoming").iterdir()) == []


def test_an_image_is_a_document_of_one_page(start: Callable[..., Server]) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("L", (900, 300), 255)
    draw = ImageDraw.Draw(picture)
    draw.text((60, 40), "HARBOUR", fill=0, font_size=60)
    draw.rectangle((60, 150, 800, 280), outline=0, width=3)
    draw.line((400, 150, 400, 280), fill=0, width=3)
    file = io.BytesIO()
    picture.save(file, "PNG")
    server = start("--dpi", "150")
    job = server.submit(file.getvalue(), "scan.png")
    assert server.ended(job)["status"] == "completed"
    (page,) = server.result(job)["pages"]
    assert "HARBOUR" in page["ocr"]["text"]
    (table,) = page["tables"]
    assert all(abs(a - b) <= 6 for a, b in zip(table["box"], (60, 150, 800, 280), strict=True))


def test_progress_reaches_every_client_in_order(server: Server, pdf: Pdf) -> None:
    with server.live() as one, server.live() as other:
        job = server.submit(pdf(pages=3))

        def is_end(state: dict[str, object]) -> bool:
            return state["id"] == job and state["status"] in TERMINAL

        for socket in (one, other):
            states = [state for state in states_until(socket, is_end) if state["id"] == job]
            order = [(state["version"], state["step"]) for state in states]
            assert order == sorted(set(order))
            assert states[-1]["status"] == "completed"
            assert states[-1]["pages_done"] == 3
            assert [state["status"] for state in states if state["status"] in TERMINAL] == ["completed"]


def test_who_comes_late_learns_what_has_happened(server: Server, pdf: Pdf) -> None:
    job = server.submit(pdf())
    server.ended(job)
    with server.live() as socket:
        (state,) = [one for one in states_until(socket, lambda one: one["id"] == job) if one["id"] == job]
        assert state["status"] == "completed"
        socket.send(json.dumps({"type": "watch", "jobs": [job, "unknown"]}))
        assert states_until(socket, lambda one: one["id"] == job)[-1]["status"] == "completed"


def test_heartbeats_are_answered(server: Server) -> None:
    with server.live() as socket:
        for number in range(5):
            socket.send(json.dumps({"type": "ping", "id": number}))
        answered: list[int] = []
        while len(answered) < 5:
            message = json.loads(socket.recv(timeout=60))
            if message["type"] == "pong":
                answered.append(message["id"])
        assert answered == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("nonsense", ["no json", "[1]", '{"type": "?"}', "[" * 5000])
def test_a_client_that_sends_nonsense_is_dropped(server: Server, nonsense: str) -> None:
    from websockets.exceptions import ConnectionClosed

    with server.live() as socket:
        socket.send(nonsense)
        with pytest.raises(ConnectionClosed) as closed:
            list(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1003
    eventually(lambda: server.status()["clients"] == 0, what="the client is forgotten")


def test_calibration_tells_every_step(server: Server, pdf: Pdf) -> None:
    document = server.upload(pdf())["id"]
    with server.live() as socket:
        job = server.http.post("/jobs", json={"document": document, "kind": "calibrate"}).json()["id"]
        states = states_until(socket, lambda state: state["id"] == job and state["status"] in TERMINAL)
    states = [state for state in states if state["id"] == job]
    assert states[-1]["status"] == "completed"
    assert states[-1]["reason"].startswith("offset ")
    assert states[-1]["iteration"] == 11
    energies = [state["energy"] for state in states if state["energy"] is not None]
    assert energies[-1] <= energies[0]


def test_a_document_is_not_processed_twice_at_once(server: Server, pdf: Pdf) -> None:
    document = server.upload(pdf(pages=4))["id"]
    jobs = {server.http.post("/jobs", json={"document": document}).json()["id"] for _ in range(5)}
    assert len(jobs) == 1
    assert server.ended(jobs.pop())["status"] == "completed"


def test_a_batch_runs_is_cancelled_and_is_done_again(start: Callable[..., Server], pdf: Pdf) -> None:
    server = start()
    documents = [server.upload(pdf(pages=2), f"{number}.pdf")["id"] for number in range(6)]
    with server.live() as socket:
        batch = server.http.post("/batches", json={"documents": documents}).json()
        assert (batch["total"], batch["ended"]) == (6, 0)
        eventually(
            lambda: server.http.get(f"/batches/{batch['id']}").json()["counts"].get("running"), what="it runs"
        )
        cancelled = server.http.post(f"/batches/{batch['id']}/cancel").json()
        assert cancelled["ended"] == 6
        assert cancelled["status"] in {"cancelled", "partial"}
        states = states_until(socket, lambda state: state["type"] == "batch" and state["status"] in TERMINAL)
        told = {state["id"]: state["status"] for state in states if state["type"] == "job"}
        jobs = server.http.get(f"/batches/{batch['id']}").json()["jobs"]
        assert told == {job["id"]: job["status"] for job in jobs}
        assert {job["status"] for job in jobs} <= {"cancelled", "completed"}
        again = server.http.post(f"/batches/{batch['id']}/retry").json()
        assert again["status"] in {"queued", "running"}
        states = states_until(
            socket,
            lambda state: state["type"] == "batch" and state["status"] == "completed",
        )
    final = server.http.get(f"/batches/{batch['id']}").json()
    assert final["counts"] == {"completed": 6}
    for job in final["jobs"]:
        assert len(server.result(job["id"])["pages"]) == 2


def test_an_ended_job_stays_as_it_is(server: Server, pdf: Pdf) -> None:
    job = server.submit(pdf())
    ended = server.ended(job)
    for action in ("cancel", "retry"):
        after = server.http.post(f"/jobs/{job}/{action}").json()
        assert (after["status"], after["version"]) == ("completed", ended["version"])


@pytest.mark.parametrize("path", ["/jobs/x", "/jobs/x/result", "/documents/x", "/batches/x"])
def test_unknown_things_are_not_found(server: Server, path: str) -> None:
    assert server.http.get(path).status_code == 404


def test_unknown_documents_are_refused_and_leave_no_batch(server: Server, pdf: Pdf) -> None:
    document = server.upload(pdf())["id"]
    before = len(server.http.get("/jobs", params={"limit": 1000}).json())
    assert server.http.post("/jobs", json={"document": "x"}).status_code == 404
    assert server.http.post("/batches", json={"documents": [document, "x"]}).status_code == 404
    assert server.http.post("/batches", json={"documents": []}).status_code == 422
    assert len(server.http.get("/jobs", params={"limit": 1000}).json()) == before


def test_the_server_measures_itself(server: Server, pdf: Pdf) -> None:
    server.ended(server.submit(pdf(lines=2)))
    assert server.metric("engine_queue_depth") == 0
    assert server.metric('engine_stage_seconds_count{stage="ocr"}') >= 1
    assert server.metric("engine_loop_lag_seconds_count") > 10
    with server.live() as socket:

        def counts() -> bool:
            message = json.loads(socket.recv(timeout=30))
            if message["type"] == "ping":
                socket.send(json.dumps({"type": "pong", "id": message["id"]}))
            return server.metric("engine_websocket_ping_seconds_count") >= 1

        eventually(counts, what="a pong counts")


def test_the_page_is_served(server: Server) -> None:
    page = server.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for name in ("page.js", "page.css"):
        assert name in page.text
        assert server.http.get(f"/{name}").status_code == 200
