"""JMESPath, read strictly: what is too large, or would answer differently elsewhere, is refused.

Knows expressions only; `models.mapping.selection` runs them.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

from jmespath.exceptions import ArityError, JMESPathError, ParseError
from jmespath.functions import Functions
from jmespath.lexer import Lexer
from jmespath.parser import Parser

from models.mapping.budget import Budget, MappingError

LONGEST_EXPRESSION = 512
MOST_NODES = 64
#: Each may cost the parser a few frames of Python's stack; quoted ones count too, to stay simple.
NESTING = "([{!&*"
DEEPEST_NESTING = 48
#: Functions that take `&expression`; anywhere else it would be a value that is not JSON.
TAKE_EXPRESSIONS = frozenset(("map", "sort_by", "min_by", "max_by"))
LOOSE_LITERAL = "Between backticks stands JSON, as in `true` or `5`; write a text as 'text'."
Tree = Any


@lru_cache(maxsize=4096)
def parse(expression: str) -> Tree:
    """The tree of an expression; raises `MappingError` with a sentence for its author."""
    if not expression.strip():
        raise MappingError("unreadable_expression", "An expression cannot be empty.")
    if len(expression) > LONGEST_EXPRESSION:
        raise MappingError(
            "expression_too_long", f"An expression has at most {LONGEST_EXPRESSION} characters."
        )
    if sum(map(expression.count, NESTING)) > DEEPEST_NESTING:
        raise MappingError(
            "expression_too_long",
            f"An expression opens at most {DEEPEST_NESTING} brackets, stars and negations.",
        )
    try:
        _refuse_loose_literals(expression)
        tree = Parser().parse(expression).parsed
    # The parser looks one token beyond the end of some unfinished expressions.
    except (JMESPathError, IndexError) as error:
        raise MappingError("unreadable_expression", _where(error)) from None
    except PendingDeprecationWarning:
        raise MappingError("unreadable_expression", LOOSE_LITERAL) from None
    nodes = list(nodes_of(tree))
    if len(nodes) > MOST_NODES:
        raise MappingError(
            "expression_too_long",
            f"This expression has {len(nodes)} parts; at most {MOST_NODES} are taken.",
        )
    for node, parent in nodes:
        _refuse_what_cannot_run(node, parent)
    return tree


def _refuse_loose_literals(expression: str) -> None:
    """What stands between backticks has to be JSON.

    The library reads anything else as a text, with a warning that some servers turn into an
    error, and takes NaN and infinity for numbers.
    """
    for token in Lexer().tokenize(expression):
        start = token["start"]
        if token["type"] != "literal" or expression[start] != "`":
            continue
        written = expression[start + 1 : start + token["end"]].removesuffix("`")
        try:
            json.loads(written.replace("\\`", "`"), parse_constant=_no_number)
        except ValueError:
            raise MappingError("unreadable_expression", LOOSE_LITERAL) from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _where(error: Exception) -> str:
    at = getattr(error, "lex_position", None)
    if isinstance(error, ParseError) and isinstance(at, int):
        return f"This is not JMESPath; it cannot be read from character {at + 1} on."
    return "This is not JMESPath; something is missing, perhaps a closing bracket."


def nodes_of(tree: Tree) -> Iterator[tuple[Tree, Tree]]:
    """All nodes with their parents; a slice keeps numbers where others keep nodes."""
    waiting = [(tree, None)]
    while waiting:
        node, parent = waiting.pop()
        yield node, parent
        if node["type"] != "slice":
            waiting.extend((child, node) for child in node["children"])


def _refuse_what_cannot_run(node: Tree, parent: Tree) -> None:
    kind = node["type"]
    if kind == "literal":
        Budget().weigh(node["value"])
    if kind == "expref" and not (
        parent and parent["type"] == "function_expression" and parent["value"] in TAKE_EXPRESSIONS
    ):
        raise MappingError(
            "unreadable_expression", "'&' is for map(), sort_by(), min_by() and max_by() only."
        )
    if kind == "slice" and node["children"][2] == 0:
        raise MappingError("unreadable_expression", "A slice cannot go on in steps of 0.")
    if kind == "function_expression":
        _refuse_unknown_function(node["value"], len(node["children"]))


def _refuse_unknown_function(name: str, given: int) -> None:
    known = Functions.FUNCTION_TABLE
    if name not in known:
        raise MappingError(
            "unknown_function", f"There is no function {name}(). Known are: {', '.join(known)}."
        )
    signature = known[name]["signature"]
    variadic = bool(signature[-1].get("variadic"))
    if given < len(signature) or (given > len(signature) and not variadic):
        raise MappingError(
            "unreadable_expression", str(ArityError(len(signature), given, name)) + "."
        )
