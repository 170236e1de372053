"""Break rules, patch, review and certs in every small way: does a test notice? `nice python -m bench.mutants`.

A mutant is one file with one thing changed: a comparison, an `and`, a flag, a number, a name, a statement left out. It
never touches the disk: each runs in a process of its own that imports the changed file, and the fast tests on it. What
no test notices is a gap, unless EXPLAINED says why it makes no difference.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import importlib.machinery
import io
import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.progress import track

from bench import evidence

ROOT = Path(__file__).parent.parent
EXPLAINED: dict[str, str] = json.loads((ROOT / "bench/mutants_explained.json").read_text())
"""Mutants that no test can notice, each with why: they say the same in other words."""
FILES = (
    *sorted((ROOT / "webhook/rules").glob("*/[a-z]*.py")),
    *(ROOT / "webhook" / name for name in ("patch.py", "review.py", "identity.py", "allocation.py", "privilege.py")),
    *(file for file in sorted((ROOT / "certs").glob("*.py")) if file.name != "__init__.py"),
)
ENGINE_TESTS = "(test_the_engine or test_the_patch or test_evaluating or test_the_order or test_the_request)"
QUIETLY = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
CERTIFICATES = ("authority", "listing", "keeper", "publish", "certs_cli", "certificate_steps")
SLOWER = ("certificate_protocol", "store", "racing_keepers")  # ten times as long as the others
FIRST = {"__main__": "certs_cli", "protocol": "certificate_steps", "secret": "certificate_steps"}
"""Of the tests of certificates, the ones of a file that are not named after it."""
NEAR = ("identity", "patch", "engine", "review", "workload", "argo_executor", "lattice", "registration", "registry")
SECONDS = 60
"""Of work, for one mutant: what nothing notices takes 10. What takes longer hangs, which a test notices."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


LEFT_OUT = ast.Assign | ast.AugAssign | ast.Raise | ast.Return | ast.Continue | ast.Expr


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed file: which, where, what was there and what is there now."""

    file: Path
    line: int
    change: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Return what stays the same when lines above it come and go."""
        text = self.file.read_text().splitlines()[self.line - 1].strip() if self.line else ""
        return f"{self.file.relative_to(ROOT)}: {text}: {self.change}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    source = ast.parse(file.read_text())
    for index, node in enumerate(ast.walk(source)):
        for number in range(len(list(_replacements(node)))):
            tree = copy.deepcopy(source)
            own = next(each for position, each in enumerate(ast.walk(tree)) if position == index)
            before = ast.unparse(own)
            field, at, new = list(_replacements(own))[number]
            if at is None:
                setattr(own, field, new)
            else:
                getattr(own, field)[at] = new
            ast.fix_missing_locations(tree)
            after = ast.unparse(own)
            yield Mutant(file, getattr(own, "lineno", 0), f"{_short(before, after)} => {_short(after, before)}", tree)


def _replacements(node: ast.AST) -> Iterator[tuple[str, int | None, Any]]:
    """Yield what may be changed of one node: a field of it, the index where it is a list, and the new value."""
    for index, operator in enumerate(getattr(node, "ops", ())):
        if type(operator) in SWAPS:
            yield "ops", index, SWAPS[type(operator)]()
    if isinstance(node, ast.BoolOp):
        yield "op", None, SWAPS[type(node.op)]()
        yield from (("values", None, node.values[:n] + node.values[n + 1 :]) for n in range(len(node.values)))
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "test", None, ast.UnaryOp(ast.Not(), node.test)
    for index, condition in enumerate(getattr(node, "ifs", ())):
        yield "ifs", index, ast.UnaryOp(ast.Not(), condition)
    if isinstance(node, ast.Constant) and (new := _other(node.value)) is not None:
        yield "value", None, new
    if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.Try):
        for index, statement in enumerate(node.body):
            prose = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, LEFT_OUT) and not prose:
                yield "body", index, ast.Pass()


