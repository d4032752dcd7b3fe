"""Teaches litert-torch the operators that lowerings emit as TFLite built-ins."""

from __future__ import annotations

from functools import cache


@cache
def register() -> None:
    """Register the MLIR form of every custom operator; safe to call often."""
    import torch  # noqa: PLC0415 - heavy
    from litert_converter.mlir import ir  # noqa: PLC0415
    from litert_converter.mlir.dialects import stablehlo  # noqa: PLC0415
    from litert_torch._convert.fx_passes.optimize_layout_transposes_pass import layout_rewrite  # noqa: PLC0415
    from litert_torch.backend.lowerings import registry, utils  # noqa: PLC0415

    # These define the operators.
    from edgedepth.export.lowering import elu, factorized_attention, interleave  # noqa: F401, PLC0415

    def call(context: object, name: str, options: dict[str, object], *inputs: object) -> object:
        return stablehlo.custom_call(
            result=utils.node_meta_to_ir_types(context.node),  # type: ignore[attr-defined]
            inputs=list(inputs),
            call_target_name=ir.StringAttr.get(f"tfl.{name}"),
            has_side_effect=ir.BoolAttr.get(False),
            backend_config=ir.StringAttr.get(str(ir.DictAttr.get(options))),
        )

    def depth_to_space(context: object, x: object) -> object:
        block = ir.IntegerAttr.get(ir.IntegerType.get_signless(32), 2)
        return call(context, "depth_to_space", {"block_size": block}, x)

    def elu_of(context: object, x: object) -> object:
        return call(context, "elu", {}, x)

    def batch_matmul(context: object, x: object, y: object) -> object:
        no = ir.BoolAttr.get(False)
        return call(context, "batch_matmul", {"adj_x": no, "adj_y": no}, x, y)

    registry.lower(torch.ops.edgedepth.batch_matmul.default)(batch_matmul)
    registry.lower(torch.ops.edgedepth.depth_to_space.default)(depth_to_space)
    registry.lower(torch.ops.edgedepth.elu.default)(elu_of)
    # It is the same whatever the order of dimensions: the converter may leave maps channels last around it.
    layout_rewrite.rewriters.register(torch.ops.edgedepth.elu.default)(lambda _node: None)
