package io.edgedepth.demo.core.picture

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.artifact.BYTES
import io.edgedepth.demo.core.artifact.InputContract
import io.edgedepth.demo.core.artifact.Layout
import io.edgedepth.demo.core.artifact.TensorQuantization
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val CHANNELS = 3

/**
 * Pictures to a graph's input, as the manifest's input contract says and nothing else; to the bit what
 * `edgedepth.runtime.preprocess` gives.
 *
 * Not for several threads at a time. A new size of pictures costs one allocation; the same size again costs none.
 *
 * @throws ArtifactException a contract that this version cannot meet.
 */
class Preprocessor(contract: InputContract) {
    private val height = contract.tensor.height
    private val width = contract.tensor.width
    private val planar = contract.tensor.layout == Layout.NCHW
    private val values = valuesByByte(contract)
    private val floats = values.floats
    private val pixels = ByteArray(height * width * CHANNELS)
    private var resizer: LanczosResizer? = null

    /** The graph's input: direct, in native byte order, from position 0 to its limit; filled by [prepare]. */
    val buffer: ByteBuffer =
        ByteBuffer.allocateDirect(pixels.size * (if (floats == null) 1 else 4)).order(ByteOrder.nativeOrder())

    init {
        if (contract.tensor.batch != 1) {
            throw unsupported("It takes ${contract.tensor.batch} pictures at a time.", "--batch 1")
        }
    }

    /**
     * Resizes a picture and writes it to [buffer].
     *
     * @return [buffer].
     */
    fun prepare(picture: RgbPicture): ByteBuffer {
        val bytes = if (picture.fits(height, width)) picture.bytes else resized(picture)
        if (floats == null) asBytes(bytes, values.integers) else asFloats(bytes, floats)
        return buffer
    }

    private fun resized(picture: RgbPicture): ByteArray {
        val fitting = resizer?.takeIf { it.takes(picture) }
            ?: LanczosResizer(picture.height, picture.width, height, width).also { resizer = it }
        fitting.resize(picture, pixels)
        return pixels
    }

    /** @param integers what each byte becomes; null where it stays as it is. */
    private fun asBytes(bytes: ByteArray, integers: ByteArray?) {
        buffer.clear()
        when {
            planar -> for (channel in 0 until CHANNELS) {
                for (i in channel until bytes.size step CHANNELS) buffer.put(integer(bytes[i], integers))
            }
            integers == null -> buffer.put(bytes)
            else -> for (byte in bytes) buffer.put(integer(byte, integers))
        }
        buffer.rewind()
    }

    private fun integer(byte: Byte, integers: ByteArray?): Byte =
        if (integers == null) byte else integers[byte.toInt() and 0xff]

    private fun asFloats(bytes: ByteArray, values: FloatArray) {
        val floats = buffer.asFloatBuffer()
        if (!planar) {
            for (byte in bytes) floats.put(values[byte.toInt() and 0xff])
        } else {
            for (channel in 0 until CHANNELS) {
                for (i in channel until bytes.size step CHANNELS) floats.put(values[bytes[i].toInt() and 0xff])
            }
        }
    }
}

/** What each of the 256 bytes becomes: a float, or another byte; neither where it stays as it is. */
private class ByByte(val floats: FloatArray? = null, val integers: ByteArray? = null)

private fun valuesByByte(contract: InputContract): ByByte {
    val dtype = contract.tensor.dtype
    val low = contract.low
    val high = contract.high
    val quantization = contract.tensor.quantization
    return when {
        quantization != null -> ByByte(integers = integersByByte(contract, quantization))
        dtype == "uint8" && low == 0.0 && high == 255.0 -> ByByte()
        dtype != "float32" ->
            throw unsupported("It takes $dtype in $low to $high.", "--input float, --input uint8 or --input int8")
        low == 0.0 && high == 1.0 -> ByByte(floats = FloatArray(256) { it / 255f })
        else -> ByByte(floats = FloatArray(256) { low.toFloat() + (high - low).toFloat() * (it / 255f) })
    }
}

/** Halves go to the even neighbour, and what the type cannot hold to its end. */
private fun integersByByte(contract: InputContract, quantization: TensorQuantization): ByteArray {
    val range = BYTES.getValue(contract.tensor.dtype)
    return ByteArray(256) {
        val value = contract.low + (contract.high - contract.low) * (it / 255.0)
        val rounded = Math.rint(value / quantization.scale) + quantization.zeroPoint
        rounded.coerceIn(range.first.toDouble(), range.last.toDouble()).toInt().toByte()
    }
}

private fun unsupported(evidence: String, options: String) = ArtifactException(
    Fault.UNSUPPORTED,
    "This app cannot feed the model.",
    evidence,
    "Export it with $options.",
)
