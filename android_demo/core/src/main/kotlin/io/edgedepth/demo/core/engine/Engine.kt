package io.edgedepth.demo.core.engine

import java.io.Closeable
import java.nio.ByteBuffer

/** More threads than any phone has cores for; who asks for more made a mistake, and might exhaust the phone. */
const val MOST_THREADS = 64

/** What can run a graph. */
enum class Accelerator(val text: String) {
    CPU("cpu"),
    GPU("gpu"),
}

/**
 * How to run a graph.
 *
 * @property threads of the processor; null: as the runtime decides.
 * @property strict whether the accelerator must take the whole graph, so that nothing runs elsewhere unnoticed.
 * @property output name of the output that is read, where the graph has several; null: the first one.
 */
data class EngineOptions(
    val accelerator: Accelerator,
    val threads: Int? = null,
    val strict: Boolean = true,
    val output: String? = null,
)

/**
 * What really runs a graph.
 *
 * @property name of the runtime, such as `litert`.
 * @property version of the runtime.
 * @property accelerator the one in use.
 * @property threads in use; null where the runtime decides.
 * @property delegated how many of [nodes] operators the accelerator took; null where the runtime does not tell.
 * @property nodes operators of the graph; null where the runtime does not tell.
 * @property partitions in how many pieces they were taken; null where the runtime does not tell.
 * @property fullyAccelerated whether the accelerator runs the whole graph; null where the runtime does not tell.
 */
data class EngineReport(
    val name: String,
    val version: String,
    val accelerator: Accelerator,
    val threads: Int? = null,
    val delegated: Int? = null,
    val nodes: Int? = null,
    val partitions: Int? = null,
    val fullyAccelerated: Boolean? = null,
)

/**
 * A graph's input or output as its runtime reports it.
 *
 * @property bytes of one value of it.
 */
data class GraphTensor(val name: String, val shape: List<Int>, val dtype: String, val bytes: Int)

/**
 * One graph with one input, opened in a runtime; of its outputs one is read.
 *
 * One thread opens, runs and closes it.
 */
interface Engine : Closeable {
    val report: EngineReport
    val input: GraphTensor
    val output: GraphTensor

    /**
     * Runs the graph once and returns when [output] can be read.
     *
     * @param input direct, native byte order, exactly [GraphTensor.bytes] from position 0; position and limit stay.
     * @param output likewise; receives the result.
     * @throws io.edgedepth.demo.core.EngineException the runtime failed.
     */
    fun run(input: ByteBuffer, output: ByteBuffer)
}

/** Opens graphs in one runtime. */
fun interface EngineOpener {
    /**
     * Opens a graph.
     *
     * @param model the file's bytes: direct, from position 0 to the limit; must stay as they are until the engine is
     *     closed.
     * @throws io.edgedepth.demo.core.EngineException the runtime cannot open it.
     * @throws io.edgedepth.demo.core.DelegationException the accelerator is not there, or refuses.
     */
    fun open(model: ByteBuffer, options: EngineOptions): Engine
}
