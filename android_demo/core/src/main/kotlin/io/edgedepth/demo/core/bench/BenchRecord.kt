package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.artifact.FileEntry
import io.edgedepth.demo.core.artifact.Manifest
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.json.Json

/** Layout of `edgedepth.bench.schema.Record`. */
private const val RECORD_SCHEMA = 1

/**
 * The device, in the words of `edgedepth.bench.schema.Device`.
 *
 * @property id stable and anonymous.
 * @property name manufacturer and model, as `edgedepth devices` shows it.
 * @property soc manufacturer and model of the chip; empty where unknown.
 * @property system such as `Android 15 (SDK 35)`.
 */
data class DeviceFacts(
    val place: String,
    val id: String,
    val name: String,
    val soc: String,
    val abi: String,
    val system: String,
    val fingerprint: String,
    val cores: Int,
)

/**
 * What a record says besides the measurement.
 *
 * @property appVersion of this app.
 * @property matrix identity of what was measured together: any text, the same for those records.
 * @property started UTC, ISO 8601, to the second.
 */
data class Circumstances(
    val appVersion: String,
    val matrix: String,
    val started: String,
    val device: DeviceFacts,
    val options: EngineOptions,
    val plan: BenchPlan,
)

/**
 * One line of a result file, with its line end, as `edgedepth bench compare` and `bench report` read it.
 *
 * A measurement started by hand on the phone leaves this; one that a computer asked for leaves [answer].
 */
fun record(manifest: Manifest, entry: FileEntry, circumstances: Circumstances, measured: Measured): String {
    val reasons = reasonsAgainst(circumstances, measured)
    val options = circumstances.options
    val runtime = runtimeOf(measured) + known(
        "name" to "app",
        "version" to "${measured.report.name} ${measured.report.version}, app ${circumstances.appVersion}",
        "accelerator" to options.accelerator.text,
        // The processor takes every graph; only of an accelerator it must be known.
        "strict" to (options.strict && options.accelerator != Accelerator.CPU),
    ) + mapOf("threads" to options.threads)
    val line = known(
        "type" to "record",
        "schema_version" to RECORD_SCHEMA,
        "edgedepth" to circumstances.appVersion,
        "matrix" to circumstances.matrix,
        "started" to circumstances.started,
        "subject" to subjectOf(manifest, entry, measured),
        "device" to deviceOf(circumstances.device),
        "runtime" to runtime,
        "plan" to planOf(circumstances.plan),
        "phases" to phasesOf(measured.phases),
        "latency" to latencyOf(measured.times),
        "sustained" to measured.sustained.map(::minuteOf),
        "conditions" to known("readings" to measured.readings.map { readingOf(it.atSeconds, it.state) }),
        "memory" to measured.memory?.let(::memoryOf),
        "valid" to reasons.isEmpty(),
        "invalid_reasons" to reasons,
    )
    return Json.write(line) + "\n"
}

private fun subjectOf(manifest: Manifest, entry: FileEntry, measured: Measured): Map<String, Any?> = known(
    "label" to entry.path.substringAfterLast('/'),
    "sha256" to measured.sha256,
    "bytes" to entry.bytes,
    "format" to entry.format,
    "precision" to entry.precision,
    "model" to manifest.model,
    "size" to listOf(entry.height, entry.width),
    "batch" to entry.input.tensor.batch,
    "macs" to manifest.macs["${entry.height}x${entry.width}"],
    "parameters" to manifest.parameters,
    "weights" to manifest.weights,
)

private fun deviceOf(device: DeviceFacts): Map<String, Any?> = known(
    "place" to device.place,
    "id" to device.id,
    "name" to device.name,
    "soc" to device.soc,
    "abi" to device.abi,
    "system" to device.system,
    "fingerprint" to device.fingerprint,
    "cores" to device.cores,
)

private fun planOf(plan: BenchPlan): Map<String, Any?> = known(
    "runs" to plan.runs,
    "seconds" to plan.seconds,
    "warmup_runs" to plan.warmupRuns,
    "warmup_seconds" to plan.warmupSeconds,
    "max_seconds" to plan.maxSeconds,
    "sustained_minutes" to plan.sustainedMinutes,
)

private fun latencyOf(times: Times): Map<String, Any?> = with(Summary(times.samplesMs)) {
    known(
        "samples_ms" to times.samplesMs,
        "count" to count,
        "seconds" to times.seconds,
        "mean" to mean,
        "std" to std,
        "minimum" to minimum,
        "p5" to p5,
        "median" to median,
        "p90" to p90,
        "p95" to p95,
        "p99" to p99,
        "maximum" to maximum,
        "iqr" to iqr,
        "ci95" to ci95.toList(),
    )
}
