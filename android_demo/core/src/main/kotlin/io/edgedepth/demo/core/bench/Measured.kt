package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.engine.EngineReport

/**
 * The device's state at one moment; null where it does not tell.
 *
 * @property thermalStatus 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown.
 * @property batteryLevel percent.
 * @property batteryCelsius degrees.
 * @property headroom `PowerManager.getThermalHeadroom`; at 1.0 severe throttling begins. Not a number where unknown.
 */
data class DeviceState(
    val thermalStatus: Int? = null,
    val batteryLevel: Int? = null,
    val batteryCelsius: Double? = null,
    val plugged: Boolean? = null,
    val lowPower: Boolean? = null,
    val screenOn: Boolean? = null,
    val headroom: Double? = null,
)

/** A state and when it was: seconds after the first timed run began, negative before it. */
data class Reading(val atSeconds: Double, val state: DeviceState)

/**
 * What happened before the timed runs.
 *
 * @property initMs from the file's bytes to a model that can run.
 * @property firstMs the first inference.
 * @property warmupMs mean of the other warm-up runs; null where there was only one.
 * @property warmupRuns all of them.
 */
data class Phases(val initMs: Double, val firstMs: Double, val warmupMs: Double?, val warmupRuns: Int)

/**
 * The timed runs.
 *
 * @property samplesMs one per run, in order.
 * @property seconds from the first one's begin to the last one's end.
 */
class Times(val samplesMs: DoubleArray, val seconds: Double)

/** One minute of a sustained run, counted from 1, and the device's state at its end. */
data class Minute(val minute: Int, val count: Int, val medianMs: Double, val p90Ms: Double, val state: DeviceState)

/**
 * Of the app's process.
 *
 * @property peakMb highest size, in MB of 1 000 000 bytes.
 * @property beforeMb before the model was opened.
 * @property method how it was found.
 */
data class Memory(val peakMb: Double, val beforeMb: Double, val method: String)

/** A whole measurement. */
class Measured(
    val sha256: String,
    val report: EngineReport,
    val phases: Phases,
    val times: Times,
    val sustained: List<Minute>,
    val memory: Memory?,
    val readings: List<Reading>,
)
