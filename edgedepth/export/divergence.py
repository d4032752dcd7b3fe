"""Which tensor of a file is the first that the PyTorch graph does not have: where to look when parity fails."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import fx, nn

Tensors = dict[str, NDArray[np.float32]]


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps every 4-D float tensor that a layer gives, in order."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.seen: Tensors = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one node and keep what it gives."""
        out = super().run_node(n)
        if n.op == "call_module" and isinstance(out, torch.Tensor) and out.ndim == 4:
            self.seen[str(n.target)] = out.detach().numpy()
        return out


def first_divergence(network: nn.Module, picture: torch.Tensor, path: Path, fed: NDArray[np.generic]) -> str:
    """A sentence that names the first layer of `network` whose output has no counterpart in the file.

    The file's tensors carry other names and layouts, so a counterpart is any tensor of as many elements whose
    values agree within 1% of the layer's own spread, in NCHW or NHWC order.

    Args:
        network: the lowered network as a flat graph (other modules cannot be looked into).
        picture: (B, 3, H, W), as many as the file takes.
        path: the file.
        fed: the same picture as the file's own input.
    """
    if not isinstance(network, fx.GraphModule):
        return "The graph was exported as published, so its layers cannot be told apart."
    recorder = _Recorder(network)
    with torch.no_grad():
        recorder.run(picture)
    found = _onnx_tensors(path, fed) if path.suffix == ".onnx" else _tflite_tensors(path, fed)
    by_size: dict[int, list[NDArray[np.float32]]] = defaultdict(list)
    for tensor in found.values():
        by_size[tensor.size].append(tensor.ravel())
    for name, expected in recorder.seen.items():
        orders = (expected.ravel(), expected.transpose(0, 2, 3, 1).ravel())
        bound = 0.01 * float(expected.std()) + 1e-6
        gaps = [float(np.abs(order - other).max()) for other in by_size[expected.size] for order in orders]
        if not gaps or not min(gaps) <= bound:
            nearest = f"the nearest tensor of the file is {min(gaps):.2e} away" if gaps else "the file has none"
            return f"First to diverge: {name}, shape {list(expected.shape)}; {nearest}."
    return "Every layer has its counterpart in the file; the difference arises in the last operators."


def _onnx_tensors(path: Path, fed: NDArray[np.generic]) -> Tensors:
    import onnxruntime  # noqa: PLC0415 - only on failure

    model = onnx.shape_inference.infer_shapes(onnx.load(str(path)))
    outputs = {o.name for o in model.graph.output}
    floats = [
        v
        for v in model.graph.value_info
        if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT and v.name not in outputs
    ]
    model.graph.output.extend(floats)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: fed}), strict=True))


def _tflite_tensors(path: Path, fed: NDArray[np.generic]) -> Tensors:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415

    interpreter = Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], fed)
    interpreter.invoke()
    kept: Tensors = {}
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] == np.float32 and len(detail["shape"]) == 4:
            try:
                kept[f"{detail['index']}"] = interpreter.get_tensor(detail["index"])
            except ValueError:  # a constant of the graph that the interpreter does not keep
                continue
    return kept
