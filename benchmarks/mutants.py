"""Do the tests guard meaning? ``python benchmarks/mutants.py`` changes the code in one place and runs its tests.

A mutant is a small change of the code: ``<`` for ``<=``, ``+`` for ``-``, another constant, a condition turned round, a
statement left out. Where no test fails, the line is not guarded. Mutants are sampled with a fixed seed from the modules
in `TARGETS`; each is run against the tests that cover its line, those of its own test file first. Results are kept in
``--out``: a killed mutant is not run again as long as its module and the test that killed it stay the same, a survivor
as long as its module and all tests do.

Takes pytest-cov (the extra ``dev``), ``NEUROMOTION_DATA`` for the tests that read recordings, and hours on two cores;
stop it with Ctrl-C and go on with the same command.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (
    "neuromotion_gym/envs",
    "neuromotion_gym/tasks",
    "neuromotion_gym/operators.py",
    "neuromotion_gym/signals/sources",
    "neuromotion_gym/datasets/playing.py",
    "neuromotion_gym/benchmark",
    "neuromotion_gym/decoders",
)
SECONDS = 60.0
"""Of tests that are run for one mutant, by their own durations."""
SLACK_S = 90.0
SERVER = """
import json, os, signal, sys, time
import hypothesis.strategies, pytest
import gymnasium.vector, mujoco, numpy, onnxruntime, pydantic, scipy.signal, scipy.stats, typer, yaml
sys.dont_write_bytecode = True
sys.path.insert(0, os.getcwd())
for line in sys.stdin:
    tests, limit_s, output = json.loads(line)
    child = os.fork()
    if not child:
        os.setsid()
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = pytest.main(["-n", "0", "-x", "-q", "-p", "no:cacheprovider", *tests])
        sys.stdout.flush()
        os._exit(int(status))
    end = time.monotonic() + limit_s
    ended, status = 0, None
    while not ended and time.monotonic() < end:
        time.sleep(0.02)
        ended, code = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(code) if ended else None
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if not ended:
        os.waitpid(child, 0)
    print(json.dumps(status), flush=True)
"""
FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/[^:\s]+\.py)(.*?)(?: - .*)?$", re.MULTILINE)
COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
OPERATIONS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*"}
BITS = {ast.BitAnd: "|", ast.BitOr: "&"}
NAMES = {
    "minimum": "maximum", "maximum": "minimum", "min": "max", "max": "min", "argmax": "argmin", "argmin": "argmax",
    "any": "all", "all": "any", "zeros": "ones", "ones": "zeros", "floor": "ceil", "ceil": "floor",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: ``old`` at a place of a file becomes ``new``."""

    file: str
    line: int
    start: int
    stop: int
    old: str
    new: str

    @property
    def key(self) -> str:
        """Digest of the change and of the file that it is made in."""
        content = (ROOT / self.file).read_bytes()
        return hashlib.sha256(repr(self).encode() + content).hexdigest()[:16]


