package io.edgedepth.demo.core.picture

import java.nio.ByteBuffer

/**
 * One plane of a camera's frame.
 *
 * @property bytes from index 0.
 * @property rowStride bytes from one row to the next.
 * @property pixelStride bytes from one value to the next within a row.
 */
class Plane(val bytes: ByteBuffer, val rowStride: Int, val pixelStride: Int)

/**
 * A frame in YUV 4:2:0 with planes of any strides, as Android's `YUV_420_888` has them: BT.601 weights and the full
 * range 0 to 255, as JPEG.
 *
 * @property height of the luma plane, in pixels.
 * @property width of the luma plane, in pixels.
 * @property chromaBlue `(width + 1) / 2` by `(height + 1) / 2` values about 128.
 * @property chromaRed likewise.
 */
class YuvFrame(
    val height: Int,
    val width: Int,
    private val luma: Plane,
    private val chromaBlue: Plane,
    private val chromaRed: Plane,
) {
    /**
     * Converts and turns the frame.
     *
     * @param degrees by which it must be turned clockwise to stand upright: 0, 90, 180 or 270.
     * @param out of the turned frame's size: height and width change places at 90 and 270.
     */
    fun toRgb(degrees: Int, out: RgbPicture) {
        val sideways = degrees == 90 || degrees == 270
        require(sideways || degrees == 0 || degrees == 180) { "a turn by $degrees degrees" }
        require(if (sideways) out.fits(width, height) else out.fits(height, width)) { "the picture has another size" }
        val line = out.width * 3
        // Where the frame's first pixel comes to lie, and how far apart its neighbours to the right and below do.
        val corner = when (degrees) {
            0 -> 0
            90 -> line - 3
            180 -> out.height * line - 3
            else -> (out.height - 1) * line
        }
        val right = when (degrees) {
            0 -> 3
            90 -> line
            180 -> -3
            else -> -line
        }
        val below = when (degrees) {
            0 -> line
            90 -> -3
            180 -> -line
            else -> 3
        }
        for (y in 0 until height) row(y, out.bytes, corner + y * below, right)
    }

    private fun row(y: Int, out: ByteArray, start: Int, step: Int) {
        val lumaRow = y * luma.rowStride
        val blueRow = y / 2 * chromaBlue.rowStride
        val redRow = y / 2 * chromaRed.rowStride
        var at = start
        for (x in 0 until width) {
            val light = (luma.bytes[lumaRow + x * luma.pixelStride].toInt() and 0xff) shl BITS
            val blue = (chromaBlue.bytes[blueRow + x / 2 * chromaBlue.pixelStride].toInt() and 0xff) - 128
            val red = (chromaRed.bytes[redRow + x / 2 * chromaRed.pixelStride].toInt() and 0xff) - 128
            out[at] = rounded(light + RED_OF_RED * red)
            out[at + 1] = rounded(light - GREEN_OF_BLUE * blue - GREEN_OF_RED * red)
            out[at + 2] = rounded(light + BLUE_OF_BLUE * blue)
            at += step
        }
    }

    private fun rounded(value: Int): Byte = ((value + (1 shl BITS - 1)) shr BITS).coerceIn(0, 255).toByte()

    private companion object {
        /** ITU-T T.871, section 7, in whole numbers of 2^-16. */
        const val BITS = 16
        const val RED_OF_RED = 91881
        const val GREEN_OF_BLUE = 22554
        const val GREEN_OF_RED = 46802
        const val BLUE_OF_BLUE = 116130
    }
}
