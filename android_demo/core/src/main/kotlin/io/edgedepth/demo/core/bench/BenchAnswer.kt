package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.json.Json

/** The answer to a request as UTF-8 JSON (docs/app-benchmark.md), from what was measured. */
fun answer(request: BenchRequest, appVersion: String, measured: Measured): String = Json.write(
    heading(request.token, appVersion) + known(
        "model_sha256" to measured.sha256,
        "runtime" to runtimeOf(measured),
        "phases" to phasesOf(measured.phases),
        "times" to known(
            "samples_ms" to measured.times.samplesMs,
            "count" to measured.times.samplesMs.size,
            "seconds" to measured.times.seconds,
        ),
        "sustained" to measured.sustained.map(::minuteOf),
        "memory" to measured.memory?.let(::memoryOf),
        "readings" to measured.readings.map { readingOf(it.atSeconds, it.state) },
        "headroom" to measured.readings.mapNotNull { reading ->
            reading.state.headroom?.takeIf(Double::isFinite)?.let { known("at_s" to reading.atSeconds, "value" to it) }
        },
    ),
)

/** The answer where there are no times. */
fun failure(token: String, appVersion: String, error: DemoException): String =
    Json.write(heading(token, appVersion) + ("failure" to listOf(error.what, error.evidence).joinToString(" ").trim()))

private fun heading(token: String, appVersion: String): Map<String, Any?> =
    known("schema" to CONTRACT, "token" to token, "app_version" to appVersion)

/** Members that are known; null ones are left out. */
internal fun known(vararg members: Pair<String, Any?>): Map<String, Any?> = members.filter { it.second != null }.toMap()

internal fun runtimeOf(measured: Measured): Map<String, Any?> = with(measured.report) {
    known(
        "name" to name,
        "version" to version,
        "accelerator" to accelerator.text,
        "threads" to threads,
        "delegated" to delegated,
        "nodes" to nodes,
        "partitions" to partitions,
        "fully_accelerated" to fullyAccelerated,
    )
}

internal fun phasesOf(phases: Phases): Map<String, Any?> = known(
    "init_ms" to phases.initMs,
    "first_ms" to phases.firstMs,
    "warmup_ms" to phases.warmupMs,
    "warmup_runs" to phases.warmupRuns,
)

internal fun minuteOf(minute: Minute): Map<String, Any?> = known(
    "minute" to minute.minute,
    "count" to minute.count,
    "median_ms" to minute.medianMs,
    "p90_ms" to minute.p90Ms,
    "thermal_status" to minute.state.thermalStatus,
    "battery_c" to minute.state.batteryCelsius,
)

internal fun memoryOf(memory: Memory): Map<String, Any?> =
    known("peak_mb" to memory.peakMb, "before_mb" to memory.beforeMb, "method" to memory.method)

internal fun readingOf(atSeconds: Double, state: DeviceState): Map<String, Any?> = known(
    "at_s" to atSeconds,
    "thermal_status" to state.thermalStatus,
    "battery_level" to state.batteryLevel,
    "battery_c" to state.batteryCelsius,
    "plugged" to state.plugged,
    "low_power" to state.lowPower,
    "screen_on" to state.screenOn,
)
