package io.edgedepth.demo.core.depth

import kotlin.math.floor
import kotlin.math.min

/**
 * Bilinear resize of maps of one size to another: pixel centres aligned, no anti-aliasing, float32 arithmetic.
 *
 * A constant map stays exactly constant. All memory is allocated here, once.
 */
class MapResizer(
    private val inHeight: Int,
    private val inWidth: Int,
    private val outHeight: Int,
    private val outWidth: Int,
) {
    private val across = Neighbours(inWidth, outWidth)
    private val down = Neighbours(inHeight, outHeight)

    // The two input rows around the current output row, stretched to its width, and which they are.
    private val upper = Line(outWidth)
    private val lower = Line(outWidth)

    /** Whether it is made for these sizes. */
    fun takes(height: Int, width: Int, toHeight: Int, toWidth: Int): Boolean =
        height == inHeight && width == inWidth && toHeight == outHeight && toWidth == outWidth

    /**
     * Resizes one map.
     *
     * @param from `inHeight * inWidth` values.
     * @param to receives `outHeight * outWidth` values.
     */
    fun resize(from: FloatArray, to: FloatArray) {
        if (inHeight == outHeight && inWidth == outWidth) {
            System.arraycopy(from, 0, to, 0, from.size)
            return
        }
        upper.row = -1
        lower.row = -1
        for (y in 0 until outHeight) {
            val above = stretched(from, down.first[y], upper, lower)
            val below = stretched(from, down.second[y], lower, upper)
            val share = down.share[y]
            val start = y * outWidth
            for (x in 0 until outWidth) to[start + x] = above[x] + (below[x] - above[x]) * share
        }
    }

    /** The row at that height, taken over from either line where it is there already. */
    private fun stretched(from: FloatArray, row: Int, own: Line, other: Line): FloatArray {
        if (own.row == row) return own.values
        if (other.row == row && own === upper) {
            // What was the lower row has become the upper one.
            System.arraycopy(other.values, 0, own.values, 0, outWidth)
        } else {
            val start = row * inWidth
            for (x in 0 until outWidth) {
                val left = from[start + across.first[x]]
                own.values[x] = left + (from[start + across.second[x]] - left) * across.share[x]
            }
        }
        own.row = row
        return own.values
    }

    private class Line(width: Int) {
        val values = FloatArray(width)
        var row = -1
    }
}

/** Between which two inputs each output lies, and at what share of the way to the second. */
private class Neighbours(length: Int, wanted: Int) {
    val first = IntArray(wanted)
    val second = IntArray(wanted)
    val share = FloatArray(wanted)

    init {
        for (output in 0 until wanted) {
            val position = ((output + 0.5) * length / wanted - 0.5).coerceIn(0.0, (length - 1).toDouble())
            first[output] = floor(position).toInt()
            second[output] = min(first[output] + 1, length - 1)
            share[output] = (position - first[output]).toFloat()
        }
    }
}
