"""The messages of the package, Python and the JavaScript of the tab, and those that a page quotes."""

import ast
import re
from functools import cache

SAY = {
    "rank_zero_warn",
    "rank_zero_info",
    "warn_once",
    "warn",
    "_warn",
    "say",
    "say_once",
    "refusal",
    "unusable",
    "error",
}
ELSE = {"help", "description", "epilog", "prog", "key"}
GAP = "\0"
"""Stands for what is only known at run time."""


def messages(path):
    """The errors, warnings and notices of a file: `{message: line}`, with gaps for what code fills in.

    That is every text of three words or more that is raised or told, and every other that is a sentence.
    """
    return dict(_messages(ast.parse(path.read_text()), told=False))


def notices(path):
    """What a file of the tab's JavaScript tells, as `messages`: sentences, and that there is none of something."""
    code = re.sub(r"/\*.*?\*/|^[ \t]*//[^\n]*", _blank, path.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = {}
    for literal in re.finditer(r"'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`", code):
        text = re.sub(r"\$\{[^{}]*\}", GAP, next(part for part in literal.groups() if part is not None))
        sentence = re.match(r"[A-Z\0].*(\.|: \0)$", text, flags=re.DOTALL) or re.match(
            r"(no|not|none|nothing)\b", text, flags=re.IGNORECASE
        )
        if sentence and len(re.findall(r"\w+", text)) >= 3:
            found[text] = code.count("\n", 0, literal.start()) + 1
    return found


def quotes(page):
    """What a page lists as messages: lines that are code and nothing else."""
    return re.findall(r"^`(.+)`$", page.read_text(), flags=re.MULTILINE)


def covers(quote, message):
    """Whether a quote, in which `...` stands for anything, is of a message."""
    pieces, text = _pieces(quote), _plain(message)
    # Few messages have the longest piece, and only they are searched for all in order.
    return max(pieces, key=len) in text and re.search(".*".join(map(re.escape, pieces)), text) is not None


@cache
def _pieces(quote):
    pieces = [piece.strip() for piece in _plain(quote).split("...")]
    assert not set(pieces) <= {"", "Expected", ", received"}, f"{quote!r} could be of any message"
    return pieces


def _blank(comment):
    return "\n" * comment.group().count("\n")


@cache
def _plain(text):
    return re.sub(r"\s+", " ", text.replace("`", ""))


def _messages(node, told):
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if (text := _text(node)) is not None:
        if len(re.findall(r"\w+", text)) >= 2 and (told or _is_sentence(text)):
            yield text, node.lineno
        return
    if isinstance(node, ast.keyword) and node.arg in ELSE:
        return
    if isinstance(node, ast.Call) and _name(node) == "refusal" and len(node.args) > 1:
        name, wanted = (_text(argument) or GAP for argument in node.args[:2])
        yield f"Expected {name}= as {wanted}, received {GAP}.", node.lineno
        return
    told = told or isinstance(node, ast.Raise)
    told = told or (isinstance(node, ast.Call) and (_name(node) in SAY or _name(node).endswith("Error")))
    for child in ast.iter_child_nodes(node):
        yield from _messages(child, told)


def _name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _is_sentence(text):
    words = len(re.findall(r"\w+", text))
    return bool(re.match(r"[Ee]xpected ", text)) or words >= 8 or (words >= 4 and bool(re.match(r"[A-Z\0].*\.$", text)))


def _text(node):
    """A text of the code, with gaps; `None` where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(GAP if isinstance(part, ast.FormattedValue) else part.value for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_text(side) for side in (node.left, node.right)]
        return None if sides == [None, None] else "".join(GAP if side is None else side for side in sides)
    return None
