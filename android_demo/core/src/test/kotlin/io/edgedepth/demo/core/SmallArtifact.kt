package io.edgedepth.demo.core

import io.edgedepth.demo.core.artifact.Artifact
import io.edgedepth.demo.core.artifact.ArtifactFolder
import io.edgedepth.demo.core.artifact.MANIFEST
import io.edgedepth.demo.core.artifact.sha256
import io.edgedepth.demo.core.json.Json
import java.io.ByteArrayOutputStream
import java.io.FileNotFoundException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.random.Random

/** Height and width of the small artifact's graph. */
const val HEIGHT = 4
const val WIDTH = 6

/** An artifact in memory, whose files and manifest a test may change before it opens it. */
class SmallArtifact {
    val graph = Random(1).nextBytes(1000)
    val picture = Random(2).nextBytes(HEIGHT * WIDTH * 3)

    /** The reference output: what [FakeEngine] gives for [picture]. */
    val output = FloatArray(HEIGHT * WIDTH) { (picture[3 * it].toInt() and 0xff) / 255f }
    val files = hashMapOf("graph.tflite" to graph, "reference/noise.npz" to npz(picture, output))
    var manifest: Map<String, Any?> = manifest()

    fun open(): Artifact {
        files[MANIFEST] = Json.write(manifest).toByteArray()
        return Artifact.open(object : ArtifactFolder {
            override val name = "small"

            override fun open(path: String): InputStream =
                files[path]?.inputStream() ?: throw FileNotFoundException(path)
        })
    }

    /** Replaces one member, given by its path such as `files.0.sha256`. */
    fun change(path: String, value: Any?) {
        @Suppress("UNCHECKED_CAST")
        manifest = changed(manifest, path.split('.'), value) as Map<String, Any?>
    }

    private fun changed(node: Any?, path: List<String>, value: Any?): Any? = when {
        path.isEmpty() -> value
        node is List<*> -> node.mapIndexed { i, item ->
            if (i == path[0].toInt()) changed(item, path.drop(1), value) else item
        }
        else -> (node as Map<*, *>) + (path[0] to changed(node[path[0]], path.drop(1), value))
    }

    private fun manifest(): Map<String, Any?> = mapOf(
        "schema_version" to 3,
        "name" to "small",
        "model" to mapOf(
            "name" to "small-model", "family" to "none", "title" to "A small model",
            "config" to emptyMap<String, Any>(), "parameters" to 12, "macs" to mapOf("4x6" to 345), "licence" to "none",
        ),
        "source" to mapOf(
            "kind" to "random", "statement" to "random weights", "files" to emptyMap<String, Any>(), "seed" to 1,
            "notes" to emptyMap<String, Any>(),
        ),
        "files" to listOf(file()),
        "references" to listOf(
            mapOf(
                "name" to "noise", "path" to "reference/noise.npz", "size" to listOf(HEIGHT, WIDTH),
                "sha256" to sha256(files.getValue("reference/noise.npz")), "description" to "noise",
            ),
        ),
        "rig" to mapOf("cameras" to emptyList<Any>()),
        "tools" to mapOf("edgedepth" to "0"),
    )

    private fun file(): Map<String, Any?> = mapOf(
        "path" to "graph.tflite", "format" to "tflite", "precision" to "fp32", "size" to listOf(HEIGHT, WIDTH),
        "sha256" to sha256(graph), "bytes" to graph.size,
        "input" to mapOf(
            "tensor" to tensor("image", 3), "color" to "RGB", "value_range" to listOf(0.0, 1.0),
            "resize" to "lanczos", "normalization" to "none",
        ),
        "output" to mapOf(
            "tensor" to tensor("disparity", 1), "meaning" to "sigmoid-disparity", "decode" to "1 / (a + b * output)",
            "constants" to mapOf("min_disparity" to 0.01, "disparity_range" to 9.99), "metric" to false,
            "value_range" to listOf(0.0, 1.0),
        ),
        "operators" to mapOf("CONV_2D" to 1), "lowering" to emptyList<Any>(), "opset" to null, "quantization" to null,
        "parity" to mapOf("noise" to mapOf("max_abs" to 1e-6, "mean_abs" to 1e-7, "correlation" to 1.0)),
    )

    private fun tensor(name: String, channels: Int) = mapOf(
        "name" to name, "shape" to listOf(1, HEIGHT, WIDTH, channels), "layout" to "NHWC", "dtype" to "float32",
    )
}

/** An archive as `numpy.savez` writes it. */
fun npz(picture: ByteArray, output: FloatArray): ByteArray {
    val floats = ByteBuffer.allocate(output.size * 4).order(ByteOrder.LITTLE_ENDIAN)
    output.forEach(floats::putFloat)
    val bytes = ByteArrayOutputStream()
    ZipOutputStream(bytes).use { archive ->
        for ((name, dtype, data) in listOf(Triple("input", "|u1", picture), Triple("output", "<f4", floats.array()))) {
            archive.putNextEntry(ZipEntry("$name.npy"))
            val shape = if (name == "input") "($HEIGHT, $WIDTH, 3)" else "($HEIGHT, $WIDTH)"
            val header = "{'descr': '$dtype', 'fortran_order': False, 'shape': $shape, }\n"
            archive.write("\u0093NUMPY\u0001\u0000".toByteArray(Charsets.ISO_8859_1))
            archive.write(byteArrayOf(header.length.toByte(), 0))
            archive.write(header.toByteArray())
            archive.write(data)
        }
    }
    return bytes.toByteArray()
}
