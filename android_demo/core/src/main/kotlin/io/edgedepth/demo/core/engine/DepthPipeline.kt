package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.artifact.FileEntry
import io.edgedepth.demo.core.depth.Decoder
import io.edgedepth.demo.core.depth.DepthMap
import io.edgedepth.demo.core.depth.Meaning
import io.edgedepth.demo.core.depth.RawOutput
import io.edgedepth.demo.core.depth.meaningOf
import io.edgedepth.demo.core.picture.Preprocessor
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.Closeable

/** A steady clock in nanoseconds; only differences mean anything. */
fun interface Clock {
    fun nanos(): Long

    companion object {
        /** The machine's own. */
        val SYSTEM = Clock(System::nanoTime)
    }
}

/**
 * What one picture cost, in milliseconds.
 *
 * @property pre resizing and conversion.
 * @property model the graph, until its output can be read.
 * @property post decoding, and colours where there are any.
 */
data class StageTimes(val pre: Double, val model: Double, val post: Double) {
    val total: Double get() = pre + model + post
}

/**
 * Pre-processing, a graph and decoding, as one manifest entry says. It owns the engine.
 *
 * One thread opens, uses and closes it. Memory is allocated once per size of pictures; what it returns is valid until
 * the next call.
 *
 * @throws ArtifactException a contract that this version cannot meet.
 */
class DepthPipeline(val entry: FileEntry, private val engine: Engine, private val clock: Clock) : Closeable {
    private val preprocessor = Preprocessor(entry.input)
    private val decoder = Decoder(entry.output)
    private val output = RawOutput(entry.path, entry.output.tensor)
    private var preNanos = 0L
    private var modelNanos = 0L

    /** What runs the graph. */
    val report: EngineReport get() = engine.report

    /** What the depth values are. */
    val meaning: Meaning = meaningOf(entry.output)

    /**
     * What the graph gives for a picture, not decoded, but integers are what they stand for: one value per pixel of the
     * graph's size, row by row.
     *
     * @throws io.edgedepth.demo.core.EngineException the runtime failed.
     */
    fun infer(picture: RgbPicture): FloatArray {
        val start = clock.nanos()
        val input = preprocessor.prepare(picture)
        val prepared = clock.nanos()
        engine.run(input, output.buffer)
        modelNanos = clock.nanos() - prepared
        preNanos = prepared - start
        return output.read()
    }

    /**
     * Depth of a picture at a size, by default its own.
     *
     * @throws io.edgedepth.demo.core.EngineException the runtime failed.
     */
    fun depth(picture: RgbPicture, height: Int = picture.height, width: Int = picture.width): DepthMap =
        decoder.decode(infer(picture), height, width)

    /** What the last picture cost, if all that followed [infer] took until now from [start]. */
    fun timesSince(start: Long): StageTimes {
        val post = clock.nanos() - start - preNanos - modelNanos
        return StageTimes(preNanos * MS, modelNanos * MS, post * MS)
    }

    /** Now, for [timesSince]. */
    fun now(): Long = clock.nanos()

    override fun close() = engine.close()

    private companion object {
        const val MS = 1e-6
    }
}
