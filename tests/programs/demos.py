"""How to run the labelled programs: for each a few lines that reach every marked call.

A demo that awaits is run in a loop of its own, any other as plain code on the main thread. A twin without a demo of its
own uses that of its counterpart. Working directory: an empty one with the demo's `files`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Demo:
    """``code`` to run; ``roots`` are the folders of the program that its imports start from.

    ``hidden`` are the marks, as ``path:line``, that a run cannot show, with the reason in a comment beside it.
    """

    code: str
    files: dict[str, str] = field(default_factory=dict)
    roots: tuple[str, ...] = ("",)
    hidden: tuple[str, ...] = ()


TEXT = {"in.txt": "a=1 b=2\n"}

DEMOS: dict[str, Demo] = {
    "hidden_coroutines": Demo("""
        from station.app import start
        application = start()
        async with application.router.lifespan_context(application):
            pass
        from station.command import Watch, measure
        await Watch().during(measure)
        """),
    "import_alias": Demo("""
        from billing.api import handle_payment
        await handle_payment("p")
        """),
    "package_reexport": Demo(
        """
        from catalogue.views import show_product
        await show_product("in.txt")
        """,
        TEXT,
    ),
    "relative_import": Demo(
        """
        from fleet.api.vehicles import VehicleHandler
        await VehicleHandler("out.txt").retire("in.txt")
        """,
        TEXT,
    ),
    "src_layout": Demo(
        """
        from parcels.service import track
        with failing():
            await track("1")
        """,
        roots=("src", ""),
    ),
    "self_attribute_set_in_init": Demo("""
        from reports.consumer import Consumer
        await Consumer("out.csv").on_message(["a"])
        """),
    "self_attribute_set_in_init_ok": Demo("""
        from reports.consumer import Consumer
        await Consumer().on_message(["a"])
        """),
    "inheritance_super": Demo("""
        from audit_trail.service import on_login
        await on_login("ann", "trail")
        """),
    "inheritance_super_ok": Demo("""
        from audit_trail.service import on_login
        await on_login("ann")
        """),
    "abstract_dispatch": Demo(
        """
        from blobs.api import download
        from blobs.local import LocalBlobStore
        await download(LocalBlobStore("."), "in.txt")
        """,
        TEXT,
    ),
    "abstract_dispatch_ok": Demo("""
        from blobs.api import download
        from blobs.memory import MemoryBlobStore
        store = MemoryBlobStore()
        store.blobs["in.txt"] = b""
        await download(store, "in.txt")
        """),
    "property_access": Demo(
        """
        from devices.state import DeviceState
        from devices.views import describe, rename
        state = DeviceState(pathlib.Path("."))
        await describe(state)
        await rename(state, "lamp")
        """,
        {"firmware": "1"},
    ),
    "constructor_blocks": Demo(
        """
        from pricing.quotes import quote
        await quote("a", "in.txt")
        """,
        TEXT,
    ),
    "offload_wrapper": Demo(
        """
        from mailer.service import send
        await send("in.txt", "out.txt")
        """,
        TEXT,
    ),
    "decorator_wraps": Demo(
        """
        from orders.jobs import nightly
        await nightly("in.txt")
        """,
        TEXT,
    ),
    "called_before_offload": Demo("""
        from thumbnails.api import refresh
        with failing():
            await refresh("key")
        """),
    "lambda_stored": Demo(
        """
        from sensors.poller import poll
        await poll("in.txt")
        """,
        TEXT,
    ),
    "loop_callbacks": Demo(
        """
        from meter.run import measure
        await measure("log.txt", "in.txt")
        """,
        TEXT,
    ),
    "loop_callbacks_ok": Demo("""
        from meter.run import measure
        await measure("log.txt")
        """),
    "endpoint_kinds": Demo(
        """
        from shop.app import app
        with client(app) as web:
            web.get("/stock/lamp?token=a")
        """,
        {"tokens.txt": "a"},
    ),
    "guard_running_loop": Demo("""
        from telemetry.service import ingest
        await ingest([1])
        """),
    "shadowed_names": Demo(
        """
        from game.server import turn
        await turn("in.txt")
        """,
        TEXT,
    ),
    "shadowed_names_ok": Demo("""
        from game.server import turn
        await turn()
        """),
    "same_named_helper": Demo(
        """
        from library.views import show
        await show("a")
        """,
        {"books/a": "text"},
    ),
    "event_loop_lookup": Demo("""
        from scheduler.jobs import run_at
        await run_at(0.0, lambda: None)
        """),
    "namespace_package": Demo("""
        from acme.mail.outbox import queue_mail
        await queue_mail("out.txt", "hello")
        """),
    "two_roots": Demo(
        """
        from app.handlers import invoice
        await invoice("in.txt")
        """,
        TEXT,
        roots=("services/billing",),
    ),
    "two_roots_ok": Demo(
        """
        from app.handlers import lookup
        await lookup("in.txt")
        """,
        TEXT,
        roots=("services/search",),
    ),
    "declared_state": Demo(
        """
        from pathlib import Path
        from library.shelves import Shelves
        from library.views import lend
        from starlette.applications import Starlette
        from starlette.requests import Request
        app = Starlette()
        app.state.shelves = Shelves(Path())
        await lend(Request({"type": "http", "app": app, "path_params": {"name": "in.txt"}}))
        """,
        TEXT,
    ),
    "declared_state_ok": Demo("""
        from library.shelves import Shelves
        from library.views import lend
        from starlette.applications import Starlette
        from starlette.requests import Request
        app = Starlette()
        app.state.shelves = Shelves({"in.txt": ""})
        await lend(Request({"type": "http", "app": app, "path_params": {"name": "in.txt"}}))
        """),
    "annotated_fields": Demo(
        """
        from routing.geo import TileCache
        from routing.models import Plan, Planner, Route
        from routing.service import draw, drop, save
        await save(Plan(title="a", cache=TileCache()), b"data")
        await draw(Planner(TileCache()), "a")
        await drop(Route("a"))
        """,
        {"tiles/b": ""},
    ),
    "annotated_fields_ok": Demo("""
        from routing.geo import TileCache
        from routing.models import Planner, Route
        from routing.service import draw, drop
        await draw(Planner(TileCache()), "a")
        await drop(Route("a"))
        """),
    "protocol_implementation": Demo("""
        from notify.wiring import build
        with failing():
            await build().dispatch("d", "t")
        """),
    "protocol_implementation_ok": Demo("""
        import httpx
        from notify.dispatcher import Dispatcher
        from notify.http_gateway import HttpPushGateway
        async with httpx.AsyncClient() as web:
            with failing():
                await Dispatcher(HttpPushGateway(web)).dispatch("d", "t")
        """),
    "mixin_mro": Demo("""
        from carts.api import put
        await put("lamp", "out.txt")
        """),
    "context_managers": Demo("""
        from labs.experiment import run
        await run("lock")
        """),
    "iteration": Demo("""
        from feeds.collect import collect
        await collect(".")
        """),
    "operators": Demo(
        """
        from ledgerbook.api import page
        from ledgerbook.pages import Pages
        await page(Pages(pathlib.Path(".")), "in.txt")
        await page(Pages(pathlib.Path(".")), "no.txt")
        """,
        TEXT,
    ),
    "operators_ok": Demo("""
        from ledgerbook.api import page
        from ledgerbook.pages import Pages
        await page(Pages(), "no.txt")
        """),
    "class_decorator": Demo(
        """
        from models.api import publish
        await publish("in.txt", "out.txt")
        """,
        TEXT,
    ),
    "decorator_arguments": Demo("""
        from uploads.api import store
        await store("a")
        """),
    "partial_call": Demo(
        """
        from invoices.api import invoice
        await invoice("in.txt")
        """,
        TEXT,
    ),
    "dispatch_table": Demo(
        """
        from commands.api import execute
        for name in ("archive", "remove", "ignore"):
            await execute(name, "in.txt")
        """,
        TEXT,
    ),
    "handler_registry": Demo("""
        from bus.dispatch import publish
        await publish("created", "a")
        await publish("seen", "a")
        """),
    "kwargs_forwarding": Demo(
        """
        from imports.api import import_rows
        await import_rows("in.txt")
        """,
        TEXT,
    ),
    "retry_helper": Demo("""
        from quotes.api import current_rate
        with failing():
            await current_rate()
        """),
    "executor_job_method": Demo("""
        from homebase.setup import start
        await start()
        """),
    "offload_factory": Demo(
        """
        from vision.api import frame_size
        await frame_size("in.txt")
        """,
        TEXT,
    ),
    "half_offloaded": Demo(
        """
        from uploadsvc.api import fingerprint
        await fingerprint("in.txt")
        """,
        TEXT,
    ),
    "process_pool": Demo("""
        from primes.api import primes
        await primes(2)
        """),
    "thread_objects": Demo("""
        from crawler.api import crawl
        await crawl("u")
        """),
    "pool_future_result": Demo("""
        from images.api import upload
        await upload("a")
        """),
    "transport_protocol": Demo("""
        from syslogd.server import serve
        server = await serve("log.txt", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"line")
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close()
        await asyncio.sleep(0.02)
        server.close()
        """),
    "signal_callback": Demo("""
        from daemon.main import run
        os.makedirs("state.d", exist_ok=True)
        asyncio.get_running_loop().call_later(0.005, os.kill, os.getpid(), signal.SIGUSR1)
        await run("state.d")
        """),
    "threadsafe_coroutine": Demo("""
        from ingest.service import ingest
        await ingest("folder")
        """),
    "startup_hooks": Demo(
        """
        from inventory.app import app, legacy
        with failing(), client(app):
            pass
        with failing(), client(legacy):
            pass
        """,
        {"seed.txt": ""},
    ),
    "background_tasks": Demo("""
        from receipts.app import app
        with client(app) as web:
            web.post("/orders/1")
        """),
    "injected_service": Demo(
        """
        from library_api.app import app
        with client(app) as web:
            assert web.get("/books/1").json() == {"title": "text"}
            assert web.get("/books/1/plain").json() == {"title": "text"}
        """,
        {"books/1": "text"},
    ),
    "middleware": Demo("""
        from gateway.app import app
        with client(app) as web:
            assert web.get("/").status_code == 200
        """),
    "websocket_endpoint": Demo(
        """
        from live.app import app
        with client(app) as web, web.websocket_connect("/progress/1") as socket:
            assert socket.receive_json() == {"percent": 50}
        """,
        {"jobs/1": "50"},
    ),
    "streaming_response": Demo(
        """
        from downloads.app import app
        with client(app) as web:
            assert web.get("/files/in.txt").status_code == 200
        """,
        TEXT,
    ),
    "starlette_routes": Demo(
        """
        from pages.app import app
        with client(app) as web:
            assert web.get("/status").text == "ok"
            assert web.get("/pages/a").text == "text"
        """,
        {"pages/a": "text"},
    ),
    "kept_in_application": Demo("""
        from aiohttp import ClientSession, web
        from library.app import build
        runner = web.AppRunner(build())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        async with ClientSession() as session:
            for path in ("find", "count"):
                async with session.get(f"http://{host}:{port}/{path}") as reply:
                    assert reply.status == 200
        await runner.cleanup()
        """),
    "method_name_passed": Demo("""
        from weather.station import report
        await report()
        """),
    "lazy_import_helper": Demo("""
        from gym.clock import rest
        await rest()
        """),
    "aiohttp_handlers": Demo("""
        from aiohttp import ClientSession, web
        from tickets.app import build
        runner = web.AppRunner(build())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        async with ClientSession() as session:
            async with session.get(f"http://{host}:{port}/ticket") as reply:
                assert reply.status == 200
            async with session.post(f"http://{host}:{port}/print") as reply:
                assert reply.status == 200
        await runner.cleanup()
        """),
    "tornado_hooks": Demo(
        """
        from board.app import make_app
        import tornado.httpclient
        from tornado.testing import bind_unused_port
        server = make_app().listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        reply = await tornado.httpclient.AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/notice")
        assert reply.body == b"text"
        server.stop()
        """,
        {"notice.txt": "text"},
    ),
    "anyio_tasks": Demo("""
        from sampler.run import sample
        await sample(".")
        """),
    "async_iteration": Demo("""
        from stream.api import total
        with failing():
            await total(1, ["http://pages.example.com"])
        """),
    "async_iteration_ok": Demo("""
        from stream.api import total
        await total(1)
        """),
    "type_checking_guard": Demo(
        """
        from texts.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "coroutine_function_guard": Demo("""
        from hooks.api import changed
        await changed(1)
        """),
    "main_thread_guard": Demo(
        """
        from caching.app import main
        await main()
        """,
        {"settings.txt": ""},
    ),
    "main_block": Demo("""
        from mover.main import main
        await main()
        """),
    "literal_flag": Demo("""
        from weather.api import today, tomorrow
        with failing():
            await tomorrow("x")
        with failing():
            await today("x")
        """),
    "awaited_candidates": Demo(
        """
        from accounts.service import AccountService
        await AccountService(remote=False).show("in.txt")
        """,
        TEXT,
    ),
    "awaited_candidates_ok": Demo("""
        from accounts.service import AccountService
        await AccountService(remote=True).show("in.txt")
        """),
    "queues_and_events": Demo("""
        from spooler.api import next_item
        from spooler.channel import Channel
        channel = Channel()
        channel.items.put("a")
        await next_item(channel)
        """),
    "queues_and_events_ok": Demo("""
        from spooler.api import next_item
        from spooler.channel import AsyncChannel, Channel
        other = AsyncChannel()
        other.ready.set()
        other.items.put_nowait("a")
        await next_item(Channel(), other)
        """),
    "derived_queue": Demo("""
        from jobsd.loop import Runner
        runner = Runner()
        runner.jobs.put("a")
        await runner.step()
        runner.jobs.task_done()
        await runner.flush()
        """),
    "derived_queue_ok": Demo("""
        from jobsd.loop import Runner
        runner = Runner()
        runner.jobs.put("a")
        await runner.step()
        await runner.flush()
        """),
    "file_apis": Demo(
        """
        from notes.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "http_clients": Demo("""
        from geocoder.clients import Geocoder
        from geocoder.api import locate
        geocoder = Geocoder("k")
        with failing():
            await locate("here")
        import geocoder.api
        geocoder.api.GEOCODER.report = lambda place: None
        with failing():
            await locate("here")
        """),
    "http_clients_ok": Demo("""
        from geocoder.api import locate
        with failing():
            await locate("here")
        """),
    "child_processes": Demo("""
        from media.api import inspect
        await inspect("in.txt")
        """),
    "generic_names": Demo("""
        from catalog_sync.api import sync
        await sync("a")
        """),
    "generic_names_ok": Demo("""
        from unittest.mock import Mock
        from catalog_sync.api import sync
        await sync("a", Mock(), {})
        """),
    "recursion": Demo("""
        from trees.api import show
        await show("root")
        """),
    "deep_chain": Demo(
        """
        from claims.api import submit
        await submit("in.txt")
        """,
        TEXT,
    ),
    "synchronous_library": Demo(
        """
        from service import headline
        await headline("in.txt")
        """,
        TEXT,
    ),
    "synchronous_library_ok": Demo(
        """
        from cli import main
        main(["in.txt"])
        """,
        TEXT,
    ),
    "command_line_coroutine": Demo("""
        from migrate.cli import run
        await run(["a", "b"])
        """),
    "test_coroutine": Demo("""
        from tests.test_waits import test_settle
        test_settle()
        """),
    "module_singleton": Demo(
        """
        from flags.api import feature
        await feature("new")
        """,
        {"flags.txt": "old"},
    ),
    "mangled_names": Demo(
        """
        from vault.api import content
        await content("in.txt")
        """,
        TEXT,
    ),
    "runtime_global": Demo(
        """
        from search_api.app import app
        with client(app) as web:
            assert web.get("/search/in").json() == ["in.txt"]
        """,
        TEXT,
    ),
    "bound_method_callback": Demo("""
        from radio.setup import run
        await run("tape.txt")
        """),
    "grammar_of_3_12": Demo(
        """
        from typed.api import show
        await show("in", 1)
        """,
        TEXT,
    ),
    "grammar_of_314": Demo(
        """
        from modern.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "nested_functions": Demo(
        """
        from plans.app import run
        await run("in.txt")
        """,
        TEXT,
    ),
    "factory_methods": Demo(
        """
        from letters.api import show
        await show("in.txt", "out.txt")
        """,
        TEXT,
    ),
    "factory_methods_ok": Demo(
        """
        from letters.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "narrowed_types": Demo("""
        from outputs.api import write, write_matched
        from outputs.targets import FileTarget, ListTarget
        for target in (FileTarget(), ListTarget(), None):
            await write(target, "a")
            await write_matched(target, "a")
        """),
    "narrowed_types_ok": Demo("""
        from outputs.api import write
        from outputs.targets import FileTarget, ListTarget
        for target in (FileTarget(), ListTarget(), None):
            await write(target, "a")
        """),
    "container_elements": Demo(
        """
        from shelf.api import Shelf, refresh
        from shelf.stores import Store
        await refresh()
        await Shelf([Store("a")], {"c": Store("b")}).clear()
        """,
        {"a": "", "b": "", "pair": ""},
    ),
    "yielded_objects": Demo(
        """
        from tape.api import rewind
        await rewind("in.txt")
        """,
        TEXT,
    ),
    "file_handles": Demo(
        """
        from scans.api import first_page
        await first_page("in.txt")
        """,
        TEXT,
    ),
    "stat_calls": Demo(
        """
        from assets.api import describe
        await describe("in.txt")
        """,
        TEXT,
    ),
    "one_statement": Demo(
        """
        from merge.api import merge
        await merge("a", "b", "c")
        """,
        {"a": "", "b": ""},
    ),
    "called_before_home_made_offload": Demo(
        """
        from exporter.api import export, export_in_pool, pause
        with failing():
            await export("in.txt")
        with failing():
            await export_in_pool("in.txt")
        with failing():
            await pause()
        """,
        TEXT,
    ),
    "thread_lock_with": Demo("""
        from counters.api import show
        await show()
        """),
    "higher_order_builtins": Demo(
        """
        from ranking.api import rank
        await rank(["a", "b"])
        """,
        {"a": "", "b": ""},
    ),
    "cached_helpers": Demo(
        """
        from manual.api import show
        await show("in.txt")
        """,
        {**TEXT, "width.txt": "3", "index.txt": "a b"},
    ),
    "class_dependency": Demo("""
        from limits.app import app
        with client(app) as web:
            assert web.get("/items").json()["allowed"] == 60
        """),
    "private_loop": Demo("""
        from replicas.start import start
        start().join(5)
        """),
    "done_future": Demo("""
        from outbox.api import deliver
        await deliver("text")
        """),
    "import_fallback": Demo("""
        from codec.api import handle
        await handle("text")
        """),
    "method_by_name": Demo("""
        from robots.api import move
        await move()
        """),
    "offloading_class": Demo("""
        from depot.api import SERVICE, show
        with failing():
            await show("lamp")
        with failing():
            await SERVICE.stock("lamp")
        """),
    "temporary_files": Demo(
        """
        from intake.api import accept
        import io
        import zipfile
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a", "text")
        await accept(buffer.getvalue())
        """,
        # Before Python 3.13 Path.glob is a generator: the call itself runs nothing, its iteration does.
        hidden=("intake/unpack.py:23",),
    ),
    "temporary_files_ok": Demo("""
        from fastapi import UploadFile
        from intake.api import accept
        import io
        import zipfile
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a", "text")
        buffer.seek(0)
        await accept(UploadFile(buffer))
        """),
    "attribute_from_factory": Demo("""
        from desk.api import print_label
        await print_label()
        """),
    "guard_is_running": Demo("""
        from exporter_cli.api import handle
        await handle([1])
        """),
    "guard_branches": Demo("""
        from app import main
        await main()
        """),
    "wrapped_functions": Demo("""
        from app import main
        await main()
        """),
    "queued_tasks": Demo("""
        from app import handler
        await handler()
        """),
    "guard_by_function": Demo("""
        from app import main
        await main()
        """),
    "ready_waits": Demo("""
        import threading
        import queue
        from app import alive, any_number, behind_it, of_another, other_way_round, unset

        def later(number: int = 1) -> queue.Queue[int]:
            jobs = queue.Queue()
            threading.Timer(0.05, lambda: [jobs.put(n) for n in range(number)]).start()
            return jobs

        filled = queue.Queue()
        filled.put(1)
        filled.put(2)
        await other_way_round(later())
        await of_another(filled, later())
        await behind_it(later(2))
        await any_number(later())
        done = threading.Event()
        threading.Timer(0.05, done.set).start()
        await unset(done)
        thread = threading.Timer(0.05, print)
        thread.start()
        await alive(thread)
        """),
    "ready_waits_ok": Demo("""
        import threading
        import queue
        from app import alive, any_number, behind_it, of_another, other_way_round, unset

        def filled() -> queue.Queue[int]:
            jobs = queue.Queue()
            jobs.put(1)
            return jobs

        await other_way_round(filled())
        await of_another(filled(), filled())
        await behind_it(filled())
        await any_number(filled())
        done = threading.Event()
        done.set()
        await unset(done)
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
        await alive(thread)
        """),
    "decorated_handlers": Demo("""
        import tornado.httpclient
        from app import make_app
        server = make_app().listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        client = tornado.httpclient.AsyncHTTPClient()
        for method in ("GET", "POST", "DELETE"):
            body = "" if method == "POST" else None
            await client.fetch(f"http://127.0.0.1:{port}/", method=method, body=body)
        server.stop()
        """),
    "future_results": Demo("""
        from app import main
        await main()
        """),
    "two_ways": Demo("""
        from app import main
        await main()
        """),
    "packed_arguments": Demo("""
        from app import main
        await main()
        """),
    "fastapi_registration": Demo("""
        from portal.app import app
        with client(app) as web:
            assert web.get("/").status_code == 200
            assert web.post("/fail").status_code == 429
            assert web.get("/inner/inside").status_code == 200
        """),
    "tornado_callbacks": Demo("""
        from ticker.app import run
        await run()
        """),
    "aiohttp_middlewares": Demo("""
        from aiohttp import ClientSession, web
        from relay.app import build
        runner = web.AppRunner(build())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        async with ClientSession() as session, session.get(f"http://{host}:{port}/") as reply:
            assert reply.status == 200
        await runner.cleanup()
        """),
    "response_background": Demo("""
        from receipts_mail.app import app
        with client(app) as web:
            assert web.get("/pay").status_code == 200
            assert web.get("/cancel").status_code == 200
        """),
    "yield_dependency": Demo("""
        from rental.app import app
        with client(app) as web:
            assert web.get("/cars").status_code == 200
        """),
    "generic_repository": Demo(
        """
        from people.api import show
        from people.users import UserRepository
        await show(UserRepository(), "in.txt")
        """,
        TEXT,
    ),
    "class_registry": Demo("""
        from plugins.api import execute, execute_alias
        for kind in ("shell", "echo"):
            await execute(kind, "text")
        for name in ("sh", "say"):
            await execute_alias(name, "text")
        """),
    "class_registry_ok": Demo("""
        from plugins.api import execute, execute_alias
        await execute("echo", "text")
        for name in ("sh", "say"):
            await execute_alias(name, "text")
        """),
    "offloader_aliases": Demo(
        """
        from rooms.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "descriptors": Demo(
        """
        from configs.api import toggle
        await toggle()
        """,
        {"theme.txt": "light"},
    ),
    "generator_chain": Demo(
        """
        from loglines.api import count
        await count("in.txt")
        """,
        TEXT,
    ),
    "exit_callbacks": Demo(
        """
        from cleanup.api import handle
        os.mkdir("folder")
        await handle("in.txt", "folder")
        """,
        TEXT,
    ),
    "task_drivers": Demo("""
        from crawl.run import crawl
        await crawl(["http://pages.example.com"])
        """),
    "context_run": Demo("""
        from tracing.api import record
        await record("span")
        """),
    "hidden_constructors": Demo(
        """
        from shapes.api import draw
        await draw("in.txt")
        """,
        TEXT,
    ),
    "awaitable_object": Demo("""
        from jobs.api import run
        await run("job")
        """),
    "conditional_receiver": Demo(
        """
        from mirrors.api import show
        await show("in.txt", None, True)
        """,
        TEXT,
    ),
    "fluent_chain": Demo(
        """
        from query.api import rows
        await rows("in.txt", "a")
        """,
        TEXT,
    ),
    "annotation_forms": Demo(
        """
        from forms.api import aliased, made, quoted
        from forms.stores import Store
        await quoted(Store(), Store())
        await aliased(Store(), Store())
        await made(Store)
        """,
        TEXT,
    ),
    "document_upload": Demo(
        """
        from document_service.deps import container
        from document_service.main import app
        container.settings.file = pathlib.Path("settings.env")
        with failing(), client(app) as web:
            head = {"x-key": "k"}
            for _ in range(2):
                reply = web.post("/v1/documents", files={"file": ("a.pdf", b"page")}, headers=head)
                number = reply.json()["number"]
            web.put(f"/v1/documents/{number}", files={"file": ("a.pdf", b"page")}, headers=head)
            web.get("/v1/documents")
            web.get(f"/v1/documents/{number}")
            web.get(f"/v1/documents/{number}/content")
            web.get(f"/v1/documents/{number}/pages")
            web.get(f"/v1/documents/{number}/thumbnail")
            web.get(f"/v1/documents/{number}/preview")
            web.post(f"/v1/documents/{number}/export")
            web.post(f"/v1/documents/{number}/export/checked")
            web.post("/v1/admin/reload", headers=head)
            web.post("/v1/admin/checkpoints/prune", headers=head)
            for part in ("live", "space", "ready"):
                web.get(f"/v1/health/{part}")
            with web.websocket_connect(f"/v1/progress/{number}"):
                pass
            with web.websocket_connect(f"/v1/progress/{number}/events"):
                pass
            web.delete(f"/v1/documents/{number}")
        """,
        {"data/keys.txt": "k", "settings.env": "access_log=access.txt\n"},
    ),
    # -- what an audit guide calls wrong, and what it calls right
    "guide_checkpoints": Demo(
        """
        from checkpoints.resume import resume
        await resume("in")
        """,
        {"in.json": "{}"},
    ),
    "guide_temporary_files": Demo(
        """
        from uploads.api import app
        with client(app) as web:
            for _ in range(2):
                assert web.put("/uploads/a.bin", content=b"data").json() == {"size": 4}
        """,
    ),
    "guide_sqlite": Demo(
        """
        from records.api import app
        with client(app) as web:
            assert web.post("/pages/a", content=b"text").json()["pages"] > 0
            assert web.get("/search?word=text").status_code == 200
        """,
    ),
    "guide_connection_per_request": Demo(
        """
        import sqlite3
        sqlite3.connect("ledger.db").execute("create table entries (text)")
        from ledger.api import app
        with client(app) as web:
            web.post("/entries", content=b"text")
            assert web.get("/entries").status_code == 200
        """,
    ),
    "guide_large_json": Demo(
        """
        from structure.api import app
        with client(app) as web:
            assert web.get("/documents/in").status_code == 200
        """,
        {"in.json": "{}"},
    ),
    "guide_heartbeat": Demo(
        """
        from live.app import app
        with client(app) as web, web.websocket_connect("/ws/in") as socket:
            assert socket.receive_json() == {"type": "ping"}
            assert socket.receive_json() == {}
        """,
        {"in.json": "{}"},
    ),
    "guide_stages": Demo("""
        from pipeline.executor import process
        await process({})
        """),
    "guide_shutdown": Demo("""
        from engine.app import app
        with client(app):
            pass
        """),
    "guide_background": Demo("""
        from intake.api import app
        with client(app) as web:
            web.post("/upload", content=b"data")
            web.post("/again/a")
        """),
    "guide_hidden_sync": Demo("""
        from hidden.api import app
        with client(app) as web:
            assert web.post("/process", content=b"data").status_code == 200
        """),
    "guide_await_sync": Demo("""
        from waiting.jobs import handler
        with failing():
            await handler()
        """),
    "guide_log_middleware": Demo("""
        from front.app import app
        with client(app) as web:
            assert web.get("/").status_code == 200
        """),
    "guide_lag_monitor": Demo("""
        from monitoring.lag import monitor
        await monitor(2)
        """),
    # -- mechanisms of real programs
    "completed_futures": Demo(
        """
        from renders.api import render_all
        await render_all(["a", "b"])
        """,
        hidden=("renders/batch.py:11",),  # a generator: it waits where the loop asks for the next one
    ),
    "pool_in_coroutine": Demo("""
        from prints.api import print_later, print_pages
        await print_pages([1, 2])
        await print_later([1, 2])
        """),
    "external_callbacks": Demo(
        """
        from cleaning.api import forget
        os.mkdir("folder")
        await forget("in.txt", "folder")
        """,
        TEXT,
    ),
    "serving_main": Demo("""
        from jobs.run import main
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with contextlib.suppress(KeyboardInterrupt):
            main()
        """),
    "serving_server": Demo("""
        from jobs.run import main
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        with contextlib.suppress(KeyboardInterrupt):
            main()
        """),
    "command_main": Demo("""
        from jobs.run import main
        main()
        """),
    "callback_attribute": Demo("""
        from doors.api import enter
        await enter("ann")
        """),
    "observers": Demo(
        """
        from stocks.api import trade
        await trade(1)
        """,
        TEXT,
    ),
    "plugin_registry": Demo(
        """
        from plugins.api import call
        await call("size", "in.txt")
        """,
        TEXT,
    ),
    "callable_handler": Demo(
        """
        from hooks.api import handle
        await handle("pause", "in.txt")
        """,
        TEXT,
    ),
    "single_dispatch": Demo("""
        from export.api import save
        await save("text", "out.txt")
        await save(b"bytes", "out.bin")
        """),
    "context_variable": Demo("""
        from tenants.api import lookup
        await lookup("k")
        """),
    "generator_coroutine": Demo("""
        from ticks.api import wait
        await wait()
        """),
    "generator_cleanup": Demo(
        """
        from rows.api import first
        await first("in.txt")
        """,
        TEXT,
    ),
    "async_lock": Demo("""
        from ledger.api import record
        await record("out.txt", {"a": 1})
        """),
    "typed_tables": Demo(
        """
        from routes.api import serve
        from routes.handlers import Handler
        await serve({"first": Handler()}, "touch", "in.txt")
        """,
        TEXT,
    ),
    "default_factories": Demo(
        """
        from options.api import start
        await start("n")
        """,
        TEXT,
    ),
    "attrs_classes": Demo("""
        from devices.api import greet
        await greet()
        """),
    "named_tuples": Demo(
        """
        from steps.api import perform
        await perform("in.txt")
        """,
        TEXT,
    ),
    "typed_dicts": Demo("""
        from wiring.api import handle
        from wiring.store import Cache, Store
        await handle({"store": Store(), "cache": Cache()}, "text")
        """),
    "enum_actions": Demo(
        """
        from actions.api import perform
        await perform("in.txt")
        """,
        TEXT,
    ),
    "abstract_factory": Demo("""
        from widgets.api import show
        await show("file", "text")
        """),
    "injection_container": Demo("""
        from shop.api import view
        await view("k")
        """),
    "late_attribute": Demo("""
        from mail.api import post
        await post("text")
        """),
    "module_by_name": Demo("""
        from tasks.api import run
        await run()
        """),
    "renamed_reexport": Demo("""
        from blobstore.api import upload
        await upload("out.bin", b"x")
        """),
    "patched_attributes": Demo(
        """
        from feeds.api import show
        await show("in.txt")
        """,
        TEXT,
    ),
    "loop_else": Demo("""
        from mirrors.api import sync
        await sync()
        """),
    "nonlocal_receiver": Demo("""
        from probes.api import measure
        await measure()
        """),
    "class_patterns": Demo(
        """
        from events.api import handle
        from events.model import Ping, Target, Wipe
        await handle(Wipe(Target()))
        await handle(Ping())
        """,
        TEXT,
    ),
    "unpacked_generators": Demo("""
        from feed.api import collect
        await collect()
        """),
    "comparisons": Demo(
        """
        from versions.api import compare
        await compare("in.txt")
        """,
        TEXT,
    ),
    # -- end of mechanisms
}


def demo_of(program: str) -> Demo | None:
    """The demo of a program, or of its counterpart."""
    return DEMOS.get(program) or DEMOS.get(program.removesuffix("_ok"))
