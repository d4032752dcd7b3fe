package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.CPU
import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.FakeOpener
import io.edgedepth.demo.core.GPU
import io.edgedepth.demo.core.SmallArtifact
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class OpeningTest {
    private val small = SmallArtifact()

    @Test
    fun `a strict GPU that takes the whole graph is opened`() {
        val opener = FakeOpener({ report(delegated = 9, nodes = 9, whole = true) })
        open(opener, GPU).use { assertEquals(9, it.report.delegated) }
        assertTrue(opener.engine.isClosed)
    }

    @Test
    fun `a strict GPU that takes a part, or does not tell, is closed and refused`() {
        val reports = mapOf(
            report(delegated = 7, nodes = 9, whole = false) to "7 of 9",
            report(delegated = null, nodes = null, whole = false) to "only a part",
            report(delegated = null, nodes = null, whole = null) to "does not tell",
            EngineReport("fake", "1", Accelerator.CPU) to "runs on the CPU",
        )
        for ((report, evidence) in reports) {
            val opener = FakeOpener({ report })
            val error = assertThrows(DelegationException::class.java) { open(opener, GPU) }
            assertTrue(error.message, evidence in error.evidence)
            assertTrue(opener.engine.isClosed)
        }
    }

    @Test
    fun `without strictness a part is enough, and is told`() {
        val opener = FakeOpener({ report(delegated = 7, nodes = 9, whole = false) })
        open(opener, GPU.copy(strict = false)).use { assertFalse(it.report.fullyAccelerated!!) }
    }

    @Test
    fun `tensors that are not the manifest's are refused and the engine is closed`() {
        for (change in listOf("input", "output")) {
            val one = SmallArtifact().apply { change("files.0.$change.tensor.dtype", "float16") }
            val opener = FakeOpener()
            val error = assertThrows(ArtifactException::class.java) { open(opener, CPU, one) }
            assertEquals(ArtifactException.Fault.MISMATCHED, error.fault)
            assertTrue(error.message, "$change is float32 1x4x6" in error.evidence)
            assertTrue(opener.engine.isClosed)
        }
    }

    @Test
    fun `a contract that cannot be met closes the engine`() {
        small.change("files.0.output.constants", emptyMap<String, Any>())
        val opener = FakeOpener()
        assertThrows(ArtifactException::class.java) { open(opener, CPU) }
        assertTrue(opener.engine.isClosed)
    }

    private fun open(opener: FakeOpener, options: EngineOptions, of: SmallArtifact = small): DepthPipeline {
        val artifact = of.open()
        return opener.openGraph(artifact, artifact.manifest.graphs.single(), options)
    }

    private fun report(delegated: Int?, nodes: Int?, whole: Boolean?) =
        EngineReport("fake", "1", Accelerator.GPU, null, delegated, nodes, 1, whole)
}
