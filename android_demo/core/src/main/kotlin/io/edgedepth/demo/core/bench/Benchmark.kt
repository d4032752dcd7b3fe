package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.artifact.sha256
import io.edgedepth.demo.core.engine.Clock
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.openStrictly
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.random.Random

private const val MS = 1e-6
private const val SECOND = 1e9
private const val NOISE_SEED = 1

/** What the protocol needs to know of the device. */
interface BenchDevice {
    /** Its state now. */
    fun state(): DeviceState

    /** Size of the app's process now, in MB of 1 000 000 bytes; null where unknown. */
    fun memoryMb(): Double?

    /** How [memoryMb] is found. */
    val memoryMethod: String
}

/**
 * The measuring protocol: open, warm up, timed runs, sustained minutes; one thread.
 *
 * Every run counts from handing the input over until the output can be read.
 *
 * @param progress told what it is doing, for a screen; never within a timed run.
 */
class Benchmark(
    private val opener: EngineOpener,
    private val device: BenchDevice,
    private val clock: Clock = Clock.SYSTEM,
    private val progress: (String) -> Unit = {},
) {
    /**
     * Measures a graph.
     *
     * @param model as for [EngineOpener.open].
     * @throws io.edgedepth.demo.core.DemoException it cannot be opened as asked, or it failed.
     */
    fun measure(model: ByteBuffer, options: EngineOptions, plan: BenchPlan): Measured {
        val sha256 = sha256(model)
        val before = device.memoryMb()
        val began = clock.nanos()
        progress("Opening the model")
        return opener.openStrictly(model, options).use { engine ->
            val opened = clock.nanos()
            Measuring(engine, plan).run(sha256, (opened - began) * MS, before)
        }
    }

    private inner class Measuring(private val engine: Engine, private val plan: BenchPlan) {
        private val input = noise(engine)
        private val output = direct(engine.output.bytes)
        private val states = ArrayList<Pair<Long, DeviceState>>()
        private var peakMb = 0.0
        private var end = 0L

        fun run(sha256: String, initMs: Double, beforeMb: Double?): Measured {
            look()
            progress("Warming up")
            val begun = clock.nanos()
            val warm = repeat(plan.warmupRuns.coerceAtLeast(1), plan.warmupSeconds, plan.maxSeconds)
            val left = plan.maxSeconds + plan.warmupSeconds - (clock.nanos() - begun) / SECOND
            look()
            progress("Measuring")
            val first = clock.nanos()
            val samples = repeat(plan.runs.coerceAtLeast(1), plan.seconds, left.coerceAtMost(plan.maxSeconds))
            val seconds = (end - first) / SECOND
            look()
            val minutes = sustained()
            return Measured(
                sha256,
                engine.report,
                Phases(initMs, warm[0], warm.drop(1).takeIf { it.isNotEmpty() }?.average(), warm.size),
                Times(samples, seconds),
                minutes,
                beforeMb?.let { Memory(maxOf(peakMb, it), it, device.memoryMethod) },
                states.map { (at, state) -> Reading((at - first) / SECOND, state) },
            )
        }

        private fun sustained(): List<Minute> {
            val found = ArrayList<Minute>()
            var left = plan.sustainedMinutes * 60
            while (left > 0) {
                progress("Running on: minute ${found.size + 1}")
                val samples = repeat(1, left.coerceAtMost(60.0), Double.POSITIVE_INFINITY)
                left -= 60
                val state = look()
                found += Minute(found.size + 1, samples.size, quantile(samples, 0.5), quantile(samples, 0.9), state)
            }
            return found
        }

        /** Runs until both counts are reached, but no longer than [most] seconds; at least once. */
        private fun repeat(runs: Int, seconds: Double, most: Double): DoubleArray {
            var samples = DoubleArray(1024)
            var count = 0
            val start = clock.nanos()
            do {
                val begin = clock.nanos()
                engine.run(input, output)
                end = clock.nanos()
                if (count == samples.size) samples = samples.copyOf(2 * count)
                samples[count++] = (end - begin) * MS
                val spent = (end - start) / SECOND
            } while ((count < runs || spent < seconds) && spent < most)
            return samples.copyOf(count)
        }

        private fun look(): DeviceState {
            device.memoryMb()?.let { peakMb = maxOf(peakMb, it) }
            return device.state().also { states += clock.nanos() to it }
        }
    }
}

/** The same noise in every measurement: 0 to 1 for floats, any byte otherwise. */
private fun noise(engine: Engine): ByteBuffer {
    val buffer = direct(engine.input.bytes)
    val random = Random(NOISE_SEED)
    if (engine.input.dtype == "float32") {
        while (buffer.hasRemaining()) buffer.putFloat(random.nextFloat())
    } else {
        while (buffer.hasRemaining()) buffer.put(random.nextInt().toByte())
    }
    buffer.rewind()
    return buffer
}

private fun direct(bytes: Int) = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())
