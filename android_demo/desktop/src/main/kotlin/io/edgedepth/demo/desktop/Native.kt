package io.edgedepth.demo.desktop

import java.nio.ByteBuffer

/**
 * The entry points of `litert_engine.c`. Buffers are direct and of a tensor's size; handles come from [open] and end
 * with [close]. Failures are [IllegalStateException] with one line.
 */
internal object Native {
    /** Opens LiteRT's library; only the first call does anything. */
    @JvmStatic external fun load(library: String)

    /**
     * Opens a graph; its bytes must stay as they are until [close]. [threads] 0: as LiteRT decides. [output] names the
     * one that is read, where there are several; null: the first.
     */
    @JvmStatic external fun open(model: ByteBuffer, threads: Int, output: String?): Long

    @JvmStatic external fun name(engine: Long, output: Boolean): String

    /** The number of the element's type, then the sizes. */
    @JvmStatic external fun shape(engine: Long, output: Boolean): IntArray

    @JvmStatic external fun bytes(engine: Long, output: Boolean): Int

    @JvmStatic external fun run(engine: Long, input: ByteBuffer, output: ByteBuffer)

    @JvmStatic external fun close(engine: Long)
}
