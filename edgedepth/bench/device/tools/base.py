"""What is asked of a benchmark program on a device, and what is understood of its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edgedepth.bench.schema import Accelerator, Latency, Memory, Phases, Plan
from edgedepth.errors import UsageError, nearest


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One configuration.

    Attributes:
        threads: None where the program decides.
        strict: nothing but the accelerator may run any part of the graph.
        options: further settings by name; each tool lists those that it knows.
        profile: time each operator instead, in a pass of its own whose whole-graph times are worth nothing.
        runs_only: end after exactly this many runs, for a program that ends by count or by time but not by both.
    """

    accelerator: Accelerator
    threads: int | None
    plan: Plan
    strict: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    profile: bool = False
    runs_only: int | None = None


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What the program said. There is a latency, or a failure that says why not; never both, never neither.

    Attributes:
        delegated, nodes, partitions: what the asked accelerator's delegate took; for ``cpu`` that is XNNPACK.
        fully_accelerated: whether the asked accelerator ran the whole graph; None where the program does not tell.
        version: as the program says; empty where it does not.
        failure: one line.
        log_tail: the last lines of its output.
    """

    phases: Phases = field(default_factory=Phases)
    latency: Latency | None = None
    memory: Memory | None = None
    delegated: int | None = None
    nodes: int | None = None
    partitions: int | None = None
    fully_accelerated: bool | None = None
    version: str = ""
    failure: str | None = None
    log_tail: str = ""


class Tool(Protocol):
    """A benchmark program: its command line and its output.

    Attributes:
        name: as in `schema.Runtime.name`, and of its file in the folder of tools.
        formats: of the models that it runs.
        accelerators: that it can be asked for.
        options: name in `Ask.options` and the flag that it sets.
        needs: options without which an accelerator cannot be asked for; one of each tuple.
        published: where its authors offer it, in words.
    """

    name: str
    formats: tuple[str, ...]
    accelerators: tuple[Accelerator, ...]
    options: Mapping[str, str]
    needs: Mapping[Accelerator, tuple[str, ...]]
    published: str

    def command(self, binary: str, model: str, workdir: str, ask: Ask) -> list[str]:
        """What to run on the device; paths are the device's.

        Raises:
            UsageError: what cannot be asked of it.
        """

    def result_files(self, workdir: str) -> list[str]:
        """Paths on the device that it writes and that `read` wants; they must not exist before."""

    def read(self, stdout: str, stderr: str, code: int, files: Mapping[str, bytes], ask: Ask) -> ToolResult:
        """Understand its output; `files` by the path that `result_files` gave, those that exist.

        Never raises: what cannot be understood without doubt is a failure that names the line.
        """

    def again(self, ask: Ask, result: ToolResult) -> Ask | None:
        """What to ask instead where the plan was missed only because the program ends by time or by count."""


def require(tool: Tool, ask: Ask) -> None:
    """Refuse what the tool cannot do, before anything is pushed.

    Raises:
        UsageError: the accelerator, an option, or an option that the accelerator needs.
    """
    if ask.accelerator not in tool.accelerators:
        raise UsageError(
            f"{tool.name} cannot be asked for {ask.accelerator}.",
            f"It runs on {', '.join(tool.accelerators)}.",
            "Choose another accelerator, or another tool.",
        )
    for name in ask.options:
        if name not in tool.options:
            raise UsageError(
                f"{tool.name} has no option {name}.",
                f"It knows {', '.join(sorted(tool.options)) or 'none'}.",
                nearest(name, tool.options).capitalize() or "Leave it out.",
            )
    needed = tool.needs.get(ask.accelerator, ())
    if needed and not any(ask.options.get(name) for name in needed):
        raise UsageError(
            f"{tool.name} needs {' or '.join(needed)} to run on the {ask.accelerator}.",
            "It has no driver of its own for it.",
            f"Add the option, for instance {needed[0]}=/data/local/tmp/lib.so",
        )


def seconds(value: float) -> str:
    """A duration as command lines take it."""
    return f"{value:g}"
