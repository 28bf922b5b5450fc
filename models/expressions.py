"""JMESPath, read strictly and run under a budget: it selects in what a sender sent.

The language has no loops, but one list can be built out of another, so that 175 characters make
millions of items. Whatever an expression makes is counted before it is made. Expressions that
would answer differently on another day or another machine are refused when they are read.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

from jmespath.exceptions import (
    ArityError,
    JMESPathError,
    JMESPathTypeError,
    ParseError,
)
from jmespath.functions import Functions
from jmespath.lexer import Lexer
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

from models.budget import Budget, MappingError

LONGEST_EXPRESSION = 512
MOST_NODES = 64
#: Each may cost the parser a few frames of Python's stack; quoted ones count too, to stay simple.
NESTING = "([{!&*"
DEEPEST_NESTING = 48
#: Functions that take `&expression`; anywhere else it would be a value that is not JSON.
TAKE_EXPRESSIONS = frozenset(("map", "sort_by", "min_by", "max_by"))
#: Answer without looking at what is in their list.
LOOK_AT_NOTHING = frozenset(("length", "type", "not_null", "to_array"))
LOOSE_LITERAL = "Between backticks stands JSON, as in `true` or `5`; write a text as 'text'."
MAKE_LISTS = frozenset(
    (
        "projection",
        "value_projection",
        "filter_projection",
        "multi_select_list",
        "multi_select_dict",
        "function_expression",
    )
)

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
    nodes = list(_nodes(tree))
    if len(nodes) > MOST_NODES:
        raise MappingError(
            "expression_too_long",
            f"This expression has {len(nodes)} parts; at most {MOST_NODES} are taken.",
        )
    for node, parent in nodes:
        _refuse_what_cannot_run(node, parent)
    return tree


class Selector:
    """Runs expressions over one body, all on one budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._interpreter = _Interpreter(budget)

    def select(self, expression: str, value: object) -> Any:
        tree = parse(expression)
        self._budget.start_run()
        try:
            return self._interpreter.visit(tree, value)
        except JMESPathTypeError as error:
            # Never its own text: that writes out the value, and a value can be built that is
            # small in memory and endless in writing.
            wanted = " or ".join(error.expected_types)
            raise MappingError(
                "wrong_type",
                f"{error.function_name}() takes {wanted}, and met {error.actual_type}.",
            ) from None
        except MappingError:
            raise
        except (ValueError, TypeError, ArithmeticError):
            raise MappingError(
                "wrong_type", f"'{expression}' cannot be worked out for the values it meets."
            ) from None


class _Interpreter(TreeInterpreter):
    """Counts each node visited, each text that passes by and each item of a list that is made."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=_CountedFunctions(budget)))
        self._budget = budget

    def visit(self, node: Tree, *args: Any, **kwargs: Any) -> Any:
        budget = self._budget
        budget.steps.charge()
        result = super().visit(node, *args, **kwargs)
        if isinstance(result, str):
            budget.characters.charge(len(result))
        elif node["type"] in MAKE_LISTS and isinstance(result, list | dict):
            budget.list_of(len(result))
        return result

    def visit_flatten(self, node: Tree, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        self._budget.items.charge(len(base))
        # Before it is made: ten thousand times the same ten thousand items are one step away.
        self._budget.list_of(sum(len(one) if isinstance(one, list) else 1 for one in base))
        merged: list[Any] = []
        for one in base:
            if isinstance(one, list):
                merged.extend(one)
            else:
                merged.append(one)
        return merged

    def visit_slice(self, node: Tree, value: Any) -> Any:
        if not isinstance(value, list):
            return None
        chosen = slice(*node["children"])
        self._budget.list_of(len(range(*chosen.indices(len(value)))))
        return value[chosen]

    def visit_comparator(self, node: Tree, value: Any) -> Any:
        """As the specification has it: only numbers, and here texts, have an order."""
        left, right = (self.visit(child, value) for child in node["children"])
        if node["value"] in {"eq", "ne"}:
            if isinstance(left, list | dict) and isinstance(right, list | dict):
                self._budget.weigh(left)
                self._budget.weigh(right)
        elif not (_are_numbers(left, right) or (isinstance(left, str) and isinstance(right, str))):
            return None
        return self.COMPARATOR_FUNC[node["value"]](left, right)


class _CountedFunctions(Functions):
    """The functions of JMESPath, each paid for before it runs."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        arguments = list(resolved_args)
        for argument in arguments:
            if isinstance(argument, list | dict) and function_name not in LOOK_AT_NOTHING:
                self._budget.items.charge(len(argument))
        if function_name == "to_string":
            self._budget.weigh(arguments[0])
        elif function_name == "contains":
            self._pay_for_search(*arguments)
        elif function_name == "join":
            self._pay_for_join(*arguments)
        elif function_name in {"sort", "min", "max"}:
            self._pay_for_order(arguments[0])
        result = super().call_function(function_name, arguments)
        if isinstance(result, str):
            self._budget.text_of(len(result))
        return result

    def _pay_for_search(self, subject: Any, search: Any) -> None:
        if isinstance(subject, str) and isinstance(search, str):
            # Searching a text for another may compare every place with all of it.
            self._budget.characters.charge(len(subject) * len(search))
        elif isinstance(subject, list) and isinstance(search, list | dict):
            self._budget.weigh(subject)

    def _pay_for_join(self, separator: Any, parts: Any) -> None:
        if isinstance(separator, str) and isinstance(parts, list):
            self._budget.text_of(_characters(parts) + len(separator) * len(parts))

    def _pay_for_order(self, values: Any) -> None:
        if isinstance(values, list):
            self._budget.characters.charge(_characters(values) * len(values).bit_length())


def _characters(values: list[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def _are_numbers(*values: object) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


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


def _nodes(tree: Tree) -> Iterator[tuple[Tree, Tree]]:
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
