package io.edgedepth.demo.core.bench

import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.ln
import kotlin.math.sqrt

/** The quantile of samples in any order, linear between neighbours in rank; [share] is 0 to 1. */
fun quantile(samples: DoubleArray, share: Double): Double = ordered(samples.sortedArray(), share)

/** Everything about one set of samples, in their unit, as `edgedepth.bench.statistics.summarize` has it. */
class Summary(samples: DoubleArray) {
    private val sorted = samples.sortedArray()
    val count = sorted.size
    val mean = sorted.average()

    /** Of the samples (n - 1); 0 for a single one. */
    val std = if (count > 1) sqrt(sorted.sumOf { (it - mean) * (it - mean) } / (count - 1)) else 0.0
    val minimum = sorted.first()
    val p5 = ordered(sorted, 0.05)
    val median = ordered(sorted, 0.5)
    val p90 = ordered(sorted, 0.9)
    val p95 = ordered(sorted, 0.95)
    val p99 = ordered(sorted, 0.99)
    val maximum = sorted.last()

    /** 75th minus 25th percentile. */
    val iqr = ordered(sorted, 0.75) - ordered(sorted, 0.25)

    /** Two of the samples, between which the median lies in at least 95 % of all cases. */
    val ci95: Pair<Double, Double>

    init {
        val rank = medianRank(count)
        ci95 = sorted[rank] to sorted[count - 1 - rank]
    }
}

private fun ordered(sorted: DoubleArray, share: Double): Double {
    val position = (sorted.size - 1) * share
    val below = sorted[floor(position).toInt()]
    val above = sorted[ceil(position).toInt()]
    return below + (above - below) * (position - floor(position))
}

/** How many samples may be cut off on either side: how many lie below the median is binomial (n, 1/2). */
private fun medianRank(count: Int): Int {
    var logTerm = -count * ln(2.0)
    var below = exp(logTerm)
    var rank = 0
    while (below < 0.025) {
        rank++
        logTerm += ln((count - rank + 1).toDouble() / rank)
        below += exp(logTerm)
    }
    return (rank - 1).coerceAtLeast(0)
}
