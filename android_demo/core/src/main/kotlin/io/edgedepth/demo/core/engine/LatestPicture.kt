package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.picture.RgbPicture

/**
 * Between a camera's thread and the worker: only the newest picture waits, and at most three pictures exist, which are
 * used again and again. Callers hold the worker's lock.
 */
internal class LatestPicture {
    private val idle = ArrayList<RgbPicture>(3)
    private var waiting: RgbPicture? = null

    /** Pictures that a newer one took the place of before anyone looked at them. */
    var dropped = 0L
        private set

    /** A picture to fill; allocated only where none of that size is idle. */
    fun blank(height: Int, width: Int): RgbPicture {
        idle.removeAll { !it.fits(height, width) }
        return if (idle.isEmpty()) RgbPicture(height, width) else idle.removeAt(idle.size - 1)
    }

    /** Makes a filled picture the one that waits. */
    fun publish(picture: RgbPicture) {
        waiting?.let {
            dropped++
            idle.add(it)
        }
        waiting = picture
    }

    /** The one that waits, if any; it then belongs to the caller until [release]. */
    fun take(): RgbPicture? = waiting.also { waiting = null }

    /** Gives a picture back to be filled again. */
    fun release(picture: RgbPicture) {
        idle.add(picture)
    }
}
