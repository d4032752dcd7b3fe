package io.edgedepth.demo.camera

import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.core.picture.YuvFrame
import java.io.Closeable

/** Why there are no pictures. */
enum class CameraFault {
    /** The phone has none. */
    NONE,

    /** The permission was not given. */
    NO_PERMISSION,

    /** Another app uses it. */
    IN_USE,

    /** The phone's owner or policy forbids it. */
    FORBIDDEN,

    /** It gave an error, or was taken away. */
    BROKEN,
}

/** Gives upright pictures until it is closed. */
interface CameraSource {
    /** Told what happens, on any thread. */
    interface Receiver {
        /**
         * A picture is there; see [io.edgedepth.demo.core.engine.FrameLoop.offer].
         *
         * @param fill writes it into memory of that size; only valid during the call.
         */
        fun onPicture(height: Int, width: Int, fill: (RgbPicture) -> Unit)

        /** There are none, and there will be none. */
        fun onFault(fault: CameraFault, detail: String)
    }

    /**
     * Begins.
     *
     * @param displayDegrees by how much the display is turned from its natural position: 0, 90, 180 or 270.
     */
    fun start(displayDegrees: Int, receiver: Receiver): Closeable
}

/** Gives a camera's frame on, turned clockwise by [turn] degrees; it is only read during the call. */
fun CameraSource.Receiver.onFrame(frame: YuvFrame, turn: Int) {
    val isSideways = turn == 90 || turn == 270
    val height = if (isSideways) frame.width else frame.height
    val width = if (isSideways) frame.height else frame.width
    onPicture(height, width) { frame.toRgb(turn, it) }
}

/**
 * By how much a camera's picture must be turned clockwise to stand upright on the display.
 *
 * @param sensorDegrees how the sensor is mounted, clockwise, as the camera says.
 * @param facingFront whether it looks at the user, and turns the other way.
 */
fun uprightTurn(sensorDegrees: Int, displayDegrees: Int, facingFront: Boolean): Int =
    ((if (facingFront) sensorDegrees + displayDegrees else sensorDegrees - displayDegrees) + 360) % 360

/**
 * Of a camera's sizes (width to height), the smallest that has at least as many pixels as asked for, or else the
 * largest: depth networks look at few pixels, and converting many costs time.
 */
fun closestSize(sizes: List<Pair<Int, Int>>, wanted: Int): Pair<Int, Int>? =
    sizes.filter { it.first * it.second >= wanted }.minByOrNull { it.first * it.second }
        ?: sizes.maxByOrNull { it.first * it.second }
