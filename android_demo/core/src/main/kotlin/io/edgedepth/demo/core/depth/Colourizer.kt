package io.edgedepth.demo.core.depth

import kotlin.math.round

/** A map that varies by less is flat; its rounding errors must not be stretched into a pattern. */
private const val ROUNDING_NOISE = 1e-6

/** Depth as a picture, to the bit as `edgedepth.runtime.colour.colourize` makes it. */
class Colourizer {
    private val table = colourTable()

    /**
     * Colours a map.
     *
     * @param closeness as in [DepthMap.closeness].
     * @param limits values shown darkest and brightest, as [RobustRange] or [SteadyRange] gives them; what lies beyond
     *     is shown as they are. Null where there is no valid value.
     * @param out receives one opaque ARGB number per pixel; invalid pixels are black, a map without contrast has one
     *     middling colour.
     */
    fun colourize(closeness: FloatArray, limits: ValueRange?, out: IntArray) {
        val low = limits?.low?.toFloat() ?: 0f
        val contrast = limits?.let { (it.high - it.low).toFloat() } ?: 0f
        val isFlat = limits == null || !(contrast > ROUNDING_NOISE * limits.high)
        for (i in closeness.indices) {
            val value = closeness[i]
            out[i] = when {
                !isValid(value) -> OPAQUE_BLACK
                isFlat -> table[COLOURS / 2]
                else -> table[step((value - low) / contrast * (COLOURS - 1))]
            }
        }
    }

    private fun step(position: Float): Int = round(position.coerceIn(0f, (COLOURS - 1).toFloat())).toInt()
}
