package io.edgedepth.demo.core.engine

/** Frames per second, over the last 30 frames. */
class FrameRate {
    private val times = LongArray(WINDOW + 1)
    private var count = 0L

    /** Counts a frame that was finished at that time, in nanoseconds. */
    fun tick(nanos: Long) {
        times[(count++ % times.size).toInt()] = nanos
    }

    /** The rate; 0 until two frames were finished. */
    val perSecond: Double
        get() {
            val spans = minOf(count - 1, WINDOW.toLong())
            if (spans < 1) return 0.0
            val nanos = times[((count - 1) % times.size).toInt()] - times[((count - 1 - spans) % times.size).toInt()]
            return if (nanos > 0) spans * 1e9 / nanos else 0.0
        }

    private companion object {
        const val WINDOW = 30
    }
}
