"""The places of a module that can be broken, and how.

A place is a stretch of the source and the text that takes its stead, so that the other
lines stay where they are. What cannot change a result by construction is left out:
docstrings and all text, what is inside a `raise` (but not the `raise` itself), `assert`,
annotations and type aliases, decorators, `__all__`, `strict=` of `zip`, `repr=` of a field.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
OPERATORS = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*",
    ast.Pow: "*", ast.BitOr: "&", ast.BitAnd: "|", ast.LShift: ">>", ast.RShift: "<<",
}  # fmt: skip
SYMMETRIC = {"add", "gcd", "hypot", "logaddexp", "max", "maximum", "min", "minimum", "multiply"}
"""Functions whose first two arguments may change places."""


@dataclass(frozen=True)
class Place:
    """A stretch of a file, from byte to byte, and what it becomes."""

    path: str
    function: str
    """Its qualified name; empty for what runs at import."""
    line: int
    column: int
    start: int
    end: int
    new: str
    what: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.what}"

    def broken(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


def find_places(path: str, source: bytes) -> list[Place]:
    """Find the places of a module, in the order of the source."""
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return sorted(finder.places, key=lambda place: (place.start, place.end, place.new))


def modules(root: Path, names: list[str]) -> Iterator[str]:
    """Give the modules that are named: files, or all in a folder."""
    for name in names:
        path = root / name
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        yield from (each.relative_to(root).as_posix() for each in found)


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source, self.places = path, source, list[Place]()
        self.names: list[str] = []
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    # --- where ----------------------------------------------------------------------

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt) -> str:
        return self.source[self.start(node) : self.end(node)].decode()

    def put(self, start: int, end: int, new: str, what: str) -> None:
        line = self.source.count(b"\n", 0, start) + 1
        column = start - self.starts[line - 1] + 1
        function = ".".join(self.names).removesuffix(".<locals>")
        self.places.append(Place(self.path, function, line, column, start, end, new, what))

    def exchange(self, after: ast.expr, before: ast.expr, pattern: str, new: str) -> None:
        """Exchange the operator that stands between two expressions."""
        first = self.end(after)
        gap = re.sub(
            rb"#[^\n]*", lambda m: b" " * len(m[0]), self.source[first : self.start(before)]
        )
        if found := re.search(pattern.encode(), gap):
            old = " ".join(found[0].decode().split())
            self.put(first + found.start(), first + found.end(), new, f"`{old}` became `{new}`")

    def drop(self, node: ast.stmt) -> None:
        line = self.text(node).partition("\n")[0]
        self.put(self.start(node), self.end(node), "pass", f"`{line}` became `pass`")

    def swap(self, one: ast.expr, two: ast.expr) -> None:
        first, second = self.text(one), self.text(two)
        if first != second:
            gap = self.source[self.end(one) : self.start(two)].decode()
            whole = f"{second}{gap}{first}"
            what = f"`{first}{gap}{second}` became `{whole}`"
            self.put(self.start(one), self.end(two), whole, " ".join(what.split()))

    # --- what is left out -----------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None: ...

    def visit_Assert(self, node: ast.Assert) -> None: ...

    def visit_Raise(self, node: ast.Raise) -> None:
        raised = ast.unparse(node.exc) if node.exc else ""
        if not raised.startswith(("AssertionError", "NotImplementedError")):  # never reached
            self.drop(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    # --- definitions ----------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self.inside(node, node.name, "<locals>")

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # ast's name

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.inside(node, node.name)

    def inside(self, node: ast.AST, *names: str) -> None:
        self.names += names
        for statement in node.body:
            self.visit(statement)
        del self.names[-len(names) :]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and "TypeAlias" not in ast.unparse(node.annotation):
            self.assigned([node.target], node)

    def visit_Assign(self, node: ast.Assign) -> None:
        alias = (
            not self.names
            and re.search(r"[|\[]", self.text(node.value))
            and not isinstance(
                node.value, ast.Dict | ast.List | ast.Tuple | ast.Set | ast.Call | ast.ListComp
            )
        )
        if ast.unparse(node.targets[0]) not in ("__all__", "__slots__") and not alias:
            self.assigned(node.targets, node)

    def assigned(self, targets: list[ast.expr], node: ast.Assign | ast.AnnAssign) -> None:
        if all(isinstance(each, ast.Attribute | ast.Subscript) for each in targets):
            self.drop(node)
        self.visit(node.value)
        for each in targets:
            self.visit(each)

    # --- statements -----------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.drop(node)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.drop(node)
        if new := OPERATORS.get(type(node.op)):
            self.exchange(node.target, node.value, r"\S+=", f"{new}=")
        self.visit(node.value)

    def visit_Delete(self, node: ast.Delete) -> None:
        self.drop(node)

    def visit_Return(self, node: ast.Return) -> None:
        # A result that is missing crashes whoever asks for it, and nothing would be learnt.
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1:
            self.swap(*node.value.elts[:2])
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self.drop(node)

    visit_Break = visit_Continue  # noqa: N815  # ast's name

    # --- expressions ----------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            pattern = r"is\s+not|not\s+in|is|in|[<>=!]=|[<>]"
            self.exchange(left, right, pattern, COMPARISONS[type(op)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        literals = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set)
        of_text = any(
            isinstance(side, literals) or isinstance(getattr(side, "value", None), str)
            for side in (node.left, node.right)
        )
        if not of_text and (new := OPERATORS.get(type(node.op))):
            self.exchange(node.left, node.right, r"\*\*|//|<<|>>|[-+*/%|&]", new)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        new = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.exchange(left, right, r"\b(and|or)\b", new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            what = f"`{self.text(node)}` became `{self.text(node.operand)}`"
            self.put(self.start(node), self.start(node.operand), "", " ".join(what.split()))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        change: dict[type, Callable] = {
            bool: lambda x: not x, int: lambda x: x + 1, float: lambda x: x * 1.5 if x else 1.0,
        }  # fmt: skip
        if type(node.value) in change:
            new = repr(change[type(node.value)](node.value))
            what = f"`{self.text(node)}` became `{new}`"
            self.put(self.start(node), self.end(node), new, what)

    def visit_Call(self, node: ast.Call) -> None:
        function = ast.unparse(node.func).rpartition(".")[2]
        if function == "cast":
            self.visit(node.args[1])
            return
        starred = any(isinstance(each, ast.Starred) for each in node.args[:2])
        if len(node.args) > 1 and not starred and function not in SYMMETRIC:
            self.swap(*node.args[:2])
        self.visit(node.func)
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg not in ("repr", "strict"):
                self.visit(keyword.value)
