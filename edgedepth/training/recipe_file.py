"""Reading a recipe from TOML, checked field by field; recipes that ship have names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgedepth.errors import UsageError, nearest
from edgedepth.toml_tables import fill, read_toml
from edgedepth.training.recipe import (
    Augmentation,
    Distillation,
    LossWeights,
    Masked,
    Optimisation,
    Photometric,
    Recipe,
    Refinement,
    Rendered,
    Source,
    Stage,
    Targets,
    check,
)

_SHIPPED = Path(__file__).parent / "recipes"
_TABLES: dict[str, type] = {
    "optimisation": Optimisation,
    "loss": LossWeights,
    "targets": Targets,
    "rendered": Rendered,
    "augmentation": Augmentation,
    "photometric": Photometric,
    "masked": Masked,
    "distillation": Distillation,
    "refinement": Refinement,
}
_LISTS: dict[str, type] = {"sources": Source, "stages": Stage}


def shipped_recipes() -> dict[str, Path]:
    """The recipes that ship with the package, by name."""
    return {path.stem: path for path in sorted(_SHIPPED.glob("*.toml"))}


def find_recipe(named: str) -> Path:
    """The file that a name or a path stands for.

    Raises:
        UsageError: neither a file nor a recipe that ships.
    """
    path, shipped = Path(named), shipped_recipes()
    if path.is_file():
        return path
    if named in shipped:
        return shipped[named]
    hint = nearest(named, shipped).capitalize() or "Name a TOML file or one of these."
    raise UsageError(f"There is no recipe {named!r}.", f"Recipes that ship: {', '.join(shipped)}.", hint)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        UsageError: unreadable, not TOML, an unknown or missing field, or a value out of range.
        MissingDependencyError: Python 3.10 without a TOML reader.
    """
    sections: dict[str, Any] = read_toml(path, "a recipe")
    for key, kind in _TABLES.items():
        if key in sections:
            sections[key] = fill(kind, sections[key], f"{path}: [{key}]")
    for key, kind in _LISTS.items():
        items = sections.get(key, [])
        if not isinstance(items, list) or not (items or key == "sources"):  # `check` knows who needs none
            raise UsageError(f"{path} names no {key}.", "", f"Add at least one [[{key}]] table.")
        sections[key] = tuple(fill(kind, item, f"{path}: [[{key}]]") for item in items)
    recipe: Recipe = fill(Recipe, sections, f"{path}: the top level")
    check(recipe)
    return recipe
