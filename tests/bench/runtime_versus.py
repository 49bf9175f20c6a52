"""The stalls of tests/runtime/stall_kinds.py under other tools:
`runtime_versus.py [--rounds 3] [--loop asyncio|uvloop] [TOOL...]`.

For each tool: how many stalls it says anything of, how often that names the exact line, and for how many harmless
patterns it speaks up. Each kind runs by itself, in a process of its own. Tools that are not installed are said not to
run; set PYTHONPATH to where they lie. With `--run` it is that process: `runtime_versus.py --run LOOP TOOL KIND`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runtime"))
import stall_kinds

TOOLS = ("auditor", "auditor-thread", "aiocop", "livekit", "pyleak", "blockbuster", "debug")


class Said(logging.Handler):
    """Collects what a tool logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextlib.asynccontextmanager
async def tool(name: str, said: list[str]) -> AsyncIterator[None]:
    """Run under a tool; what it says is added to ``said``."""
    handler = Said()
    if name in {"auditor", "auditor-thread"}:
        from auditor.runtime import LoopLagMonitor

        async with LoopLagMonitor(0.1, log=False, outside=name == "auditor") as monitor:
            await asyncio.to_thread(monitor.mode, 30)
            yield
            await asyncio.sleep(0.1)
            await asyncio.to_thread(monitor.flush)
        blamed = [
            stall for stall in monitor.stalls if stall.kind not in {"machine-busy", "garbage-collection"}
        ]
        said += [f"{stall.site.path}:{stall.site.line}" if stall.site else "?" for stall in blamed]
    elif name == "aiocop":
        import aiocop

        aiocop.patch_audit_functions()
        aiocop.start_blocking_io_detection()
        aiocop.detect_slow_tasks(
            threshold_ms=100,
            on_slow_task=lambda event: said.append(repr(event)) if event.exceeded_threshold else None,
        )
        aiocop.activate()
        await asyncio.sleep(0.05)
        yield
        await asyncio.sleep(0.1)
        aiocop.deactivate()
    elif name == "pyleak":
        from pyleak import no_event_loop_blocking

        logger = logging.getLogger("pyleak")
        logger.addHandler(handler)
        async with no_event_loop_blocking(action="log", threshold=0.1, logger=logger):
            await asyncio.sleep(0.2)
            yield
            await asyncio.sleep(0.2)
        said += handler.texts
    elif name == "livekit":
        from livekit.agents.telemetry.loop_monitor import EventLoopMonitor

        watch = EventLoopMonitor(
            asyncio.get_running_loop(), warn_threshold=0.1, error_threshold=1.0, emit_spans=False
        )
        watch._on_report = lambda report: said.append("\n".join(report.stacks))
        watch.start()
        await asyncio.sleep(0.2)
        yield
        await asyncio.sleep(0.2)
        watch.stop()
    elif name == "blockbuster":
        from blockbuster import BlockingError, blockbuster_ctx

        try:
            with blockbuster_ctx():
                yield
        except BlockingError as error:
            trace, lines = error.__traceback__, []
            while trace is not None:
                lines.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
                trace = trace.tb_next
            said.append("\n".join(lines))
    elif name == "debug":
        logger = logging.getLogger("asyncio")
        logger.addHandler(handler)
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0.1
        await asyncio.sleep(0.05)
        yield
        await asyncio.sleep(0.05)
        loop.set_debug(False)
        said += [text for text in handler.texts if "took" in text]
    else:
        raise SystemExit(f"no tool {name}")


async def one(name: str, kind: str) -> dict[str, object]:
    kinds, said, took = stall_kinds.Kinds(), list[str](), 0.0
    kinds.prepare([kind])
    async with tool(name, said):
        await asyncio.sleep(0.15)
        begin = time.perf_counter()
        await asyncio.create_task(getattr(kinds, kind)())
        took = time.perf_counter() - begin
    return {"said": said, "took": took}


def names_line(said: list[str], lines: set[int]) -> bool:
    """Whether the innermost place in the stalls' file that anything names is the right one."""
    for text in said:
        places = re.findall(r"stall_kinds\.py\D{1,12}(\d+)", text)
        if places and any(int(place) in lines for place in (places[0], places[-1])):
            return True
    return False


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        loop, name, kind = sys.argv[2:]
        if loop == "uvloop":
            import uvloop

            found = uvloop.run(one(name, kind))
        else:
            found = asyncio.run(one(name, kind))
        print(json.dumps(found), flush=True)
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument("tools", nargs="*", default=list(TOOLS))
    arguments = parser.parse_args()
    lines = stall_kinds.marked_lines()
    for loop in arguments.loop or ["asyncio", "uvloop"]:
        for name in arguments.tools:
            found = exact = alarms = total = broken = 0
            for kind in [*stall_kinds.STALLS, *stall_kinds.HARMLESS] * arguments.rounds:
                done = subprocess.run(
                    [sys.executable, __file__, "--run", loop, name, kind],
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                try:
                    said = json.loads(done.stdout.splitlines()[-1])["said"]
                except (IndexError, ValueError):
                    broken += 1
                    continue
                if kind in stall_kinds.HARMLESS:
                    alarms += bool(said)
                    continue
                total += 1
                found += bool(said)
                exact += names_line(said, lines[kind])
            print(
                f"{loop:8} {name:15} {found}/{total} found, {exact}/{total} exact line, "
                f"{alarms}/{len(stall_kinds.HARMLESS) * arguments.rounds} harmless reported"
                + (f", {broken} did not run" if broken else ""),
                flush=True,
            )


if __name__ == "__main__":
    main()
