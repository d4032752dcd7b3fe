package io.edgedepth.demo.core.depth

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.artifact.OutputContract
import io.edgedepth.demo.core.artifact.OutputKind

/** What [Decoder.decode] gives for graphs with this output. */
fun meaningOf(contract: OutputContract): Meaning = when {
    contract.kind == OutputKind.AFFINE_INVARIANT_DISPARITY ->
        Meaning(Quantity.INVERSE_DEPTH, DepthUnit.UP_TO_SCALE_AND_SHIFT)
    contract.metric -> Meaning(Quantity.DEPTH, DepthUnit.METRES)
    else -> Meaning(Quantity.DEPTH, DepthUnit.UP_TO_SCALE)
}

/**
 * A graph's output to depth, as the manifest's output contract says and nothing else; what
 * `edgedepth.runtime.decode` gives.
 *
 * What the graph gives is what is interpolated: disparity is resized and then decoded, depth that the graph decodes
 * itself is resized as depth. Not for several threads at a time. A new size costs allocations; the same size again
 * costs none.
 *
 * @throws ArtifactException a constant of the formula is missing from the manifest.
 */
class Decoder(private val contract: OutputContract) {
    private val height = contract.tensor.height
    private val width = contract.tensor.width
    private val isSigmoid = contract.kind == OutputKind.SIGMOID_DISPARITY
    private val offset = if (isSigmoid) constant("min_disparity") else 0f
    private val factor = if (isSigmoid) constant("disparity_range") else 0f
    private val meaning = meaningOf(contract)
    private var resizer: MapResizer? = null
    private var map: DepthMap? = null

    /**
     * Decodes one output at a picture's size.
     *
     * @param output as the graph gave it: one value per pixel of its own size, row by row.
     * @return valid until the next call, whose result takes its place in memory.
     */
    fun decode(output: FloatArray, toHeight: Int, toWidth: Int): DepthMap {
        require(output.size == height * width) { "${output.size} values for $height x $width" }
        val fitting = resizer?.takeIf { it.takes(height, width, toHeight, toWidth) }
            ?: MapResizer(height, width, toHeight, toWidth).also { resizer = it }
        val result = map?.takeIf { it.height == toHeight && it.width == toWidth }
            ?: emptyMap(toHeight, toWidth).also { map = it }
        if (isSigmoid) {
            fitting.resize(output, result.closeness)
            val disparity = result.closeness
            for (i in disparity.indices) disparity[i] = offset + factor * disparity[i]
            invert(disparity, result.values)
        } else {
            fitting.resize(output, result.values)
            if (result.closeness !== result.values) invert(result.values, result.closeness)
        }
        return result
    }

    private fun emptyMap(height: Int, width: Int): DepthMap {
        val values = FloatArray(height * width)
        val isCloseness = contract.kind == OutputKind.AFFINE_INVARIANT_DISPARITY
        return DepthMap(height, width, values, if (isCloseness) values else FloatArray(height * width), meaning)
    }

    private fun constant(name: String): Float = contract.constants[name]?.toFloat() ?: throw ArtifactException(
        Fault.UNSUPPORTED,
        "The manifest lacks the constant $name.",
        "Its formula is: ${contract.decode}",
        "Export the model again.",
    )

    private fun invert(from: FloatArray, to: FloatArray) {
        for (i in from.indices) to[i] = 1f / from[i]
    }
}