class _Finder(ast.NodeVisitor):
    """All mutants of one module."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.found = file, source, list[Mutant]()
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line.encode()))
        self._bytes = source.encode()

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self._swap(node.test, f"not ({self._text(node.test)})")
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """What an error says is judged by the tests of messages, not here."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Annotations are no code."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *(one for one in node.args.kw_defaults if one)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._swap(node, "pass")
            self.generic_visit(node)
        elif not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Subscript) for target in node.targets):
            self._swap(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        other = {**OPERATIONS, **BITS}.get(type(node.op))
        if other:
            target, value = self._text(node.target), self._text(node.value)
            self._swap(node, f"{target} {other}= {value}")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            other = COMPARISONS[type(node.ops[0])]
            self._swap(node, f"{self._text(node.left)} {other} {self._text(node.comparators[0])}")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = {**OPERATIONS, **BITS}.get(type(node.op))
        # Paths and texts are joined by the same signs; another one there is an error and no change of meaning
        if other and not any(_is_text(side) for side in (node.left, node.right)):
            self._swap(node, f"{self._text(node.left)} {other} {self._text(node.right)}")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word = "or" if isinstance(node.op, ast.And) else "and"
        self._swap(node, "(" + f" {word} ".join(f"({self._text(value)})" for value in node.values) + ")")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._swap(node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._swap(node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in NAMES:
            self._swap(node, self._text(node).removesuffix(node.attr) + NAMES[node.attr])
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in ("min", "max", "any", "all") and isinstance(node.ctx, ast.Load):
            self._swap(node, NAMES[node.id])

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._swap(node, str(not value))
        elif isinstance(value, int):
            self._swap(node, str(value + 1))
        elif isinstance(value, float):
            self._swap(node, repr(value * 1.5 if value else 1.0))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts are judged by the tests of messages."""

    def _place(self, node: ast.AST) -> tuple[int, int]:
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1  # type: ignore[attr-defined]
        return self._starts[first] + node.col_offset, self._starts[last] + (node.end_col_offset or 0)  # type: ignore[attr-defined]

    def _text(self, node: ast.AST) -> str:
        start, stop = self._place(node)
        return self._bytes[start:stop].decode()

    def _swap(self, node: ast.AST, new: str) -> None:
        start, stop = self._place(node)
        old = self._bytes[start:stop].decode()
        if old != new:
            self.found.append(Mutant(self.file, node.lineno, start, stop, old, new))  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def mutants() -> list[Mutant]:
    """All mutants of the target modules that still compile."""
    found: list[Mutant] = []
    for target in TARGETS:
        path = ROOT / target
        for file in [path] if path.suffix == ".py" else sorted(path.rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            finder = _Finder(file.relative_to(ROOT).as_posix(), source)
            finder.visit(ast.parse(source))
            for mutant in finder.found:
                try:
                    ast.parse(applied(mutant, source))
                except SyntaxError:
                    continue
                found.append(mutant)
    return found


def applied(mutant: Mutant, source: str) -> str:
    """The module's text with the change."""
    content = source.encode()
    return (content[: mutant.start] + mutant.new.encode() + content[mutant.stop :]).decode()


def covering(folder: Path) -> tuple[dict[str, dict[str, list[str]]], dict[str, float]]:
    """Tests that run each line of each file, and how long each test takes.

    Kept in ``folder``: where only some test files changed, only those are measured again. Tests that fail without any
    mutant are left out.
    """
    kept = folder / "coverage.json"
    library = _digest([*(ROOT / "neuromotion_gym").rglob("*.py"), *(ROOT / "tests").rglob("conftest.py")])
    tests = {path.relative_to(ROOT).as_posix(): _digest([path]) for path in (ROOT / "tests").rglob("test_*.py")}
    lines: dict[str, dict[str, list[str]]] = {}
    seconds: dict[str, float] = {}
    known: dict[str, str] = {}
    if kept.is_file():
        content = json.loads(kept.read_text(encoding="utf-8"))
        if content["library"] == library:
            lines, seconds, known = content["lines"], content["seconds"], content["tests"]
    changed = sorted(path for path, digest in tests.items() if known.get(path) != digest)
    stale = {*changed, *(set(known) - set(tests))}
    if not stale:
        return lines, seconds
    lines = {
        file: {line: [test for test in names if _file_of(test) not in stale] for line, names in own.items()}
        for file, own in lines.items()
    }
    seconds = {test: value for test, value in seconds.items() if _file_of(test) not in stale}
    for file, own in _measured(changed if known else [], folder, seconds).items():
        for line, names in own.items():
            before = lines.setdefault(file, {}).get(line, [])
            lines[file][line] = sorted({*before, *names})
    content = {"library": library, "tests": tests, "lines": lines, "seconds": seconds}
    kept.write_text(json.dumps(content), encoding="utf-8")
    return lines, seconds


def _measured(files: list[str], folder: Path, seconds: dict[str, float]) -> dict[str, dict[str, list[str]]]:
    """Run test files (all of them where none is named); the tests of each line, and their times into ``seconds``."""
    from coverage import CoverageData

    data, durations = folder / ".coverage", folder / "durations.txt"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=neuromotion_gym", "--cov-context=test",
        "--cov-report=", "--durations=0", "--durations-min=0", *files,
    ]  # fmt: skip
    environment = {**os.environ, "COVERAGE_FILE": str(data.resolve())}
    with tempfile.TemporaryDirectory() as place, durations.open("w", encoding="utf-8") as file:
        copy = copy_of_checkout(Path(place) / "copy")
        subprocess.run(command, cwd=copy, env=environment, stdout=file, check=False)
    output = durations.read_text(encoding="utf-8")
    failed = {"".join(found) for found in FAILED.findall(output)}
    if failed:
        print(f"left out, since they fail without a mutant: {', '.join(sorted(failed))}")
    for line in output.splitlines():
        words = line.split(maxsplit=2)
        if len(words) == 3 and words[1] in ("call", "setup") and words[0].endswith("s"):
            seconds[words[2]] = seconds.get(words[2], 0.0) + float(words[0][:-1])
    measured = CoverageData(str(data))
    measured.read()
    return {
        Path(name).relative_to(copy).as_posix(): {
            str(line): sorted({context.split("|")[0] for context in contexts if context} - failed)
            for line, contexts in measured.contexts_by_lineno(name).items()
        }
        for name in measured.measured_files()
    }


def _file_of(test: str) -> str:
    return test.split("::", maxsplit=1)[0]


def _digest(paths: list[Path], root: Path = ROOT) -> str:
    """Digest of some files in ``root`` and their names."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def state_of(outcome: str, killer: str, root: Path = ROOT) -> str:
    """Digest of the tests in ``root`` that an outcome rests on: the one that killed the mutant, or all of them."""
    if outcome == "killed" and not killer:
        return ""  # the module did not import, or the tests did not end
    path, _, name = killer.partition("::")
    if outcome == "killed" and (root / path).is_file():
        function = name.split("[", maxsplit=1)[0].rsplit("::", maxsplit=1)[-1]
        tree = ast.parse((root / path).read_text(encoding="utf-8"))
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
        return hashlib.sha256(repr([ast.dump(node) for node in found or [tree]]).encode()).hexdigest()
    return _digest(list((root / "tests").rglob("*.py")), root)


class Tester:
    """Runs tests in a copy of the checkout, each time in a fresh fork of a process that has imported other packages.

    Parameters
    ----------
    copy : path
    """

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, tests: list[str], limit_s: float) -> tuple[int | None, str]:
        """Exit status of pytest, None if it takes longer than ``limit_s``, and what it printed."""
        output = self.copy.with_suffix(".txt")
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([tests, limit_s, str(output)]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline()), output.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def run(mutant: Mutant, tests: list[str], expected_s: float, tester: Tester) -> tuple[str, str]:
    """``killed``, ``survived`` or ``not covered``, and the test that killed it, where one did."""
    if not tests:
        return "not covered", ""
    file = tester.copy / mutant.file
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    file.write_text(applied(mutant, source), encoding="utf-8")
    try:
        status, output = tester.run(tests, 3 * expected_s + SLACK_S)
    finally:
        file.write_text(source, encoding="utf-8")
    # 0: all passed; 1: a test failed; 2 and 4: a module no longer imports; 5: none of the tests was found
    outcome = {0: "survived", 5: "not covered"}.get(status, "killed")
    failed = FAILED.search(output)
    return outcome, "".join(failed.groups()) if outcome == "killed" and failed else ""


def chosen_tests(
    mutant: Mutant, lines: dict[str, dict[str, list[str]]], seconds: dict[str, float]
) -> tuple[list[str], float]:
    """The tests that cover a mutant's line, and what they take.

    Tests of the module's own test file first, then those of its box, then the others; among them the quickest first.
    """
    module = Path(mutant.file)
    box = f"tests/{module.parent.relative_to('neuromotion_gym').as_posix()}/"
    own = f"{box}test_{module.stem}.py".replace("/./", "/")

    def order(test: str) -> tuple[bool, bool, float]:
        return _file_of(test) != own, not test.startswith(box), seconds.get(test, 0.0)

    covered = lines.get(mutant.file, {})
    # A line that runs while its module is imported belongs to no test: those of the module's other lines judge it. A
    # line that runs in a shared fixture belongs to its first test alone: the others of the module's own file judge it
    covering_tests = set(covered.get(str(mutant.line)) or (test for tests in covered.values() for test in tests))
    covering_tests |= {test for test in seconds if _file_of(test) == own}
    found, total = [], 0.0
    for test in sorted(covering_tests, key=order):
        if not found or total + seconds.get(test, 0.0) <= SECONDS:
            total += seconds.get(test, 0.0)
            found.append(test)
    return found, total


def copy_of_checkout(folder: Path) -> Path:
    """A copy of the checkout, in which mutants are made."""
    left_out = shutil.ignore_patterns(".git", "*.egg-info", "__pycache__", "scratch", ".*cache")
    return Path(shutil.copytree(ROOT, folder, ignore=left_out)).resolve()


def table(results: dict[str, dict[str, object]]) -> Iterator[str]:
    """Lines of a table: killed and survived by module."""
    by_module: dict[str, list[bool]] = defaultdict(list)
    for result in results.values():
        module = str(result["file"]).removeprefix("neuromotion_gym/").removesuffix(".py")
        by_module[module].append(result["outcome"] == "killed")
    yield "| module | mutants | killed |"
    yield "|---|---|---|"
    for module, killed in sorted(by_module.items()):
        yield f"| `{module}` | {len(killed)} | {sum(killed) / len(killed):.0%} |"
    everything = [one for killed in by_module.values() for one in killed]
    yield f"| all | {len(everything)} | {sum(everything) / max(1, len(everything)):.1%} |"


def holds(entry: dict[str, str] | None) -> bool:
    """Whether a result that was kept still says how today's tests judge its mutant."""
    return entry is not None and entry["tests"] == state_of(entry["outcome"], entry["killer"])


def main() -> None:
    """Sample, run, and print the table and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "scratch" / "mutants")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="Modules whose path holds this text.")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    everything = mutants()
    sample = random.Random(arguments.seed).sample(everything, min(arguments.count, len(everything)))
    sample = [mutant for mutant in sample if arguments.only in mutant.file]
    print(f"{len(everything)} mutants, {len(sample)} sampled")
    lines, seconds = covering(arguments.out)
    log = arguments.out / "results.jsonl"
    known = {}
    if log.is_file():
        known = {entry["key"]: entry for entry in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    todo = [mutant for mutant in sample if not holds(known.get(mutant.key))]
    with tempfile.TemporaryDirectory() as folder, log.open("a", encoding="utf-8") as file:
        free: SimpleQueue[Tester] = SimpleQueue()
        testers = [Tester(copy_of_checkout(Path(folder) / str(number))) for number in range(arguments.jobs)]
        for tester in testers:
            free.put(tester)

        def one(mutant: Mutant) -> tuple[Mutant, str, str, str]:
            tester = free.get()
            try:
                tests, expected_s = chosen_tests(mutant, lines, seconds)
                outcome, killer = run(mutant, tests, expected_s, tester)
                return mutant, outcome, killer, state_of(outcome, killer, tester.copy)
            finally:
                free.put(tester)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for number, done in enumerate(as_completed([pool.submit(one, mutant) for mutant in todo]), 1):
                mutant, outcome, killer, tests = done.result()
                entry = {"key": mutant.key, **asdict(mutant), "outcome": outcome, "killer": killer, "tests": tests}
                known[mutant.key] = entry
                file.write(json.dumps(entry) + "\n")
                file.flush()
                text = f"{mutant.file}:{mutant.line}: {mutant.old!r} -> {mutant.new!r}"
                print(f"{number}/{len(todo)} {outcome}: {text} {killer}")
        for tester in testers:
            tester.close()
    results = {mutant.key: known[mutant.key] for mutant in sample}
    print("\n".join(table(results)))
    for result in results.values():
        if result["outcome"] != "killed":
            print(f"{result['outcome']}: {result['file']}:{result['line']}: {result['old']!r} -> {result['new']!r}")


if __name__ == "__main__":
    main()
