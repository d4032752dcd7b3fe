"""TOML files as frozen dataclasses, checked field by field; every room may use it."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from edgedepth.errors import InputError, MissingDependencyError, UsageError, nearest

_T = TypeVar("_T")
_PLAIN: dict[Any, tuple[type, ...]] = {
    int: (int,), float: (int, float), str: (str,), bool: (bool,), dict[str, Any]: (dict,)
}  # fmt: skip


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """The tables of a file.

    Args:
        path: the file.
        kind: what it should be, as in ``a recipe``.

    Raises:
        InputError: unreadable or not TOML.
        MissingDependencyError: Python 3.10 without a TOML reader.
    """
    toml = _toml()
    try:
        return dict(toml.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, toml.TOMLDecodeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as {kind}.", first, "It has to be a TOML file.") from error


def fill(kind: type[_T], values: Any, where: str) -> _T:
    """A dataclass from a table; values that are such dataclasses already are kept.

    Args:
        kind: the dataclass; its fields are int, float, str, bool, Literal strings, ``dict[str, Any]``
            or tuples of these.
        values: the table.
        where: file and table, for messages.

    Raises:
        UsageError: an unknown or missing field, or a value of another type.
    """
    hints = get_type_hints(kind)
    declared = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, dict):
        raise UsageError(f"{where} is not a table.", f"It is {values!r}.", "Write it as a TOML table.")
    for key in values:
        if key not in declared:
            raise UsageError(
                f"{where} has no field {key!r}.",
                f"Its fields: {', '.join(declared)}.",
                nearest(key, declared).capitalize(),
            )
    for name, spec in declared.items():
        needed = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise UsageError(f"{where} lacks the field {name!r}.", "", "It has no default: add it.")
    return kind(**{key: _convert(hints[key], value, f"{where} {key}") for key, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(value):
        return value
    if isinstance(value, list):
        value = tuple(value)
    if hint in _PLAIN:
        if not _is(value, hint):
            raise UsageError(f"{where} has the wrong type.", f"It is {value!r}.", f"Expected {hint.__name__}.")
        return float(value) if hint is float else value
    if get_origin(hint) is Literal:
        return _chosen(get_args(hint), value, where)
    if not isinstance(value, tuple):
        raise UsageError(f"{where} has the wrong type.", f"It is {value!r}.", "Expected a list.")
    item = get_args(hint)[0]
    return value if dataclasses.is_dataclass(item) else tuple(_convert(item, one, where) for one in value)


def _chosen(known: tuple[str, ...], value: Any, where: str) -> Any:
    if value not in known:
        hint = nearest(value, known).capitalize() if isinstance(value, str) else ""
        raise UsageError(f"{where} cannot be {value!r}.", f"Known: {', '.join(known)}.", hint)
    return value


def _is(value: Any, hint: Any) -> bool:
    return isinstance(value, _PLAIN[hint]) and (hint is bool or not isinstance(value, bool))


def _toml() -> ModuleType:
    name = next((name for name in ("tomllib", "tomli") if importlib.util.find_spec(name)), None)
    if name:
        return importlib.import_module(name)
    raise MissingDependencyError(
        "Reading TOML needs a reader.",
        "Python 3.10 has none built in, and the package tomli is not installed.",
        "Install tomli, or use Python 3.11 or newer.",
    )
