package io.edgedepth.demo.core.depth

import kotlin.math.floor

/** Values that are shown darkest and brightest. */
data class ValueRange(val low: Double, val high: Double)

/** Whether a value of [DepthMap.closeness] can be shown: finite, and not behind the camera. */
fun isValid(closeness: Float): Boolean = closeness >= 0f && closeness < Float.POSITIVE_INFINITY

/** Few pixels far out at either end must not decide the contrast of all others. */
private const val LOW_SHARE = 0.02
private const val HIGH_SHARE = 0.98

/** Percentiles of this many pixels differ from those of all by less than one step of the colour table. */
private const val ENOUGH_PIXELS = 65536

/**
 * The 2nd and 98th percentile of maps' valid values, linear between neighbours in rank; at most 65536 values of each
 * map, evenly spread, are looked at. Memory is allocated once. Not for several threads at a time.
 */
class RobustRange {
    private val chosen = FloatArray(ENOUGH_PIXELS)

    /** The range; null where the map has no valid value. */
    fun of(closeness: FloatArray): ValueRange? {
        val valid = closeness.count(::isValid)
        if (valid == 0) return null
        val step = (valid + ENOUGH_PIXELS - 1) / ENOUGH_PIXELS
        var seen = 0
        var count = 0
        for (value in closeness) {
            if (!isValid(value)) continue
            if (seen % step == 0) chosen[count++] = value
            seen++
        }
        return ValueRange(percentile(count, LOW_SHARE), percentile(count, HIGH_SHARE))
    }

    private fun percentile(count: Int, share: Double): Double {
        val position = (count - 1) * share
        val rank = floor(position).toInt()
        val below = select(count, rank)
        if (rank + 1 >= count) return below.toDouble()
        // What follows the rank is not less than it, so the smallest of that is the next one in order.
        var above = chosen[rank + 1]
        for (i in rank + 2 until count) if (chosen[i] < above) above = chosen[i]
        val difference = (above - below).toDouble()
        val part = position - rank
        return if (part < 0.5) below + difference * part else above - difference * (1 - part)
    }

    /** The value of that rank among the first [count]; reorders them so that smaller ones come before it. */
    private fun select(count: Int, rank: Int): Float {
        var begin = 0
        var end = count - 1
        while (begin < end) {
            val pivot = chosen[(begin + end) ushr 1]
            var left = begin
            var right = end
            while (left <= right) {
                while (chosen[left] < pivot) left++
                while (chosen[right] > pivot) right--
                if (left <= right) {
                    val held = chosen[left]
                    chosen[left++] = chosen[right]
                    chosen[right--] = held
                }
            }
            when {
                rank <= right -> end = right
                rank >= left -> begin = left
                else -> return chosen[rank]
            }
        }
        return chosen[rank]
    }
}

/**
 * Limits that follow a camera's pictures slowly, so that colours do not flicker from frame to frame.
 *
 * @param inertia share of the old limits that stays at each frame.
 */
class SteadyRange(private val inertia: Double = 0.9) {
    private val robust = RobustRange()
    private var limits: ValueRange? = null

    /** The limits for the next frame; null until a frame has a valid pixel. */
    fun follow(closeness: FloatArray): ValueRange? {
        val new = robust.of(closeness)
        val old = limits
        limits = when {
            new == null -> old
            old == null -> new
            else -> ValueRange(
                inertia * old.low + (1 - inertia) * new.low,
                inertia * old.high + (1 - inertia) * new.high,
            )
        }
        return limits
    }

    /** Forgets what it followed: for the first frame of something else. */
    fun reset() {
        limits = null
    }
}
