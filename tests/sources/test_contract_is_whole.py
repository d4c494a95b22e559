"""No source is let off a situation: what the contract's table lists in the end is all that it should."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.sources.cases import CASES
from tests.sources.situations import HARMLESS, SITUATIONS
from tests.support.broker import ROOT

CONTRACT = Path(__file__).with_name("test_contract.py")
OF_ALL_SOURCES = {"test_every_source_is_under_contract", "test_every_outcome_has_advice"}
"""What is not asked of one source after the other."""
SITUATIONS_OF = {
    "test_a_spoiled_answer_is_an_error_with_its_outcome": SITUATIONS,
    "test_after_a_spoiled_answer_the_next_good_one_counts": SITUATIONS,
    "test_a_good_answer_in_another_dress_counts": HARMLESS,
}


def collected() -> Mapping[str, set[tuple[str, str]]]:
    """Return what pytest would run of the contract: by function, the cases with what else distinguishes a test."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "STREAMER_TEST"))}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", str(CONTRACT)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=110)
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    names = sorted(map(str, CASES), key=len, reverse=True)
    for line in done.stdout.splitlines():
        _, separator, test = line.partition("::")
        function, _, rest = test.removesuffix("]").partition("[")
        case = next((name for name in names if rest.startswith(name)), "")
        if separator:
            found[function].add((case, rest.removeprefix(case).removeprefix("-")))
    return found


def test_every_test_of_the_contract_is_run_for_every_source_and_situation() -> None:
    """All that stand in the file; one that forgot to ask for a source would be run once, for none."""
    tests, cases = collected(), {str(case) for case in CASES}
    written = {
        node.name
        for node in ast.parse(CONTRACT.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    ran = {function: {case for case, _ in of_function} for function, of_function in tests.items()}
    assert ran == {name: {""} if name in OF_ALL_SOURCES else cases for name in written}
    for function, situations in SITUATIONS_OF.items():
        assert tests[function] == {(case, situation.name) for case in cases for situation in situations}


def test_every_situation_has_a_name_of_its_own() -> None:
    """So that none hides another."""
    names = Counter(situation.name for situation in (*SITUATIONS, *HARMLESS))
    assert names.most_common(1)[0][1] == 1
