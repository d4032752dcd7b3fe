package io.edgedepth.demo.core.depth

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.Fixtures
import io.edgedepth.demo.core.artifact.OutputKind
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
            val map = Decoder(case.entry.output).decode(case.floats("output"), case.shownHeight, case.shownWidth)
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
        val first = decoder.decode(case.floats("output"), 30, 50)
        assertSame(first, decoder.decode(case.floats("output"), 30, 50))
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
