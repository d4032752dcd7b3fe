package io.edgedepth.demo.ui

import android.content.res.Resources
import io.edgedepth.demo.R
import io.edgedepth.demo.core.artifact.FileEntry
import io.edgedepth.demo.core.bench.Measured
import io.edgedepth.demo.core.bench.Summary
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.core.engine.Frame
import io.edgedepth.demo.core.engine.SelfTestResult
import io.edgedepth.demo.core.engine.StageTimes
import java.util.Locale

/** Numbers and names as the screens show them. */
class Texts(private val resources: Resources) {
    /** Such as `fp32, 192 x 640, cpu, 4 threads`. */
    fun running(entry: FileEntry, report: EngineReport): String = listOfNotNull(
        graph(entry),
        accelerator(EngineOptions(report.accelerator, report.threads)),
        "${report.name} ${report.version}",
    ).joinToString(" \u00b7 ")

    /** Such as `fp32, 192 x 640`. */
    fun graph(entry: FileEntry): String = "${entry.precision} \u00b7 ${entry.height}\u00d7${entry.width}"

    /** What was asked for. */
    fun accelerator(options: EngineOptions): String {
        val threads = options.threads
        return when {
            options.accelerator == Accelerator.GPU -> resources.getString(R.string.gpu)
            threads == null -> resources.getString(R.string.cpu)
            else -> resources.getQuantityString(R.plurals.cpu_threads, threads, threads)
        }
    }

    /** Model, pre, post and whole time of one picture. */
    fun times(times: StageTimes): String =
        resources.getString(R.string.times, ms(times.model), ms(times.pre), ms(times.post), ms(times.total))

    /** What a camera's pictures came to; null for the first one, which makes no rate. */
    fun rate(frame: Frame): String? =
        if (frame.perSecond > 0) resources.getString(R.string.rate, decimal(frame.perSecond), frame.dropped) else null

    /** Of `PowerManager`: 0 to 6; null where the phone does not tell. */
    fun thermal(status: Int?): String {
        val names = resources.getStringArray(R.array.thermal)
        val name = names.getOrNull(status ?: -1) ?: resources.getString(R.string.unknown)
        return resources.getString(R.string.thermal_line, name)
    }

    /** One reference of the self-test. */
    fun selfTest(result: SelfTestResult): String {
        val found = result.found
        val judgement = resources.getString(if (result.passes) R.string.passes else R.string.differs)
        val lines = mutableListOf(
            "${result.reference.name}: $judgement",
            resources.getString(R.string.largest, small(found.maxAbs), small(result.bounds.maxAbs)),
            resources.getString(R.string.mean, small(found.meanAbs), small(result.bounds.meanAbs)),
            resources.getString(R.string.correlation, "%.6f".format(Locale.ROOT, found.correlation)),
        )
        result.exported?.let { lines += resources.getString(R.string.exported, small(it.maxAbs)) }
        return lines.joinToString("\n")
    }

    /** A measurement's times. */
    fun measured(measured: Measured): String = with(Summary(measured.times.samplesMs)) {
        val phases = measured.phases
        val lines = mutableListOf(
            resources.getString(R.string.median, ms(median), ms(ci95.first), ms(ci95.second)),
            resources.getString(R.string.spread, ms(minimum), ms(p90), ms(maximum), count),
            resources.getString(R.string.phases, ms(phases.initMs), ms(phases.firstMs)),
        )
        measured.memory?.let { lines += resources.getString(R.string.memory, decimal(it.peakMb), decimal(it.beforeMb)) }
        measured.sustained.mapTo(lines) {
            val heat = thermal(it.state.thermalStatus)
            resources.getString(R.string.minute, it.minute, ms(it.medianMs), ms(it.p90Ms), heat)
        }
        lines.joinToString("\n")
    }

    /** A distance in metres. */
    fun metres(distance: Double): String = resources.getString(R.string.metres, decimal(distance))

    private fun ms(time: Double) = "%.1f".format(Locale.ROOT, time)

    private fun decimal(value: Double) = "%.1f".format(Locale.ROOT, value)

    private fun small(value: Double) = "%.1e".format(Locale.ROOT, value)
}
