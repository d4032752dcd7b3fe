package io.edgedepth.demo.core

import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.core.engine.GraphTensor
import java.nio.ByteBuffer

/** A graph of [HEIGHT] x [WIDTH] whose output is the red channel. */
class FakeEngine(override val report: EngineReport, private val before: () -> Unit = {}) : Engine {
    override val input = GraphTensor("image", listOf(1, HEIGHT, WIDTH, 3), "float32", HEIGHT * WIDTH * 12)
    override val output = GraphTensor("disparity", listOf(1, HEIGHT, WIDTH, 1), "float32", HEIGHT * WIDTH * 4)
    val threads = HashSet<Thread>()
    var runs = 0
    var isClosed = false

    override fun run(input: ByteBuffer, output: ByteBuffer) {
        check(!isClosed) { "run after close" }
        threads += Thread.currentThread()
        runs++
        before()
        for (i in 0 until HEIGHT * WIDTH) output.putFloat(4 * i, input.getFloat(12 * i))
    }

    override fun close() {
        check(!isClosed) { "closed twice" }
        threads += Thread.currentThread()
        isClosed = true
    }
}

/** Opens fake engines and keeps the last. */
class FakeOpener(
    private val report: (EngineOptions) -> EngineReport = { EngineReport("fake", "1", it.accelerator, it.threads) },
    private val before: () -> Unit = {},
) : EngineOpener {
    lateinit var engine: FakeEngine

    override fun open(model: ByteBuffer, options: EngineOptions): Engine {
        require(model.isDirect && model.position() == 0)
        return FakeEngine(report(options), before).also { engine = it }
    }
}

val CPU = EngineOptions(Accelerator.CPU, threads = 2)
val GPU = EngineOptions(Accelerator.GPU)
