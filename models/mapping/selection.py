"""Runs JMESPath over what a sender sent, counting whatever an expression makes before it is made.

The language has no loops, but one list can be built out of another, so that 175 characters make
millions of items; and a value that shares its parts is small until it is compared or written out.
"""

from typing import Any

from jmespath.exceptions import JMESPathTypeError
from jmespath.functions import TYPES_MAP, Functions
from jmespath.visitor import Options, TreeInterpreter

from models.mapping.budget import Budget, MappingError
from models.mapping.expressions import Tree, parse

#: Answer without looking at what is in their list.
LOOK_AT_NOTHING = frozenset(("length", "type", "not_null", "to_array"))
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
            met = TYPES_MAP.get(error.actual_type, error.actual_type)
            raise MappingError(
                "wrong_type",
                f"{error.function_name}() takes {wanted}, and met {met}.",
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
                # One side is enough: a comparison goes no further than either of them.
                self._budget.weigh(left)
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
