package io.edgedepth.demo.core.bench

import java.util.Locale

/** Relative spread from which a time is invalid: interquartile range / 1.349 (a normal's sigma) over the median. */
private const val NOISY_SPREAD = 0.15
private const val SIGMA_OF_IQR = 1.349

/** By how much the last quarter of the samples may be slower than the first. */
private const val DRIFT = 0.10

/** Samples below which a drift is chance. */
private const val ENOUGH_FOR_DRIFT = 20

/** Why a time must not be quoted, by the rules and in the words of `edgedepth.bench.validity`; empty where it may. */
fun reasonsAgainst(circumstances: Circumstances, measured: Measured): List<String> {
    val samples = measured.times.samplesMs
    val plan = circumstances.plan
    return listOfNotNull(
        "an emulated processor: its time is no device's".takeIf { circumstances.device.place == "emulated" },
        "${samples.size} timed runs where at least ${plan.runs} were asked".takeIf { samples.size < plan.runs },
        text("%.1f s of timed runs where at least %s were asked", measured.times.seconds, short(plan.seconds))
            .takeIf { measured.times.seconds < plan.seconds },
        noise(Summary(samples)),
        changed(measured, "the charger was plugged in or out") { it.plugged },
        changed(measured, "the low-power mode changed") { it.lowPower },
        throttled(measured),
        drift(samples),
    )
}

private fun noise(summary: Summary): String? {
    if (!(summary.median > 0)) return "the runtime took no measurable time"
    val spread = summary.iqr / SIGMA_OF_IQR / summary.median
    if (spread <= NOISY_SPREAD) return null
    return text("too noisy: the spread is %.0f %% of the median (at most %.0f)", 100 * spread, 100 * NOISY_SPREAD)
}

private fun drift(samples: DoubleArray): String? {
    if (samples.size < ENOUGH_FOR_DRIFT) return null
    val quarter = samples.size / 4
    val first = quantile(samples.copyOf(quarter), 0.5)
    val last = quantile(samples.copyOfRange(samples.size - quarter, samples.size), 0.5)
    if (last <= (1 + DRIFT) * first) return null
    return text("it slowed down while it was measured: %.2f to %.2f ms", first, last)
}

private fun throttled(measured: Measured): String? =
    measured.readings.mapNotNull { it.state.thermalStatus }.maxOrNull()?.takeIf { it > 0 }
        ?.let { "throttled: thermal status $it was reached (at most 0)" }

private fun changed(measured: Measured, said: String, of: (DeviceState) -> Boolean?): String? =
    "the device changed underneath: $said".takeIf { measured.readings.mapNotNull { of(it.state) }.distinct().size > 1 }

private fun short(number: Double): String = number.toString().removeSuffix(".0")

private fun text(format: String, vararg values: Any): String = String.format(Locale.ROOT, format, *values)
