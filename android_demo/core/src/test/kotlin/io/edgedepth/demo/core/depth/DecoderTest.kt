package io.edgedepth.demo.core.depth

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.Fixtures
import io.edgedepth.demo.core.artifact.BYTES
import io.edgedepth.demo.core.artifact.Layout
import io.edgedepth.demo.core.artifact.OutputKind
import io.edgedepth.demo.core.artifact.TensorQuantization
import io.edgedepth.demo.core.artifact.TensorSpec
import io.edgedepth.demo.core.bitsOf
import io.edgedepth.demo.core.cases
import io.edgedepth.demo.core.entriesOf
import java.io.File
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class DecoderTest {
    @Test
    fun `depth and closeness are Python's to the bit`() {
        for (case in cases()) {
            val map = Decoder(case.entry.output).decode(case.output(), case.shownHeight, case.shownWidth)
            assertArrayEquals("$case depth", bitsOf(case.floats("depth")), bitsOf(map.values))
            assertArrayEquals("$case closeness", bitsOf(case.floats("closeness")), bitsOf(map.closeness))
        }
    }

    @Test
    fun `every meaning occurs`() {
        assertEquals(OutputKind.entries.toSet(), cases().map { it.entry.output.kind }.toSet())
    }

    @Test
    fun `only metric graphs speak of metres`() {
        val statements = entriesOf(File(Fixtures.folder("vectors"), "manifest.json")).associate {
            it.path.removeSuffix(".tflite") to meaningOf(it.output).statement
        }
        assertEquals("depth, up to one unknown scale per picture", statements["unit-floats"])
        assertEquals("depth, up to one unknown scale per picture", statements["bytes"])
        assertEquals("depth in metres", statements["signed-floats"])
        assertEquals("depth in metres", statements["planar-floats"])
        assertEquals(
            "inverse depth, up to one unknown scale and one unknown shift per picture",
            statements["planar-bytes"],
        )
    }

    @Test
    fun `memory is used again`() {
        val case = cases().first()
        val decoder = Decoder(case.entry.output)
        val first = decoder.decode(case.output(), 30, 50)
        assertSame(first, decoder.decode(case.output(), 30, 50))
    }

    @Test
    fun `outputs of both integer types occur, and every integer of them is read as in Python`() {
        val cases = cases().filter { it.entry.output.tensor.quantization != null }
        assertEquals(BYTES.keys, cases.map { it.entry.output.tensor.dtype }.toSet())
        for (case in cases) {
            val scale = case.entry.output.tensor.quantization!!
            val isSigned = case.entry.output.tensor.dtype == "int8"
            val expected = case.bytes("output").map {
                scale.scale * ((if (isSigned) it.toInt() else it.toInt() and 0xff) - scale.zeroPoint)
            }
            val found = case.output()
            for (i in found.indices) assertEquals(expected[i], found[i].toDouble(), 1e-6 * scale.scale * 256)
        }
    }

    @Test
    fun `the buffer of an output is direct and allocated once`() {
        val tensor = TensorSpec("disparity", listOf(1, 2, 3, 1), Layout.NHWC, "int8", TensorQuantization(0.5, -128))
        val raw = RawOutput("a.tflite", tensor)
        assertTrue(raw.buffer.isDirect)
        assertEquals(6, raw.buffer.remaining())
        raw.buffer.put(0, 127)
        val first = raw.read()
        assertEquals(127.5f, first[0], 0f)
        assertEquals(64f, first[1], 0f)
        assertSame(first, raw.read())
        assertEquals(6, raw.buffer.remaining())
    }

    @Test
    fun `an output of another type is refused`() {
        val tensor = TensorSpec("disparity", listOf(1, 2, 3, 1), Layout.NHWC, "float16")
        val error = assertThrows(ArtifactException::class.java) { RawOutput("a.tflite", tensor) }
        assertTrue(error.message, "float16" in error.what && "--output-type" in error.remedy)
    }

    @Test
    fun `a missing constant is told by name`() {
        val contract = cases().first().entry.output
        val error = assertThrows(ArtifactException::class.java) {
            Decoder(contract.copy(constants = contract.constants - "min_disparity"))
        }
        assertTrue(error.message, "min_disparity" in error.what && contract.decode in error.evidence)
    }
}
