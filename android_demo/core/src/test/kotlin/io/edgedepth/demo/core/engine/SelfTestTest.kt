package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.CPU
import io.edgedepth.demo.core.FakeOpener
import io.edgedepth.demo.core.SmallArtifact
import io.edgedepth.demo.core.artifact.sha256
import io.edgedepth.demo.core.npz
import java.lang.Math.rint
import kotlin.math.sin
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class SelfTestTest {
    private val small = SmallArtifact()

    @Test
    fun `a device that computes what the reference says passes`() {
        val result = run().single()
        assertTrue(result.passes)
        assertEquals(0.0, result.found.maxAbs, 0.0)
        assertEquals(1.0, result.found.correlation, 1e-12)
        assertEquals(1e-6, result.exported!!.maxAbs, 0.0)
    }

    @Test
    fun `a device that computes something else fails with the difference`() {
        val off = small.output.clone().also { it[5] += 0.25f }
        reference(off)
        val result = run().single()
        assertFalse(result.passes)
        assertEquals(0.25, result.found.maxAbs, 1e-6)
        assertEquals(0.25 / 24, result.found.meanAbs, 1e-6)
    }

    @Test
    fun `not a number never passes, whatever the precision`() {
        reference(small.output.clone().also { it[3] = Float.NaN })
        small.change("files.0.precision", "w8a8")
        val result = run().single()
        assertTrue(result.found.maxAbs.isNaN())
        assertFalse(result.passes)
    }

    @Test
    fun `depth that the graph decodes is compared as the network's output`() {
        // The engine gives bytes / 255, which here counts as depth; none may be 0.
        for (i in small.picture.indices) if (small.picture[i] == 0.toByte()) small.picture[i] = 1
        val disparity = FloatArray(small.output.size) {
            val depth = (small.picture[3 * it].toInt() and 0xff) / 255.0
            ((1 / depth - 0.01) / 9.99).toFloat()
        }
        reference(disparity)
        small.change("files.0.output.meaning", "depth")
        small.change("files.0.output.value_range", listOf(0.1, 100.0))
        assertTrue(run().single().passes)
    }

    @Test
    fun `an output of integers gets half a step more, and no whole one`() {
        val step = 1 / 255.0
        val reference = FloatArray(400) { (0.5 + 0.4 * sin(0.37 * it)).toFloat() }
        val rounded = FloatArray(400) { (rint(reference[it] / step) * step).toFloat() }
        val exact = Bounds(1e-4, 1e-5, 0.999999)
        val asked = exact.rounded(step, reference)
        assertFalse(exact.hold(difference(rounded, reference)))
        assertTrue(asked.hold(difference(rounded, reference)))
        assertEquals(1e-4 + step / 2, asked.maxAbs, 1e-12)
        val shifted = FloatArray(400) { rounded[it] + step.toFloat() }
        assertFalse(asked.hold(difference(shifted, reference)))
    }

    @Test
    fun `references of other sizes are passed over`() {
        small.change("references.0.size", listOf(8, 12))
        assertEquals(emptyList<SelfTestResult>(), run())
    }

    @Test
    fun `a damaged reference is told`() {
        small.files["reference/noise.npz"] = ByteArray(9)
        val error = assertThrows(ArtifactException::class.java) { run() }
        assertEquals(ArtifactException.Fault.ALTERED, error.fault)
    }

    @Test
    fun `flat maps have no correlation`() {
        assertEquals(0.0, difference(FloatArray(4) { 1f }, floatArrayOf(1f, 2f, 3f, 4f)).correlation, 0.0)
    }

    private fun reference(output: FloatArray) {
        val content = npz(small.picture, output)
        small.files["reference/noise.npz"] = content
        small.change("references.0.sha256", sha256(content))
    }

    private fun run(): List<SelfTestResult> {
        val artifact = small.open()
        return FakeOpener().openGraph(artifact, artifact.manifest.graphs.single(), CPU).use { selfTest(artifact, it) }
    }
}
