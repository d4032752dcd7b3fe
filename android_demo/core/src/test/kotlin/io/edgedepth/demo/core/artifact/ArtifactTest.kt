package io.edgedepth.demo.core.artifact

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.SmallArtifact
import io.edgedepth.demo.core.npz
import java.io.File
import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class ArtifactTest {
    private val small = SmallArtifact()

    @Test
    fun `a manifest says all that the app needs`() {
        val manifest = small.open().manifest
        assertEquals("small" to "small-model", manifest.name to manifest.model)
        assertEquals(mapOf("4x6" to 345L), manifest.macs)
        val entry = manifest.graphs.single()
        assertEquals(TensorSpec("image", listOf(1, 4, 6, 3), Layout.NHWC, "float32"), entry.input.tensor)
        assertEquals(listOf(4, 6, 3, 1), with(entry.input.tensor) { listOf(height, width, channels, batch) })
        assertEquals(OutputKind.SIGMOID_DISPARITY, entry.output.kind)
        assertEquals(9.99, entry.output.constants.getValue("disparity_range"), 0.0)
        assertEquals(Parity(1e-6, 1e-7), entry.parity["noise"])
    }

    @Test
    fun `graph and reference are read and checked`() {
        val artifact = small.open()
        val buffer = artifact.graph(artifact.manifest.graphs.single())
        assertTrue(buffer.isDirect)
        assertArrayEquals(small.graph, ByteArray(buffer.remaining()).also { buffer.get(it) })
        val reference = artifact.reference(artifact.manifest.references.single())
        assertArrayEquals(small.picture, reference.picture.bytes)
        assertArrayEquals(small.output, reference.output, 0f)
    }

    @Test
    fun `older schemas are read`() {
        for (schema in 1..NEWEST_SCHEMA) {
            small.change("schema_version", schema)
            small.open()
        }
    }

    @Test
    fun `a newer schema is told`() {
        small.change("schema_version", NEWEST_SCHEMA + 1)
        assertFault(Fault.NEWER, "schema is ${NEWEST_SCHEMA + 1}") { small.open() }
    }

    @Test
    fun `other graphs than tflite are passed over`() {
        small.change("files.0.format", "onnx")
        assertEquals(emptyList<FileEntry>(), small.open().manifest.graphs)
    }

    @Test
    fun `whatever is wrong in a manifest is told with its field`() {
        val wrong = listOf(
            "files.0.input.tensor.shape" to listOf(1, 4, 6),
            "files.0.input.tensor.layout" to "HWC",
            "files.0.output.meaning" to "guess",
            "files.0.output.tensor.dtype" to "uint8",
            "files.0.output.tensor.quantization" to mapOf("scale" to 0.5, "zero_point" to 0),
            "files.0.input.tensor" to bytes(scale = 0.0, zero = 0),
            "files.0.input.tensor" to bytes(scale = -1.0, zero = 0),
            "files.0.input.tensor" to bytes(scale = 0.5, zero = 128),
            "files.0.input.tensor" to bytes(scale = 0.5, zero = "none"),
            "files.0.output.constants.min_disparity" to "low",
            "files.0.input.color" to "BGR",
            "files.0.input.resize" to "nearest",
            "files.0.input.value_range" to listOf(0.0),
            "files.0.sha256" to "abc",
            "files.0.size" to listOf(-4, 6),
            "references.0.path" to 3,
            "schema_version" to "two",
        )
        for ((path, value) in wrong) {
            val one = SmallArtifact().apply { change(path, value) }
            assertFault(Fault.UNREADABLE, "manifest.json: ") { one.open() }
        }
    }

    @Test
    fun `integers have a scale and a zero point`() {
        small.change("files.0.input.tensor", bytes(scale = 1 / 255.0, zero = -128))
        val tensor = small.open().manifest.graphs.single().input.tensor
        assertEquals("int8" to TensorQuantization(1 / 255.0, -128), tensor.dtype to tensor.quantization)
    }

    private fun bytes(scale: Any, zero: Any) = mapOf(
        "name" to "image", "shape" to listOf(1, 4, 6, 3), "layout" to "NHWC", "dtype" to "int8",
        "quantization" to mapOf("scale" to scale, "zero_point" to zero),
    )

    @Test
    fun `a file outside the folder is refused`() {
        for (path in listOf("../graph.tflite", "/graph.tflite", "a/../../b", "")) {
            val one = SmallArtifact().apply { change("files.0.path", path) }
            assertFault(Fault.UNREADABLE, "'$path'") { one.open() }
        }
    }

    @Test
    fun `a manifest that is none, or is cut off, is told`() {
        for (text in listOf("", "[]", "{", "{\"schema_version\": 2}")) {
            assertFault(Fault.UNREADABLE, "manifest.json: ") { readManifest(text.toByteArray(), "small") }
        }
        assertFault(Fault.MISSING, "small") {
            Artifact.open(DirectoryFolder(File("no/such/folder/small")))
        }
    }

    @Test
    fun `missing, truncated, longer and altered graphs are told apart`() {
        val artifact = small.open()
        val entry = artifact.manifest.graphs.single()
        small.files["graph.tflite"] = small.graph.copyOf(999)
        assertFault(Fault.TRUNCATED, "999 bytes; the manifest says 1000") { artifact.graph(entry) }
        small.files["graph.tflite"] = small.graph.copyOf(1001)
        assertFault(Fault.TRUNCATED, "1001 bytes") { artifact.graph(entry) }
        small.files["graph.tflite"] = small.graph.clone().also { it[500]++ }
        assertFault(Fault.ALTERED, "sha256") { artifact.graph(entry) }
        small.files.remove("graph.tflite")
        assertFault(Fault.MISSING, "small") { artifact.graph(entry) }
    }

    @Test
    fun `references that are none are told`() {
        val broken = listOf(
            ByteArray(0),
            ByteArray(100) { 7 },
            npz(small.picture.copyOf(9), small.output),
            npz(small.picture, small.output.copyOf(3)),
            npz(small.picture, small.output).copyOf(150),
        )
        for (content in broken) {
            val one = SmallArtifact()
            one.files["reference/noise.npz"] = content
            one.change("references.0.sha256", sha256(content))
            val artifact = one.open()
            assertFault(Fault.UNREADABLE, "reference/noise.npz") {
                artifact.reference(artifact.manifest.references.single())
            }
        }
    }

    @Test
    fun `whatever stands in a manifest, it is read or told`() {
        val numbers = listOf(-1, 0, 1L shl 40, 1e300)
        val values = numbers + listOf(null, "x", "", true, emptyList<Any>(), listOf(1), emptyMap<String, Any>())
        for (path in paths(small.manifest)) {
            for (value in values) {
                val one = SmallArtifact().apply { change(path, value) }
                try {
                    val artifact = one.open()
                    artifact.manifest.graphs.forEach(artifact::graph)
                    artifact.manifest.references.forEach(artifact::reference)
                } catch (error: ArtifactException) {
                    assertTrue("$path = $value: ${error.message}", error.evidence.isNotEmpty())
                }
            }
        }
    }

    @Test
    fun `whatever stands in a reference, it is read or told`() {
        val random = Random(4)
        val whole = npz(small.picture, small.output)
        repeat(2_000) {
            val content = whole.copyOf(if (it % 4 == 0) random.nextInt(whole.size) else whole.size)
            if (content.isNotEmpty()) content[random.nextInt(content.size)] = random.nextInt().toByte()
            val one = SmallArtifact()
            one.files["reference/noise.npz"] = content
            one.change("references.0.sha256", sha256(content))
            val artifact = one.open()
            try {
                artifact.reference(artifact.manifest.references.single())
            } catch (error: ArtifactException) {
                assertEquals(Fault.UNREADABLE, error.fault)
            }
        }
    }

    /** Every member of a JSON value, as [SmallArtifact.change] takes it. */
    private fun paths(node: Any?): List<String> = when (node) {
        is Map<*, *> -> node.flatMap { (key, inner) -> listOf("$key") + paths(inner).map { "$key.$it" } }
        is List<*> -> node.flatMapIndexed { i, inner -> listOf("$i") + paths(inner).map { "$i.$it" } }
        else -> emptyList()
    }

    private fun assertFault(fault: Fault, evidence: String, act: () -> Unit) {
        val error = assertThrows(ArtifactException::class.java) { act() }
        assertEquals(error.message, fault, error.fault)
        assertTrue(error.message, evidence in error.evidence)
        assertTrue(error.message, error.what.isNotEmpty() && error.remedy.isNotEmpty())
    }
}
