package io.edgedepth.demo.core.picture

import kotlin.random.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertThrows
import org.junit.Test

class LanczosResizerTest {
    private val random = Random(5)

    @Test
    fun `a picture of one colour keeps it at any size`() {
        repeat(100) {
            val (height, width, toHeight, toWidth) = List(4) { random.nextInt(1, 40) }
            val colour = random.nextBytes(3)
            val picture = RgbPicture(height, width, ByteArray(height * width * 3) { colour[it % 3] })
            val out = ByteArray(toHeight * toWidth * 3)
            LanczosResizer(height, width, toHeight, toWidth).resize(picture, out)
            assertArrayEquals(ByteArray(out.size) { colour[it % 3] }, out)
        }
    }

    @Test
    fun `its own size changes nothing`() {
        val picture = RgbPicture(6, 7, random.nextBytes(6 * 7 * 3))
        val out = ByteArray(picture.bytes.size)
        LanczosResizer(6, 7, 6, 7).resize(picture, out)
        assertArrayEquals(picture.bytes, out)
    }

    @Test
    fun `mirrored pictures become mirrored results`() {
        repeat(50) {
            val (height, width, toHeight, toWidth) = List(4) { random.nextInt(1, 40) }
            val picture = RgbPicture(height, width, random.nextBytes(height * width * 3))
            val resizer = LanczosResizer(height, width, toHeight, toWidth)
            val plain = ByteArray(toHeight * toWidth * 3).also { resizer.resize(picture, it) }
            val mirrored = ByteArray(plain.size).also { resizer.resize(mirror(picture), it) }
            assertArrayEquals(plain, mirror(RgbPicture(toHeight, toWidth, mirrored)).bytes)
        }
    }

    @Test
    fun `a picture of another size is refused`() {
        val resizer = LanczosResizer(4, 4, 2, 2)
        assertThrows(IllegalArgumentException::class.java) { resizer.resize(RgbPicture(4, 5), ByteArray(12)) }
    }

    private fun mirror(picture: RgbPicture): RgbPicture {
        val turned = RgbPicture(picture.height, picture.width)
        for (y in 0 until picture.height) {
            for (x in 0 until picture.width) {
                val from = (y * picture.width + x) * 3
                val to = (y * picture.width + picture.width - 1 - x) * 3
                for (channel in 0..2) turned.bytes[to + channel] = picture.bytes[from + channel]
            }
        }
        return turned
    }
}
