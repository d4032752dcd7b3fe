"""The benchmark programs that are driven on a device: each its command line and its output, nothing of adb."""

from collections.abc import Mapping
from types import MappingProxyType

from edgedepth.bench.device.tools.base import Ask, Tool, ToolResult
from edgedepth.bench.device.tools.classic import Classic
from edgedepth.bench.device.tools.compiled import Compiled
from edgedepth.bench.device.tools.onnxruntime import OnnxRuntime

TOOLS: Mapping[str, Tool] = MappingProxyType({tool.name: tool for tool in (Classic(), Compiled(), OnnxRuntime())})
"""By the name that results use."""

__all__ = ["TOOLS", "Ask", "Tool", "ToolResult"]
