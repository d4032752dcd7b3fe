package io.edgedepth.demo.core.picture

/**
 * A picture in memory.
 *
 * @property height in pixels, at least 1.
 * @property width in pixels, at least 1.
 * @property bytes red, green and blue of each pixel, row by row: `height * width * 3` of them, 0 to 255.
 */
class RgbPicture(val height: Int, val width: Int, val bytes: ByteArray = ByteArray(height * width * 3)) {
    init {
        require(height > 0 && width > 0) { "a picture of $height x $width pixels" }
        require(bytes.size == height * width * 3) { "$height x $width pixels in ${bytes.size} bytes" }
    }

    /** Whether the other is of the same size. */
    fun fits(height: Int, width: Int): Boolean = this.height == height && this.width == width
}