def _other(value: Any) -> Any:
    """Return another constant; none for prose, which is for people, and which no program reads."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) and value and " " not in value else None


def _short(text: str, other: str) -> str:
    """Return the part of a text in which it differs from another, with a little around it."""
    start, end = _alike(text, other), _alike(text[::-1], other[::-1])
    return " ".join(text[max(0, start - 12) : max(start, len(text) - end) + 12].split())


def _alike(text: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = zip(text, other, strict=False)
    return next((index for index, (one, two) in enumerate(pairs) if one != two), min(len(text), len(other)))


def noticed(mutant: Mutant) -> bool:
    """Run the tests on one mutant in a process of its own; tell whether one failed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.alarm(5 * SECONDS)  # one that waits takes no time of the processor
            status = _judge(mutant)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def _judge(mutant: Mutant) -> int:
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, fullname: str) -> Any:
        if loader.path == str(mutant.file):
            return compile(mutant.tree, loader.path, "exec")
        return original(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment] # its own process
    if mutant.file.parent.name == "certs":
        first = FIRST.get(mutant.file.stem, mutant.file.stem)
        return int(
            not _pass(
                [next(ROOT.glob(f"tests/*/test_{name}.py")) for name in dict.fromkeys((first, *CERTIFICATES, *SLOWER))]
            )
        )
    from tests.support.cases import all_cases  # noqa: PLC0415 - it imports the mutant

    rule = mutant.file.stem.replace("_", "-")
    if not all(map(_holds, (case for case in all_cases() if case.folder.parent.name == rule))):
        return 1
    near = [next(ROOT.glob(f"tests/*/test_{name}.py")) for name in NEAR]
    if not _pass([*near, "tests/server/test_fixtures.py", "-k", f"not test_fixtures or {ENGINE_TESTS}"]):
        return 1
    from tests.properties.engine import checked  # noqa: PLC0415
    from tools import generate  # noqa: PLC0415 - they import the mutant

    sys.argv = ["tools.generate", "--check"]
    with contextlib.redirect_stderr(io.StringIO()):
        if generate.main():
            return 1

    return bool(checked(1, range(500)).failed)


def _pass(tests: list[Any]) -> bool:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main(["-x", "-q", "--rig=off", *QUIETLY, *map(str, tests)])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"no such tests: {tests}")
    return code == pytest.ExitCode.OK


def _holds(case: Any) -> bool:
    """Tell in a hundredth of pytest's time what most mutants die of: the fixtures of the rule itself."""
    return bool(case.outcome().object == case.expected() and not list(case.problems()))


def main() -> int:
    """Run, print what survived, write docs/evidence/mutants.json; 1 where a survivor has no explanation."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="files whose name has this")
    arguments = parser.parse_args()
    started = time.time()
    os.chdir(ROOT)
    for loaded in ("cryptography.x509", "flask", "hypothesis", "jsonpatch", "kubernetes", "prometheus_client", "yaml"):
        importlib.import_module(
            loaded
        )  # so that no mutant's process has to: all but what is mutated and what judges it
    if noticed(Mutant(FILES[0], 0, "nothing", ast.parse(FILES[0].read_text()))):
        print("the tests fail on what nothing was changed in: mend that first")
        return 2
    made = [mutant for file in FILES if arguments.only in str(file) for mutant in mutants(file)]
    with ThreadPoolExecutor(arguments.processes) as pool:
        survivors = []
        for mutant, was_noticed in zip(made, track(pool.map(noticed, made), "mutants", total=len(made)), strict=True):
            if not was_noticed:
                survivors.append(mutant)
                print(mutant.name, flush=True)
    explained = {mutant.name: EXPLAINED[mutant.name] for mutant in survivors if mutant.name in EXPLAINED}
    gaps = sorted({mutant.name for mutant in survivors} - explained.keys())
    figures = {
        "mutants": len(made),
        "survived": len(survivors),
        "survivedPercent": round(100 * len(survivors) / len(made), 2),
        "explained": explained,
        "gaps": gaps,
    }
    only = re.sub(r"\W+", "-", arguments.only).strip("-")  # a run of some files is evidence of these
    command = f"python -m bench.mutants{f' --only {arguments.only}' if only else ''}"
    print(evidence.write("-".join(filter(None, ("mutants", only))), command, started, figures))
    print(f"{len(survivors)} of {len(made)} mutants survived, {len(gaps)} without an explanation")
    return bool(gaps)


if __name__ == "__main__":
    sys.exit(main())
