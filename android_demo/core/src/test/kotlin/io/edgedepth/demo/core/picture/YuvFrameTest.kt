package io.edgedepth.demo.core.picture

import java.nio.ByteBuffer
import kotlin.math.abs
import kotlin.math.round
import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class YuvFrameTest {
    private val random = Random(3)

    @Test
    fun `colours are those of the formula to one step`() {
        val frame = Planes(4, 6, random)
        val out = RgbPicture(4, 6).also { frame.frame().toRgb(0, it) }
        for (y in 0 until 4) {
            for (x in 0 until 6) {
                val expected = frame.colour(y, x)
                for (channel in 0..2) {
                    val found = out.bytes[(y * 6 + x) * 3 + channel].toInt() and 0xff
                    assertTrue("$y $x $channel", abs(found - expected[channel]) <= 1)
                }
            }
        }
    }

    @Test
    fun `grey stays grey`() {
        val planes = Planes(2, 2, random, chroma = 128)
        val out = RgbPicture(2, 2).also { planes.frame().toRgb(0, it) }
        for (i in 0 until 12) assertEquals(planes.luma(i / 6, i / 3 % 2), out.bytes[i].toInt() and 0xff)
    }

    @Test
    fun `strides of any kind give the same picture`() {
        val pixels = Planes(5, 7, random)
        val packed = RgbPicture(5, 7).also { pixels.frame().toRgb(0, it) }
        val spread = RgbPicture(5, 7).also { pixels.frame(rowPadding = 9, pixelStride = 2).toRgb(0, it) }
        assertArrayEquals(packed.bytes, spread.bytes)
    }

    @Test
    fun `a quarter turn moves the top left corner to the top right`() {
        val planes = Planes(3, 4, random)
        val plain = RgbPicture(3, 4).also { planes.frame().toRgb(0, it) }
        val turned = RgbPicture(4, 3).also { planes.frame().toRgb(90, it) }
        for (y in 0 until 3) for (x in 0 until 4) assertEquals(pixel(plain, y, x), pixel(turned, x, 2 - y))
    }

    @Test
    fun `quarter turns add up`() {
        val planes = Planes(3, 4, random)
        val half = RgbPicture(3, 4).also { planes.frame().toRgb(180, it) }
        val plain = RgbPicture(3, 4).also { planes.frame().toRgb(0, it) }
        val back = RgbPicture(4, 3).also { planes.frame().toRgb(270, it) }
        for (y in 0 until 3) {
            for (x in 0 until 4) {
                assertEquals(pixel(plain, y, x), pixel(half, 2 - y, 3 - x))
                assertEquals(pixel(plain, y, x), pixel(back, 3 - x, y))
            }
        }
    }

    @Test
    fun `other turns and sizes are refused`() {
        val frame = Planes(2, 4, random).frame()
        assertThrows(IllegalArgumentException::class.java) { frame.toRgb(45, RgbPicture(2, 4)) }
        assertThrows(IllegalArgumentException::class.java) { frame.toRgb(90, RgbPicture(2, 4)) }
    }

    private fun pixel(picture: RgbPicture, y: Int, x: Int) =
        picture.bytes.slice((y * picture.width + x) * 3 until (y * picture.width + x) * 3 + 3)

    /** Values of the three planes, and frames of them. */
    private class Planes(val height: Int, val width: Int, random: Random, chroma: Int? = null) {
        private val luma = random.nextBytes(height * width)
        private val blue = values(random, chroma)
        private val red = values(random, chroma)

        private fun values(random: Random, chroma: Int?): ByteArray {
            val size = (height + 1) / 2 * ((width + 1) / 2)
            return if (chroma == null) random.nextBytes(size) else ByteArray(size) { chroma.toByte() }
        }

        fun luma(y: Int, x: Int) = luma[y * width + x].toInt() and 0xff

        fun frame(rowPadding: Int = 0, pixelStride: Int = 1) = YuvFrame(
            height,
            width,
            plane(luma, width, rowPadding, 1),
            plane(blue, (width + 1) / 2, rowPadding, pixelStride),
            plane(red, (width + 1) / 2, rowPadding, pixelStride),
        )

        private fun plane(values: ByteArray, perRow: Int, rowPadding: Int, pixelStride: Int): Plane {
            val rowStride = perRow * pixelStride + rowPadding
            val bytes = ByteArray(values.size / perRow * rowStride)
            for (i in values.indices) bytes[i / perRow * rowStride + i % perRow * pixelStride] = values[i]
            return Plane(ByteBuffer.wrap(bytes), rowStride, pixelStride)
        }

        /** JFIF's formula in floating point. */
        fun colour(y: Int, x: Int): List<Int> {
            val at = y / 2 * ((width + 1) / 2) + x / 2
            val cb = (blue[at].toInt() and 0xff) - 128
            val cr = (red[at].toInt() and 0xff) - 128
            val light = luma(y, x)
            return listOf(light + 1.402 * cr, light - 0.344136 * cb - 0.714136 * cr, light + 1.772 * cb)
                .map { round(it).toInt().coerceIn(0, 255) }
        }
    }
}
