package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.artifact.Artifact
import io.edgedepth.demo.core.artifact.OutputContract
import io.edgedepth.demo.core.artifact.OutputKind
import io.edgedepth.demo.core.artifact.Parity
import io.edgedepth.demo.core.artifact.ReferenceEntry
import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.acos
import kotlin.math.asin
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

/**
 * How far two maps are apart.
 *
 * @property maxAbs largest difference; not a number where a value is none.
 * @property meanAbs mean difference.
 * @property correlation Pearson's, over all pixels; 0 where a map is flat.
 */
data class Difference(val maxAbs: Double, val meanAbs: Double, val correlation: Double)

/** What a difference may be at most, and the correlation at least. */
data class Bounds(val maxAbs: Double, val meanAbs: Double, val correlation: Double) {
    /**
     * Bounds for an output that is rounded to steps of [scale]: half a step more in each pixel.
     *
     * An error of at most h in each of n pixels is a vector no longer than h * sqrt(n), and the reference, less its
     * mean, one of its standard deviation times sqrt(n): the angle between the two, whose cosine is the correlation,
     * grows by no more than the arc sine of their ratio.
     */
    fun rounded(scale: Double, reference: FloatArray): Bounds {
        val half = scale / 2
        val angle = acos(correlation) + asin(min(1.0, half / deviation(reference)))
        return Bounds(maxAbs + half, meanAbs + half, cos(min(PI, angle)))
    }

    /** Whether a difference keeps them; one that is not a number never does. */
    fun hold(found: Difference): Boolean =
        found.maxAbs <= maxAbs && found.meanAbs <= meanAbs && found.correlation >= correlation
}

/**
 * What this device gives on one stored reference, against the PyTorch model.
 *
 * @property found on this device.
 * @property exported the same on the computer that exported the file; null where it was not checked there.
 * @property bounds what [found] has to keep.
 */
data class SelfTestResult(
    val reference: ReferenceEntry,
    val found: Difference,
    val exported: Parity?,
    val bounds: Bounds,
) {
    /** Whether the device computes what it should. */
    val passes: Boolean get() = bounds.hold(found)
}

/** The export's own bounds, of the network's output in its range 0 to 1. */
private val SINGLE = Bounds(maxAbs = 1e-4, meanAbs = 1e-5, correlation = 0.999999)
private val HALF = Bounds(maxAbs = 2e-2, meanAbs = 1e-3, correlation = 0.9999)
private val INTEGERS = Bounds(maxAbs = 1.0, meanAbs = 0.1, correlation = 0.8)

/**
 * Runs every reference of the graph's size and compares with what the manifest promises.
 *
 * The bounds are those of the export. A GPU computes in half precision, so it gets the bounds of half precision; an
 * output of integers gets half a step more.
 *
 * @throws io.edgedepth.demo.core.DemoException a reference is missing or damaged, or the runtime failed.
 */
fun selfTest(artifact: Artifact, pipeline: DepthPipeline): List<SelfTestResult> {
    val entry = pipeline.entry
    val bounds = when {
        entry.precision != "fp32" && entry.precision != "fp16" -> INTEGERS
        entry.precision == "fp16" || pipeline.report.accelerator == Accelerator.GPU -> HALF
        else -> SINGLE
    }
    return artifact.manifest.references.filter { it.height == entry.height && it.width == entry.width }.map {
        val reference = artifact.reference(it)
        val found = pipeline.infer(reference.picture).copyOf()
        toNetworkOutput(found, entry.output)
        val scale = entry.output.tensor.quantization?.scale
        val asked = if (scale == null) bounds else bounds.rounded(scale, reference.output)
        SelfTestResult(it, difference(found, reference.output), entry.parity[it.name], asked)
    }
}

/** Depth that the graph decoded back to the disparity that references hold, in place. */
private fun toNetworkOutput(values: FloatArray, contract: OutputContract) {
    if (contract.kind != OutputKind.DEPTH) return
    val low = 1 / contract.high
    val range = 1 / contract.low - low
    for (i in values.indices) values[i] = ((1 / values[i].toDouble() - low) / range).toFloat()
}

private fun deviation(values: FloatArray): Double {
    val mean = values.sumOf(Float::toDouble) / values.size
    return sqrt(values.sumOf { (it - mean) * (it - mean) } / values.size)
}

/** How far [found] is from [expected], value by value. */
fun difference(found: FloatArray, expected: FloatArray): Difference {
    require(found.size == expected.size && found.isNotEmpty()) { "${found.size} and ${expected.size} values" }
    val meanA = found.sumOf(Float::toDouble) / found.size
    val meanB = expected.sumOf(Float::toDouble) / found.size
    var largest = 0.0
    var sum = 0.0
    var together = 0.0
    var spreadA = 0.0
    var spreadB = 0.0
    for (i in found.indices) {
        val apart = abs(found[i].toDouble() - expected[i])
        largest = max(largest, apart) // not a number stays not a number
        sum += apart
        val a = found[i] - meanA
        val b = expected[i] - meanB
        together += a * b
        spreadA += a * a
        spreadB += b * b
    }
    val norm = sqrt(spreadA * spreadB)
    return Difference(largest, sum / found.size, if (norm == 0.0) 0.0 else together / norm)
}
