"""Findings do not depend on the order in which the linker's questions are asked."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from programs.labels import PROGRAMS, program_names
from unit.shuffled import asked_before

from auditor.audit import full_audit
from auditor.config import load
from auditor.model import Finding


def findings(program: str) -> tuple[Finding, ...]:
    directory = str(PROGRAMS / program)
    return full_audit([directory], load(directory, {}), fixes=False).report.findings


@cache
def in_the_usual_order(program: str) -> tuple[Finding, ...]:
    return findings(program)


@settings(max_examples=25, deadline=None)
@given(program=st.sampled_from(program_names()), seed=st.integers(0, 2**16))
def test_findings_are_the_same_in_any_order(program: str, seed: int) -> None:
    usual = in_the_usual_order(program)
    with asked_before(seed):
        assert findings(program) == usual
