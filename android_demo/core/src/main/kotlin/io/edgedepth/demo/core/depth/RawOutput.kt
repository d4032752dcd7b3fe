package io.edgedepth.demo.core.depth

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.artifact.BYTES
import io.edgedepth.demo.core.artifact.TensorSpec
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val FLOAT_BYTES = 4

/**
 * The buffer that a graph writes to, and what it holds as floats: integers become what they stand for; to the bit what
 * `edgedepth.runtime.decode.dequantized` gives. Memory is allocated once.
 *
 * @param path names the graph in messages.
 * @throws ArtifactException a type that this version cannot read.
 */
class RawOutput(path: String, tensor: TensorSpec) {
    private val values = FloatArray(tensor.shape.fold(1, Int::times))
    private val byByte = realsByByte(tensor)
    private val integers = ByteArray(if (byByte == null) 0 else values.size)

    /** Direct, in native byte order, from position 0 to its limit. */
    val buffer: ByteBuffer

    init {
        if (byByte == null && tensor.dtype != "float32") {
            throw ArtifactException(
                Fault.UNSUPPORTED,
                "$path gives ${tensor.dtype} output.",
                "This app reads float32, and ${BYTES.keys.joinToString(" and ")} with a scale.",
                "Export it with --output-type float, uint8 or int8.",
            )
        }
        val each = if (byByte == null) FLOAT_BYTES else 1
        buffer = ByteBuffer.allocateDirect(values.size * each).order(ByteOrder.nativeOrder())
    }

    /**
     * What [buffer] holds.
     *
     * @return valid until the next call.
     */
    fun read(): FloatArray {
        if (byByte == null) {
            buffer.asFloatBuffer().get(values)
            return values
        }
        buffer.get(integers)
        buffer.rewind()
        for (i in values.indices) values[i] = byByte[integers[i].toInt() and 0xff]
        return values
    }
}

/** What each byte of a tensor of integers stands for; null of floats. */
private fun realsByByte(tensor: TensorSpec): FloatArray? {
    val quantization = tensor.quantization ?: return null
    val isSigned = BYTES.getValue(tensor.dtype).first < 0
    return FloatArray(256) {
        val integer = if (isSigned) it.toByte().toInt() else it
        quantization.scale.toFloat() * (integer.toFloat() - quantization.zeroPoint.toFloat())
    }
}
