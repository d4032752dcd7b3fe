"""Reading a recipe from TOML, checked field by field."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, get_type_hints

from edgedepth.errors import MissingDependencyError, UsageError, nearest
from edgedepth.training.recipe import (
    Augmentation,
    LossWeights,
    Optimisation,
    Recipe,
    Source,
    Stage,
    Targets,
    check,
)

_T = TypeVar("_T")
_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,), float: (int, float), str: (str,), bool: (bool,), dict[str, Any]: (dict,)
}  # fmt: skip


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        UsageError: unreadable, not TOML, an unknown or missing field, or a value out of range.
        MissingDependencyError: Python 3.10 without a TOML reader.
    """
    toml = _toml()
    try:
        content = toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, toml.TOMLDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read as a recipe.", str(error).splitlines()[0], "A recipe is a TOML file."
        ) from error
    sections: dict[str, Any] = dict(content)
    tables: dict[str, type] = {
        "optimisation": Optimisation,
        "loss": LossWeights,
        "targets": Targets,
        "augmentation": Augmentation,
    }
    for key, kind in tables.items():
        if key in sections:
            sections[key] = _fill(kind, sections[key], path, f"[{key}]")
    lists: dict[str, type] = {"sources": Source, "stages": Stage}
    for key, kind in lists.items():
        items = sections.get(key, [])
        if not isinstance(items, list) or not items:
            raise UsageError(f"{path} names no {key}.", "", f"Add at least one [[{key}]] table.")
        sections[key] = tuple(_fill(kind, item, path, f"[[{key}]]") for item in items)
    recipe: Recipe = _fill(Recipe, sections, path, "the top level")
    check(recipe)
    return recipe


def _fill(kind: type[_T], values: Any, path: Path, where: str) -> _T:
    hints = get_type_hints(kind)
    declared = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, dict):
        raise UsageError(f"{path}: {where} is not a table.", f"It is {values!r}.", "Write it as a TOML table.")
    for key in values:
        if key not in declared:
            raise UsageError(
                f"{path}: {where} has no field {key!r}.",
                f"Its fields: {', '.join(declared)}.",
                nearest(key, declared).capitalize(),
            )
    for name, spec in declared.items():
        needed = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise UsageError(f"{path}: {where} lacks the field {name!r}.", "", "It has no default: add it.")
    return kind(**{key: _convert(hints[key], value, f"{path}: {where} {key}") for key, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(value, list):
        value = tuple(value)
    allowed = _PLAIN.get(hint)
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and hint is not bool)):
        raise UsageError(f"{where} has the wrong type.", f"It is {value!r}.", f"Expected {hint.__name__}.")
    if allowed is None and not dataclasses.is_dataclass(hint) and not isinstance(value, tuple):
        raise UsageError(f"{where} has the wrong type.", f"It is {value!r}.", "Expected a list.")
    return float(value) if hint is float else value


def _toml() -> ModuleType:
    name = next((name for name in ("tomllib", "tomli") if importlib.util.find_spec(name)), None)
    if name:
        return importlib.import_module(name)
    raise MissingDependencyError(
        "Reading a recipe needs a TOML reader.",
        "Python 3.10 has none built in, and the package tomli is not installed.",
        "Install tomli, or use Python 3.11 or newer.",
    )
