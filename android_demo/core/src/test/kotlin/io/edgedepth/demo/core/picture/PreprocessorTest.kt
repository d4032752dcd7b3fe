package io.edgedepth.demo.core.picture

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.Fixtures
import io.edgedepth.demo.core.artifact.Layout
import io.edgedepth.demo.core.artifact.TensorQuantization
import io.edgedepth.demo.core.artifact.TensorSpec
import io.edgedepth.demo.core.artifact.InputContract
import io.edgedepth.demo.core.bytesOf
import io.edgedepth.demo.core.cases
import io.edgedepth.demo.core.entriesOf
import java.io.File
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class PreprocessorTest {
    @Test
    fun `the input is Python's to the bit`() {
        val all = cases()
        assertTrue(all.map { it.picture }.distinct().size >= 20)
        for (case in all) {
            val found = bytesOf(Preprocessor(case.entry.input).prepare(case.picture))
            assertArrayEquals(case.toString(), case.bytes("input"), found)
        }
    }

    @Test
    fun `one preprocessor serves pictures of all sizes in turn`() {
        val all = cases().filter { it.entry.path == "unit-floats.tflite" }
        val preprocessor = Preprocessor(all.first().entry.input)
        for (case in all + all.reversed()) {
            assertArrayEquals(case.toString(), case.bytes("input"), bytesOf(preprocessor.prepare(case.picture)))
        }
    }

    @Test
    fun `the buffer is direct and allocated once`() {
        val preprocessor = Preprocessor(contract("float32", 0.0, 1.0))
        val first = preprocessor.prepare(RgbPicture(5, 9))
        assertTrue(first.isDirect)
        assertSame(first, preprocessor.prepare(RgbPicture(7, 3)))
        assertEquals(0, first.position())
        assertEquals(4 * 8 * 3 * 4, first.remaining())
    }

    @Test
    fun `every type occurs, and signed bytes are pixels less 128`() {
        val types = cases().map { it.entry.input.tensor.run { dtype to (quantization == null) } }.toSet()
        assertEquals(setOf("float32" to true, "uint8" to true, "uint8" to false, "int8" to false), types)
        val one = contract("int8", 0.0, 1.0)
        val signed = one.copy(tensor = one.tensor.copy(quantization = TensorQuantization(1 / 255.0, -128)))
        val picture = RgbPicture(4, 8, ByteArray(4 * 8 * 3) { (it * 5).toByte() })
        val found = bytesOf(Preprocessor(signed).prepare(picture))
        for (i in found.indices) assertEquals((picture.bytes[i].toInt() and 0xff) - 128, found[i].toInt())
    }

    @Test
    fun `what Python refuses is refused`() {
        for (entry in entriesOf(File(Fixtures.folder("vectors"), "refused.json"))) {
            val error = assertThrows(ArtifactException::class.java) { Preprocessor(entry.input) }
            assertEquals(ArtifactException.Fault.UNSUPPORTED, error.fault)
            assertTrue(error.message, entry.input.tensor.dtype in error.evidence)
            assertTrue(error.message, "--input" in error.remedy)
        }
    }

    @Test
    fun `several pictures at a time are refused`() {
        val one = contract("float32", 0.0, 1.0)
        val six = one.copy(tensor = one.tensor.copy(shape = listOf(6, 4, 8, 3)))
        val error = assertThrows(ArtifactException::class.java) { Preprocessor(six) }
        assertTrue(error.message, "6 pictures" in error.evidence && "--batch 1" in error.remedy)
    }

    private fun contract(dtype: String, low: Double, high: Double) =
        InputContract(TensorSpec("image", listOf(1, 4, 8, 3), Layout.NHWC, dtype), low, high)
}
