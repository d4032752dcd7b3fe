package io.edgedepth.demo.core

import io.edgedepth.demo.core.artifact.FileEntry
import io.edgedepth.demo.core.artifact.readManifest
import io.edgedepth.demo.core.depth.RawOutput
import io.edgedepth.demo.core.json.Fields
import io.edgedepth.demo.core.json.Json
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.junit.Assume.assumeTrue

/** What `tools/make_fixtures.py` wrote; tests that need it are skipped where it was not run. */
object Fixtures {
    private val root = File(System.getProperty("edgedepth.fixtures") ?: "build")

    fun folder(name: String): File = File(root, name).also {
        assumeTrue("$it is not there: run android_demo/check", it.isDirectory)
    }
}

/** One picture of the vectors, with what Python made of it for one graph. */
class Case(
    private val folder: File,
    entries: Map<String, FileEntry>,
    val picture: RgbPicture,
    shown: List<Int>,
    graph: Fields,
) {
    private val stem = graph.text("stem")
    val entry = entries.getValue(graph.text("file"))
    val shownHeight = shown[0]
    val shownWidth = shown[1]
    val range = if (graph.has("range")) graph.numbers("range") else null

    fun bytes(kind: String): ByteArray = File(folder, "$stem.$kind").readBytes()

    fun floats(kind: String): FloatArray = floatsOf(bytes(kind))

    /** What the graph gave, as floats. */
    fun output(): FloatArray {
        val raw = RawOutput(entry.path, entry.output.tensor)
        raw.buffer.put(bytes("output")).rewind()
        return raw.read()
    }

    override fun toString() = "$stem ${picture.height}x${picture.width}"
}

/** Every picture with every graph of the vectors. */
fun cases(): List<Case> {
    val folder = Fixtures.folder("vectors")
    val entries = entriesOf(File(folder, "manifest.json")).associateBy { it.path }
    val document = Fields(mapOf("cases" to Json.parse(File(folder, "cases.json").readText())), "")
    return document.list("cases").flatMap { case ->
        val (height, width) = case.counts("size")
        val picture = RgbPicture(height, width, File(folder, case.text("picture")).readBytes())
        case.list("graphs").map { Case(folder, entries, picture, case.counts("shown"), it) }
    }
}

fun entriesOf(manifest: File): List<FileEntry> = readManifest(manifest.readBytes(), manifest.path).files

fun floatsOf(bytes: ByteArray): FloatArray {
    val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(floats.remaining()).also(floats::get)
}

/** The bytes of a buffer from its position to its limit. */
fun bytesOf(buffer: ByteBuffer): ByteArray = ByteArray(buffer.remaining()).also { buffer.duplicate().get(it) }

/** The bits of floats, so that equal ones are the same to the bit, not-a-number included. */
fun bitsOf(values: FloatArray): IntArray = IntArray(values.size) { java.lang.Float.floatToIntBits(values[it]) }
