package io.edgedepth.demo.core.depth

import io.edgedepth.demo.core.Fixtures
import io.edgedepth.demo.core.cases
import java.io.File
import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class ColourTest {
    @Test
    fun `the table is Python's`() {
        val expected = File(Fixtures.folder("vectors"), "colours.bin").readBytes()
        assertArrayEquals(expected, rgb(colourTable()))
    }

    @Test
    fun `ranges are Python's`() {
        val robust = RobustRange()
        for (case in cases()) {
            val expected = case.range?.let { ValueRange(it[0], it[1]) }
            assertEquals(case.toString(), expected, robust.of(case.floats("closeness")))
        }
    }

    @Test
    fun `coloured maps are Python's`() {
        val colourizer = Colourizer()
        val robust = RobustRange()
        for (case in cases()) {
            val closeness = case.floats("closeness")
            val out = IntArray(closeness.size)
            colourizer.colourize(closeness, robust.of(closeness), out)
            assertArrayEquals(case.toString(), case.bytes("colours"), rgb(out))
        }
    }

    @Test
    fun `percentiles of any values are those of sorted ones`() {
        val random = Random(9)
        val robust = RobustRange()
        repeat(300) {
            // Few distinct values, so that many are equal.
            val values = FloatArray(random.nextInt(1, 400)) { random.nextInt(12) / 4f }
            val sorted = values.sortedArray()
            val found = robust.of(values)!!
            for ((share, value) in listOf(0.02 to found.low, 0.98 to found.high)) {
                val position = (sorted.size - 1) * share
                val below = sorted[position.toInt()].toDouble()
                val above = sorted[(position.toInt() + 1).coerceAtMost(sorted.size - 1)]
                assertEquals(below + (above - below) * (position - position.toInt()), value, 1e-12)
            }
        }
    }

    @Test
    fun `nothing valid has no range and is black`() {
        val values = floatArrayOf(Float.NaN, -1f, Float.POSITIVE_INFINITY)
        assertNull(RobustRange().of(values))
        val out = IntArray(3)
        Colourizer().colourize(values, null, out)
        assertArrayEquals(IntArray(3) { 0xff shl 24 }, out)
    }

    @Test
    fun `a steady range follows slowly and keeps its limits where nothing is valid`() {
        val steady = SteadyRange(inertia = 0.75)
        assertNull(steady.follow(floatArrayOf(Float.NaN)))
        assertEquals(ValueRange(2.0, 2.0), steady.follow(floatArrayOf(2f)))
        assertEquals(ValueRange(3.0, 3.0), steady.follow(floatArrayOf(6f)))
        assertEquals(ValueRange(3.0, 3.0), steady.follow(floatArrayOf(-1f)))
        steady.reset()
        assertEquals(ValueRange(6.0, 6.0), steady.follow(floatArrayOf(6f)))
    }

    private fun rgb(argb: IntArray) = ByteArray(argb.size * 3) { (argb[it / 3] shr (16 - 8 * (it % 3))).toByte() }
}
