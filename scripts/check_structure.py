"""Prints facts about the structure of the code, and exits with 1 when one of them breaks a rule.

    python scripts/check_structure.py [--verbose]

| fact | rule |
|---|---|
| import cycles between modules | none |
| Python files in one folder | 20 at most, `__init__.py` apart |
| lines of a file | 500 at most, tables of data apart |
| class names used twice in the package | none |
| public functions named with a bare everyday word (`read`, `make`) | none |
| quaint words in names, docstrings, comments, messages and documents | none |
| docstrings that open with What, Whether, Where, How or Who | none |
| errors raised with no code, codes with two templates | none |

The words and the allowed exceptions are the tables below; `tests/test_structure.py` holds the rules.
"""

from __future__ import annotations

import argparse
import ast
import functools
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "addon" / "tracklay"

MAX_FILES = 20
MAX_LINES = 500

DATA_TABLES = {
    "addon/tracklay/blender/settings/i18n/de.py",
    "addon/tracklay/sketch/foley/ambience_presets.py",
    "addon/tracklay/sketch/music/styles.py",
}
"""Files that hold data and may be longer."""

EVERYDAY_WORDS = frozenset(
    """add again ask back begin books bring bury call carry change check choose clean come count cut do done draw drop each end
    enter fall fast fill find finish fit follow get give go guess has have hear here hide hold hope keep know last laid lay_in
    leave let lie look lost make mark match mean meant mend move name need next note of open order over own pause place plan
    play plays put read ready rest root said save say see seek seen send set show shown sound spot stand start stay stock stop
    take taken tell test text there think tidy time together told touch try turn under use wait walk want whole wish words work
    write""".split()  # noqa: SIM905 - a list would be 130 lines
)
"""Names that cannot be searched for. A public function is a verb and its object (`read_manifest`)."""

ALLOWED_FUNCTIONS: frozenset[str] = frozenset()
"""`module:function` pairs that keep an everyday word."""

QUAINT = re.compile(
    r"""(?ix) (?<![A-Za-z])(?:
    told | tells? | telling | said | wish(?:es|ed)? | mend(?:s|ed|ing)? | anew | whoever | nobody | somebody | anybody |
    wherever | hindrance | trouble[sd]? | puzzle[sd]? | lest | thereby | hence | heed | hither |
    brings? | brought | carr(?:y|ies|ied|ying) | tak(?:e|es|en|ing)[ ]up | g(?:o|oes|one|oing)[ ]on[ ]with |
    giv(?:e|es|en|ing)[ ]up | the[ ]person(?:'s)? | a[ ]person(?:'s)? | persons? | so[ ]many | lies?[ ]there | lay[ ]there |
    (?:is|are)[ ]to[ ]be | at[ ]hand | in[ ]hand | no[ ]longer[ ]any | as[ ]often[ ]as[ ](?:it|you) | come[ ]to[ ]be |
    stand-?ins? | at[ ]once[ ]as | what[ ]came[ ]of | comes?[ ]along | came[ ]along | makes?[ ]do | for[ ]good
    )(?![A-Za-z])"""
)
"""Words and phrases of the quaint style. An underscore ends a word, so `as_told` is found too."""

ALLOWED_WORDS: dict[str, set[str]] = {
    # `provider-trouble` is a kind of error, which scripts and manifests hold: a contract.
    "addon/tracklay/errors.py": {"trouble"},
    "tests/test_contracts.py": {"trouble"},
    # A column and an index of schema version 1, which the upgrade names.
    "addon/tracklay/jobs/ledger_schema.py": {"wish"},
}
"""`path: {word, …}`: words that a file may hold, because they are quoted or are a contract."""

PYTHON_NAMES = {"tell"}
"""Names of Python's own: `file.tell()`."""

DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "findings/*")
TEXT_TOKENS = {tokenize.NAME, tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
"""Tokens that hold text. From Python 3.12 on, an f-string is several tokens."""

OPENERS = ("What", "Whether", "Where", "How", "Who")


@functools.cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file. Most rules walk all files, so each is parsed once."""
    return ast.parse(path.read_text("utf-8"))


def tracked(*patterns: str) -> list[Path]:
    """Return the files in git (and new ones that it does not ignore) that match any of the patterns."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return sorted({ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def python_files(*folders: str) -> list[Path]:
    """Return the Python files under some folders of the repository."""
    return [path for path in tracked(*folders) if path.suffix == ".py"]


def import_graph() -> dict[str, set[str]]:
    """Return which modules of the package each module imports, imports inside functions and for types included."""
    modules = {module_name(path): path for path in python_files("addon/tracklay")}
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        type_only = _type_checking_imports(tree := parse(path))
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not node.level or node in type_only:
                continue
            base = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                full = ".".join([*base, alias.name])
                target = full if full in modules else ".".join(base)
                if target in modules and target != name:
                    graph[name].add(target)
    return graph


def _type_checking_imports(tree: ast.Module) -> set[ast.AST]:
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    return {inner for block in blocks for child in block.body for inner in ast.walk(child)}


def module_name(path: Path) -> str:
    """Return a module's dotted name."""
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one module, by Tarjan's algorithm."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            component = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(component) > 1:
                cycles.append(sorted(component))

    for name in graph:
        if name not in order:
            visit(name)
    return cycles


def crowded_folders() -> list[str]:
    """Return the folders with more than `MAX_FILES` Python files."""
    count = Counter(
        path.parent for path in python_files("addon", "scripts", "benchmarks", "tests") if path.name != "__init__.py"
    )
    return [f"{folder.relative_to(ROOT)}: {n} files" for folder, n in sorted(count.items()) if n > MAX_FILES]


def long_files() -> list[str]:
    """Return the files of the package with more than `MAX_LINES` lines."""
    found = []
    for path in python_files("addon"):
        lines = len(path.read_text("utf-8").splitlines())
        name = path.relative_to(ROOT).as_posix()
        if lines > MAX_LINES and name not in DATA_TABLES:
            found.append(f"{name}: {lines} lines")
    return found


def repeated_class_names() -> list[str]:
    """Return the class names that more than one module of the package defines."""
    homes = defaultdict(list)
    for path in python_files("addon/tracklay"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module_name(path))
    return [f"{name}: {', '.join(where)}" for name, where in sorted(homes.items()) if len(where) > 1]


def everyday_functions() -> list[str]:
    """Return the public module-level functions whose name is one everyday word."""
    found = []
    for path in python_files("addon/tracklay"):
        for node in parse(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in EVERYDAY_WORDS:
                name = f"{module_name(path)}:{node.name}"
                if name not in ALLOWED_FUNCTIONS:
                    found.append(name)
    return found


def quaint_words() -> list[str]:
    """Return each quaint word in the code and the documents, as `path:line: word`."""
    found = []
    for path in [*python_files("addon", "scripts", "benchmarks", "tests"), *tracked(*DOCUMENTS)]:
        name = path.relative_to(ROOT).as_posix()
        if name in {"scripts/check_structure.py", "tests/test_structure.py"} or path.suffix == ".png":
            continue
        allowed = ALLOWED_WORDS.get(name, set())
        found += [f"{name}:{line}: {word}" for line, word in quaint_words_in(path) if word.lower() not in allowed]
    return found


def quaint_words_in(path: Path) -> list[tuple[int, str]]:
    """Return the quaint words of one file, each with its line."""
    # Splitting a file into tokens is slow, and most files hold no such word anywhere.
    if not QUAINT.search(path.read_text("utf-8")):
        return []
    return [
        (line + text[: match.start()].count("\n"), match[0])
        for line, text in _texts(path)
        for match in QUAINT.finditer(text)
    ]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what people read of a file, with its line: names, comments and strings of Python, all of a document."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield 1, text
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in PYTHON_NAMES:
            continue
        if token.type in TEXT_TOKENS:
            yield token.start[0], token.string


def docstring_openers() -> list[str]:
    """Return the docstrings that open with a question word."""
    found = []
    for path in python_files("addon", "scripts", "benchmarks"):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                continue
            text = ast.get_docstring(node) or ""
            if text.split(" ")[0].rstrip(",") in OPENERS:
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}")
    return found


def raised_errors() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of an error class of ours, with its place."""
    tree = parse(PACKAGE / "errors.py")
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for path in python_files("addon/tracklay"):
        if path.name == "errors.py":
            continue
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in classes:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def unclear_error_codes() -> list[str]:
    """Return the errors that are raised without a code and a template, and the codes that have two templates."""
    found = []
    templates: dict[str, str] = {}
    for place, call in raised_errors():
        literal = [str(argument.value) for argument in call.args if isinstance(argument, ast.Constant)]
        if len(literal) != 2 or len(call.args) != 2:
            found.append(f"{place}: no code and template")
        elif templates.setdefault(literal[0], literal[1]) != literal[1]:
            found.append(f"{place}: {literal[0]} has another template elsewhere")
    return found


RULES = {
    "import cycles": lambda: [" <-> ".join(cycle) for cycle in import_cycles(import_graph())],
    f"folders of more than {MAX_FILES} Python files": crowded_folders,
    f"files of more than {MAX_LINES} lines": long_files,
    "class names used twice": repeated_class_names,
    "public functions with an everyday word as name": everyday_functions,
    "quaint words": quaint_words,
    "docstrings that open with a question word": docstring_openers,
    "errors without a code of their own": unclear_error_codes,
}
"""Each rule's name, and the function that returns what breaks it."""


def main(arguments: Iterable[str] | None = None) -> int:
    """Print the table of facts; return 1 when a rule is broken."""
    parser = argparse.ArgumentParser(description="Print facts about the structure of the code.")
    parser.add_argument("--verbose", action="store_true", help="list every place that breaks a rule")
    parser.add_argument("--only", metavar="PATH", default="", help="list only places that contain PATH")
    options = parser.parse_args(None if arguments is None else list(arguments))
    status = 0
    for rule, find in RULES.items():
        broken = [place for place in find() if options.only in place]
        print(f"{len(broken):>6}  {rule}")
        if options.verbose:
            print(*(f"        {place}" for place in broken), sep="\n")
        status |= bool(broken)
    return status


if __name__ == "__main__":
    sys.exit(main())
