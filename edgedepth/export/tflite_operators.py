"""Teaches litert-torch the operators that lowerings emit as TFLite built-ins."""

from __future__ import annotations

from functools import cache


@cache
def register() -> None:
    """Register the MLIR form of every custom operator; safe to call often."""
    import torch  # noqa: PLC0415 - heavy
    from litert_converter.mlir import ir  # noqa: PLC0415
    from litert_converter.mlir.dialects import stablehlo  # noqa: PLC0415
    from litert_torch.backend.lowerings import registry, utils  # noqa: PLC0415

    from edgedepth.export.lowering import interleave  # noqa: F401, PLC0415 - defines the operator

    def depth_to_space(context: object, x: object) -> object:
        block = ir.IntegerAttr.get(ir.IntegerType.get_signless(32), 2)
        return stablehlo.custom_call(
            result=utils.node_meta_to_ir_types(context.node),  # type: ignore[attr-defined]
            inputs=[x],
            call_target_name=ir.StringAttr.get("tfl.depth_to_space"),
            has_side_effect=ir.BoolAttr.get(False),
            backend_config=ir.StringAttr.get(str(ir.DictAttr.get({"block_size": block}))),
        )

    registry.lower(torch.ops.edgedepth.depth_to_space.default)(depth_to_space)
