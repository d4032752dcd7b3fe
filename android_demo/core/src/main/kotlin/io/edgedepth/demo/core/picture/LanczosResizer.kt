package io.edgedepth.demo.core.picture

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sin

/** Lobes of the window on either side. */
private const val LOBES = 3.0

/** Weights are whole numbers of 2^-22: 8 bits of the value and 2 bits of overshoot are left of 32. */
private const val WEIGHT_BITS = 32 - 8 - 2
private const val HALF = 1 shl (WEIGHT_BITS - 1)

/**
 * Resizes pictures of one size to another by LANCZOS (three lobes), to the bit as Pillow 13 does for 8-bit RGB.
 *
 * Two passes with 8-bit values between them, one along rows and one along columns; each output is a weighted sum of the
 * inputs below its window, which widens where the picture becomes smaller. Rows come first unless that is the slower
 * order. (Pillow before 13 always took rows first, which may tell in the last bit of such pictures.) All memory is
 * allocated here, once.
 */
class LanczosResizer(
    private val inHeight: Int,
    private val inWidth: Int,
    private val outHeight: Int,
    private val outWidth: Int,
) {
    private val across = if (inWidth == outWidth) null else Taps(inWidth, outWidth)
    private val down = if (inHeight == outHeight) null else Taps(inHeight, outHeight)
    private val columnsFirst = inHeight > outHeight && inHeight - outHeight > 2 * (inWidth - outWidth)
    private val between = when {
        across == null || down == null -> ByteArray(0)
        columnsFirst -> ByteArray(outHeight * inWidth * 3)
        else -> ByteArray(inHeight * outWidth * 3)
    }
    private val sums = IntArray(3 * (if (columnsFirst) inWidth else outWidth))

    /** Whether it is made for pictures of that size. */
    fun takes(picture: RgbPicture): Boolean = picture.fits(inHeight, inWidth)

    /**
     * Resizes one picture.
     *
     * @param picture of the size that this was made for.
     * @param out receives `outHeight * outWidth * 3` bytes.
     */
    fun resize(picture: RgbPicture, out: ByteArray) {
        require(takes(picture)) { "made for $inHeight x $inWidth, not ${picture.height} x ${picture.width}" }
        val from = picture.bytes
        when {
            across == null && down == null -> System.arraycopy(from, 0, out, 0, from.size)
            down == null -> rows(from, out, across!!, inHeight)
            across == null -> columns(from, out, down, outWidth)
            columnsFirst -> {
                columns(from, between, down, inWidth)
                rows(between, out, across, outHeight)
            }
            else -> {
                rows(from, between, across, inHeight)
                columns(between, out, down, outWidth)
            }
        }
    }

    private fun rows(from: ByteArray, to: ByteArray, taps: Taps, height: Int) {
        var at = 0
        for (y in 0 until height) {
            val row = y * inWidth * 3
            for (x in 0 until outWidth) {
                var red = HALF
                var green = HALF
                var blue = HALF
                var source = row + taps.first[x] * 3
                var weight = x * taps.stride
                for (tap in 0 until taps.count[x]) {
                    val w = taps.weights[weight++]
                    red += (from[source].toInt() and 0xff) * w
                    green += (from[source + 1].toInt() and 0xff) * w
                    blue += (from[source + 2].toInt() and 0xff) * w
                    source += 3
                }
                to[at] = clipped(red)
                to[at + 1] = clipped(green)
                to[at + 2] = clipped(blue)
                at += 3
            }
        }
    }

    /** Row by row of the input, so that memory is read in order. */
    private fun columns(from: ByteArray, to: ByteArray, taps: Taps, width: Int) {
        val line = width * 3
        for (y in 0 until outHeight) {
            sums.fill(HALF)
            var source = taps.first[y] * line
            for (tap in 0 until taps.count[y]) {
                val w = taps.weights[y * taps.stride + tap]
                for (i in 0 until line) sums[i] += (from[source + i].toInt() and 0xff) * w
                source += line
            }
            for (i in 0 until line) to[y * line + i] = clipped(sums[i])
        }
    }

    private fun clipped(sum: Int): Byte = min(max(sum shr WEIGHT_BITS, 0), 255).toByte()
}

/**
 * Which inputs each output is made of.
 *
 * @property first input of each output.
 * @property count of inputs of each output.
 * @property weights [stride] for each output, of which [count] are used.
 */
private class Taps(length: Int, wanted: Int) {
    private val scale = length.toDouble() / wanted
    private val widening = max(scale, 1.0)
    private val reach = LOBES * widening

    val stride = ceil(reach).toInt() * 2 + 1
    val first = IntArray(wanted)
    val count = IntArray(wanted)
    val weights = IntArray(wanted * stride)

    init {
        val exact = DoubleArray(stride)
        for (output in 0 until wanted) {
            val centre = (output + 0.5) * scale
            // Converting to Int drops the fraction, towards zero, as Pillow's cast does.
            val begin = max((centre - reach + 0.5).toInt(), 0)
            val end = min((centre + reach + 0.5).toInt(), length)
            first[output] = begin
            count[output] = end - begin
            var total = 0.0
            for (tap in 0 until end - begin) {
                exact[tap] = lanczos((tap + begin - centre + 0.5) * (1.0 / widening))
                total += exact[tap]
            }
            for (tap in 0 until end - begin) {
                val share = if (total == 0.0) exact[tap] else exact[tap] / total
                weights[output * stride + tap] = fixed(share)
            }
        }
    }

    private fun fixed(share: Double): Int {
        val scaled = share * (1 shl WEIGHT_BITS)
        return (if (share < 0) scaled - 0.5 else scaled + 0.5).toInt()
    }
}

private fun lanczos(x: Double): Double = if (abs(x) <= LOBES && x != LOBES) sinc(x) * sinc(x / LOBES) else 0.0

private fun sinc(x: Double): Double = if (x == 0.0) 1.0 else sin(x * PI) / (x * PI)
