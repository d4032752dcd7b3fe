package io.edgedepth.demo

import android.app.Application
import android.graphics.Bitmap
import android.graphics.Color
import android.net.Uri
import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.picture.PictureReader
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream

private const val WIDE = 64
private const val HIGH = 32

/** Where each orientation of Exif has the corners of the upright picture; by rows: top left, top right and so on. */
private val STORED = mapOf(
    1 to "RGBW", 2 to "GRWB", 3 to "WBGR", 4 to "BWRG", 5 to "RBGW", 6 to "GWRB", 7 to "WGBR", 8 to "BRWG",
)
private val INKS = mapOf('R' to Color.RED, 'G' to Color.GREEN, 'B' to Color.BLUE, 'W' to Color.WHITE)

/** Pictures as galleries give them: turned and mirrored, huge, broken, gone. */
@RunWith(RobolectricTestRunner::class)
class PictureTest {
    private fun read(content: () -> InputStream?): RgbPicture {
        val uri = Uri.parse("content://gallery/one")
        shadowOf((app as Application).contentResolver).registerInputStreamSupplier(uri, content)
        return PictureReader(app.contentResolver).read(uri)
    }

    private fun read(content: ByteArray) = read { ByteArrayInputStream(content) }

    @Test
    fun `every orientation of Exif stands upright`() {
        for ((orientation, corners) in STORED) {
            val isSideways = orientation >= 5
            val stored = quarters(corners, if (isSideways) HIGH else WIDE, if (isSideways) WIDE else HIGH)
            val picture = read(withOrientation(stored, orientation))
            assertEquals("$orientation", HIGH to WIDE, picture.height to picture.width)
            assertEquals("orientation $orientation", "RGBW", cornersOf(picture))
        }
    }

    @Test
    fun `an orientation that Exif does not know changes nothing`() {
        assertEquals("RGBW", cornersOf(read(withOrientation(quarters("RGBW", WIDE, HIGH), 77))))
    }

    @Test
    fun `huge pictures are kept at 1600 pixels`() {
        for ((width, height) in listOf(8000 to 6000, 9001 to 3, 3 to 9001, 1600 to 1200, 1601 to 1)) {
            val picture = read(jpeg(Bitmap.createBitmap(width, height, Bitmap.Config.RGB_565)))
            val longest = maxOf(picture.height, picture.width)
            assertTrue("$width x $height became ${picture.width} x ${picture.height}", longest in 1000..1600)
            assertEquals(width > height, picture.width > picture.height)
        }
    }

    @Test
    fun `what is transparent and what is small is read`() {
        val bitmap = Bitmap.createBitmap(1, 1, Bitmap.Config.ARGB_8888)
        val png = ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }.toByteArray()
        assertEquals(listOf<Byte>(0, 0, 0), read(png).bytes.toList())
    }

    @Test
    fun `what is no picture is told`() {
        val whole = withOrientation(quarters("RGBW", WIDE, HIGH), 6)
        for (content in listOf(ByteArray(0), "no picture".toByteArray(), whole.copyOf(40))) {
            assertThrows(IOException::class.java) { read(content) }
        }
        assertThrows(IOException::class.java) { read { null } }
        assertThrows(IOException::class.java) { read { throw SecurityException("not any more") } }
    }

    private fun quarters(inks: String, width: Int, height: Int): ByteArray {
        val bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        for (y in 0 until height) for (x in 0 until width) {
            bitmap.setPixel(x, y, INKS.getValue(inks[2 * (2 * y / height) + 2 * x / width]))
        }
        return jpeg(bitmap)
    }

    private fun jpeg(bitmap: Bitmap): ByteArray =
        ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.JPEG, 95, it) }.toByteArray()

    /** Exif with one short entry, 0x0112, right after the start of the picture. */
    private fun withOrientation(jpeg: ByteArray, orientation: Int): ByteArray {
        val tiff = byteArrayOf(
            'I'.code.toByte(), 'I'.code.toByte(), 42, 0, 8, 0, 0, 0, 1, 0,
            0x12, 1, 3, 0, 1, 0, 0, 0, orientation.toByte(), 0, 0, 0, 0, 0, 0, 0,
        )
        val content = "Exif\u0000\u0000".toByteArray() + tiff
        val marker = byteArrayOf(0xff.toByte(), 0xe1.toByte(), 0, (content.size + 2).toByte())
        return jpeg.copyOf(2) + marker + content + jpeg.copyOfRange(2, jpeg.size)
    }

    private fun cornersOf(picture: RgbPicture): String {
        val rows = listOf(picture.height / 4, picture.height * 3 / 4)
        val columns = listOf(picture.width / 4, picture.width * 3 / 4)
        return rows.flatMap { y -> columns.map { x -> inkAt(picture, y, x) } }.joinToString("")
    }

    private fun inkAt(picture: RgbPicture, y: Int, x: Int): Char {
        val bright = (0..2).map { picture.bytes[3 * (y * picture.width + x) + it].toInt() and 0xff > 127 }
        return INKS.entries.single { (_, ink) ->
            bright == listOf(Color.red(ink) > 0, Color.green(ink) > 0, Color.blue(ink) > 0)
        }.key
    }
}
