package io.edgedepth.demo.core.artifact

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.ByteArrayInputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipInputStream

/**
 * A stored reference.
 *
 * @property picture of the graph's size.
 * @property output what the PyTorch model gave for it: row by row, of the same size.
 */
class Reference(val picture: RgbPicture, val output: FloatArray)

private val MAGIC = "\u0093NUMPY".toByteArray(Charsets.ISO_8859_1)
private val DTYPE = Regex("'descr': *'([^']*)'")
private val FORTRAN = Regex("'fortran_order': *(True|False)")
private val SHAPE = Regex("'shape': *\\(([0-9, ]*)\\)")

/** One array of an `.npz`: NumPy's description of it, and its bytes. */
private class Stored(val dtype: String, val shape: List<Int>, val data: ByteBuffer)

/**
 * Reads an `.npz` with `input` (uint8, height x width x 3) and `output` (float32, height x width).
 *
 * @throws ArtifactException where it is anything else.
 */
internal fun readReference(content: ByteArray, entry: ReferenceEntry): Reference {
    try {
        val arrays = arrays(content)
        val input = require(arrays, "input", "|u1", listOf(entry.height, entry.width, 3))
        val output = require(arrays, "output", "<f4", listOf(entry.height, entry.width))
        val pixels = ByteArray(input.remaining()).also(input::get)
        val values = FloatArray(output.remaining() / 4).also { output.asFloatBuffer().get(it) }
        return Reference(RgbPicture(entry.height, entry.width, pixels), values)
    } catch (error: IOException) {
        throw unreadable(entry, error)
    } catch (error: IllegalArgumentException) {
        throw unreadable(entry, error) // names that are no text, numbers that are none
    }
}

private fun unreadable(entry: ReferenceEntry, error: Exception) = ArtifactException(
    Fault.UNREADABLE,
    "The reference ${entry.name} cannot be read.",
    "${entry.path}: ${error.message}.",
    "Export the model again and bundle it anew.",
    error,
)

private fun arrays(content: ByteArray): Map<String, Stored> {
    val found = HashMap<String, Stored>()
    ZipInputStream(ByteArrayInputStream(content)).use { archive ->
        while (true) {
            val member = archive.nextEntry ?: break
            found[member.name.removeSuffix(".npy")] = stored(archive.readBytes())
        }
    }
    return found
}

/** The `.npy` format, versions 1 and 2: magic, version, length of the header, the header, the data. */
private fun stored(content: ByteArray): Stored {
    val bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    if (content.size < 12 || MAGIC.indices.any { content[it] != MAGIC[it] }) throw IOException("a member is no .npy")
    val start = if (content[6] == 1.toByte()) 10 else 12
    val length = if (start == 10) bytes.getShort(8).toInt() and 0xffff else bytes.getInt(8)
    if (length < 0 || length > content.size - start) throw IOException("a header is cut off")
    val header = String(content, start, length, Charsets.ISO_8859_1)
    if (first(FORTRAN, header) != "False") throw IOException("an array is stored by columns")
    val shape = first(SHAPE, header).split(',').map(String::trim).filter(String::isNotEmpty).map(String::toInt)
    bytes.position(start + length)
    return Stored(first(DTYPE, header), shape, bytes.slice().order(ByteOrder.LITTLE_ENDIAN))
}

private fun first(pattern: Regex, header: String): String =
    pattern.find(header)?.groupValues?.get(1) ?: throw IOException("a header lacks ${pattern.pattern.substring(1, 6)}")

private fun require(arrays: Map<String, Stored>, name: String, dtype: String, shape: List<Int>): ByteBuffer {
    val found = arrays[name] ?: throw IOException("it has no array $name")
    val bytes = shape.fold(if (dtype == "<f4") 4L else 1L) { product, size -> product * size }
    if (found.dtype != dtype || found.shape != shape || found.data.remaining().toLong() != bytes) {
        throw IOException("$name is ${found.dtype} ${found.shape}, not $dtype $shape")
    }
    return found.data
}
