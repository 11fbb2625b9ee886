"""Functions that other processes call by name: no import connects them, so a rename would only fail at run time."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import tracklay

PACKAGE = Path(tracklay.__file__).parent


def worker_calls(module: str) -> dict[str, set[str]]:
    """Return the arguments that a module passes to each worker target, by the name of the target.

    A module has one function that starts workers; where its target is an f-string, the callers of that function name the rest.
    """
    tree = ast.parse((PACKAGE / module).read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found: dict[str, set[str]] = {}
    for call in calls:
        if not (isinstance(call.func, ast.Name) and call.func.id == "WorkerProcess"):
            continue
        target, arguments, *_ = call.args
        if isinstance(target, ast.Constant):
            found[str(target.value)] = dict_keys(tree, arguments)
            continue
        assert isinstance(target, ast.JoinedStr)
        prefix, name = target.values
        assert isinstance(prefix, ast.Constant)
        assert isinstance(name, ast.FormattedValue)
        wrapper = next(
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and call in list(ast.walk(node))
        )
        own = {argument.arg for argument in wrapper.args.args}
        for caller in calls:
            if isinstance(caller.func, ast.Attribute) and caller.func.attr == wrapper.name:
                function = caller.args[0]
                assert isinstance(function, ast.Constant)
                passed = {str(each.arg) for each in caller.keywords} - own
                found[f"{prefix.value!s}{function.value!s}"] = dict_keys(tree, arguments) | passed
    return found


def dict_keys(tree: ast.Module, node: ast.expr) -> set[str]:
    """Return the literal keys of a dict display, with those of the variables that are unpacked into it.

    A variable that is a function's own `**` parameter adds none: `worker_calls` adds what the callers pass for it. Any other
    stands for every dict display that the module assigns to its name: the sketch provider builds the data when it prepares a
    request, and unpacks it, after a restart perhaps, when it collects the result.
    """
    if isinstance(node, ast.Name):
        displays = [
            each.value
            for each in ast.walk(tree)
            if isinstance(each, ast.Assign | ast.AnnAssign)
            and isinstance(each.value, ast.Dict)
            and node.id in [name.id for name in ast.walk(each) if isinstance(name, ast.Name) and is_stored(name)]
        ]
        return {key for display in displays for key in dict_keys(tree, display)}
    assert isinstance(node, ast.Dict)
    keys = {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            keys |= dict_keys(tree, value)
    return keys


def is_stored(name: ast.Name) -> bool:
    """Return True if the name is assigned to, and not read."""
    return isinstance(name.ctx, ast.Store)


def resolve_target(target: str) -> ast.FunctionDef:
    """Return the definition of the function that a worker target ("package.module:function") names."""
    module, _, function = target.partition(":")
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)


CALLS = {**worker_calls("timelines/blend_file.py"), **worker_calls("providers/sketch.py")}


def test_all_worker_targets_are_known():
    """The search finds each of them: with none found, the next test would hold nothing."""
    assert sorted(CALLS) == [
        "blender.headless:find_faults",
        "blender.headless:lay_takes",
        "blender.headless:mix_film",
        "blender.headless:read_rate",
        "blender.headless:read_turnover",
        "blender.headless:spot_film",
        "sketch.engine:generate_audio",
    ]


@pytest.mark.parametrize("target", sorted(CALLS))
def test_worker_targets_are_functions_that_take_the_arguments_passed(target):
    """Each string names a module-level function, and the keys passed are its parameters: all required ones, and no others."""
    parameters = resolve_target(target).args
    assert parameters.posonlyargs == []
    assert parameters.vararg is parameters.kwarg is None
    positional = [each.arg for each in parameters.args]
    required = set(positional[: len(positional) - len(parameters.defaults)])
    required |= {
        each.arg for each, value in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True) if value is None
    }
    accepted = {*positional, *(each.arg for each in parameters.kwonlyargs)}
    assert required <= CALLS[target] <= accepted
