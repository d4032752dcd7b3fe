"""What Qualcomm's compiler for the Hexagon NPU makes of a graph, for those who have it installed.

LiteRT's package carries the plugin that hands a graph to that compiler; the compiler itself comes in Qualcomm's
``onnxruntime-qnn``, under Qualcomm's own licence. edgedepth never installs it and never needs it. What is shown is
that the compiler takes the graph for a chip, and in how many pieces: no NPU runs anything here.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from edgedepth.errors import MissingDependencyError, OperatorError, UsageError, nearest

PACKAGE = "onnxruntime-qnn"
SOCS = ("SA8255", "SA8295", "SM8350", "SM8450", "SM8475", "SM8550", "SM8650", "SM8750", "SM8845", "SM8850")
"""Chips by Android's ``ro.soc.model``, as LiteRT names them."""
REMEDY = (
    f"`pip install {PACKAGE}` on x86-64 Linux brings the compiler; its libraries come under Qualcomm's licence "
    "(Qualcomm_LICENSE.pdf in the package), which using them accepts."
)

_SELECTED = re.compile(r"selected (\d+) ops, from a total of (\d+) ops, (\d+) partitions?", re.IGNORECASE)
_REFUSED = re.compile(r"^.*(?:unsupported|not supported|validat).*$", re.IGNORECASE | re.MULTILINE)
_ERROR = re.compile(
    r"^(?!\[LITERT_TOOLS).*(?:ERROR: (?!\[)|could not|cannot|undefined symbol).*$", re.IGNORECASE | re.MULTILINE
)
_COMPILER = "libQnnHtp.so"
_UNUSED = "libQnnLpai.so"
"""LiteRT's plugin asks the loader for it, and the compiler for the NPU never calls it; the package does not have it."""


@dataclass(frozen=True)
class NpuVerdict:
    """What the compiler made of it.

    Attributes:
        selected: operators that it takes.
        operators: of the graph, as the tool counts them.
        partitions: pieces that it takes them in.
        refusals: what it said of others, at most a few lines.
    """

    selected: int
    operators: int
    partitions: int
    refusals: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """The whole graph in one piece."""
        return self.selected == self.operators and self.partitions == 1


def require_soc(name: str) -> str:
    """A chip's name as LiteRT spells it.

    Raises:
        UsageError: unknown.
    """
    known = name.strip().upper()
    if known not in SOCS:
        raise UsageError(
            f"{name!r} is not a chip that LiteRT compiles for.",
            nearest(known, SOCS) or "Chips are named as `getprop ro.soc.model` does.",
            f"Known are {', '.join(SOCS)}.",
        )
    return known


def check_npu(path: Path, soc: str, *, timeout: float = 1800.0) -> NpuVerdict:
    """Compile a .tflite file for a chip's NPU.

    Raises:
        MissingDependencyError: the compiler is not installed, or LiteRT came without its plugin.
        OperatorError: the compiler failed.
    """
    libraries = _compiler()
    litert = _litert()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stand_in = folder / _UNUSED
        if not (libraries / _UNUSED).is_file():
            _write_empty_library(stand_in)
        search = [str(libraries), name, os.environ.get("LD_LIBRARY_PATH", "")]
        command = [str(litert / "tools" / "apply_plugin_main"), "--cmd=apply", f"--model={path.resolve()}"]
        command += [f"--o={folder / 'out.tflite'}", "--soc_manufacturer=Qualcomm", f"--soc_model={soc}", "--err=--"]
        command.append(f"--libs={litert / 'vendors' / 'qualcomm' / 'compiler'}")
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, search))},
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OperatorError(
                f"The NPU's compiler did not finish {path}.", f"It was given {timeout:.0f} s.", "Check a smaller size."
            ) from error
        log = (done.stdout + b"\n" + done.stderr).decode(errors="replace")
    found = read_log(log)
    if found is None:
        said = [line.strip() for line in _ERROR.findall(log)]
        raise OperatorError(
            f"The NPU's compiler failed on {path} for {soc}.",
            (said[-1] if said else f"It ended with code {done.returncode} and gave no reason.")[-200:],
            "Compare with `edgedepth inspect`, which names operators that accelerators refuse.",
        )
    return found


def read_log(log: str) -> NpuVerdict | None:
    """What the tool's log says; None where it says nothing of a selection. Several subgraphs are added up."""
    found = [tuple(int(n) for n in line.groups()) for line in _SELECTED.finditer(log)]
    if not found:
        return None
    selected, operators, partitions = (sum(column) for column in zip(*found, strict=True))
    refusals = (
        () if selected == operators else tuple(dict.fromkeys(line.strip()[:200] for line in _REFUSED.findall(log)))
    )
    return NpuVerdict(selected, operators, partitions, refusals[:5])


def compiler_version() -> str:
    """Of the installed package; empty where it is not."""
    try:
        return distribution(PACKAGE).version
    except PackageNotFoundError:
        return ""


def _compiler() -> Path:
    """The folder of the compiler's libraries."""
    try:
        content = distribution(PACKAGE).files or []
    except PackageNotFoundError as error:
        raise MissingDependencyError(
            "Qualcomm's NPU compiler is not installed.", f"There is no {PACKAGE}.", REMEDY
        ) from error
    for file in content:
        if file.name == _COMPILER:
            return Path(str(file.locate())).resolve().parent
    raise MissingDependencyError(f"{PACKAGE} came without the NPU compiler.", f"It has no {_COMPILER}.", REMEDY)


def _litert() -> Path:
    spec = find_spec("ai_edge_litert")
    place = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    tool, plugins = place / "tools" / "apply_plugin_main", place / "vendors" / "qualcomm" / "compiler"
    if not (tool.is_file() and plugins.is_dir()):
        raise MissingDependencyError(
            "LiteRT came without its plugin for Qualcomm's compiler.",
            f"{tool} or {plugins} is missing.",
            "Install ai-edge-litert 2.3 on x86-64 Linux.",
        )
    return place


def _write_empty_library(target: Path) -> None:
    from edgedepth.preflight.arm64.programs import NATIVE_COMPILER, tool  # noqa: PLC0415 - only where it is missing

    compiler = tool(NATIVE_COMPILER)
    subprocess.run([compiler, "-shared", "-o", str(target), "-x", "c", "/dev/null"], check=True, capture_output=True)
