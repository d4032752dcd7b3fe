package io.edgedepth.demo.desktop

import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.core.engine.GraphTensor
import java.io.File
import java.nio.ByteBuffer

/** Numbers of LiteRT's element types. */
private val DTYPES = mapOf(1 to "float32", 3 to "uint8", 9 to "int8")

/**
 * LiteRT on this computer's processor.
 *
 * @param shim the library that `litert_engine.c` was compiled to.
 * @param library LiteRT's `libLiteRt.so`.
 * @param version of LiteRT, which the library does not tell.
 */
class DesktopOpener(shim: File, private val library: File, private val version: String) : EngineOpener {
    init {
        System.load(shim.absolutePath)
    }

    override fun open(model: ByteBuffer, options: EngineOptions): Engine {
        if (options.accelerator != Accelerator.CPU) {
            throw DelegationException(
                "The ${options.accelerator.name} does not run the model.",
                "LiteRT on this computer has no accelerator for it.",
                "Run it on the CPU.",
            )
        }
        return translated("The model cannot be opened.", "Choose another model.") {
            Native.load(library.absolutePath)
            DesktopEngine(model, Native.open(model, options.threads ?: 0, options.output), report(options.threads))
        }
    }

    private fun report(threads: Int?) = EngineReport("litert", version, Accelerator.CPU, threads)

    companion object {
        /** As `android_demo/check` sets it up; null where tests are run without it. */
        fun ofProperties(): DesktopOpener? {
            val shim = System.getProperty("edgedepth.shim") ?: return null
            return DesktopOpener(
                File(shim),
                File(System.getProperty("edgedepth.litert")),
                System.getProperty("edgedepth.litert.version"),
            )
        }
    }
}

/** @param model kept, because LiteRT reads weights where they lie. */
private class DesktopEngine(
    @Suppress("unused") private val model: ByteBuffer,
    private val handle: Long,
    override val report: EngineReport,
) : Engine {
    private var isOpen = true
    override val input = tensor(output = false)
    override val output = tensor(output = true)

    override fun run(input: ByteBuffer, output: ByteBuffer) {
        check(isOpen) { "the engine is closed" }
        require(input.isDirect && input.capacity() == this.input.bytes) { "an input of ${input.capacity()} bytes" }
        require(output.isDirect && output.capacity() == this.output.bytes) { "an output of ${output.capacity()} bytes" }
        translated("The model could not be run.", "Choose another model.") { Native.run(handle, input, output) }
    }

    override fun close() {
        if (isOpen) Native.close(handle)
        isOpen = false
    }

    private fun tensor(output: Boolean): GraphTensor {
        val numbers = Native.shape(handle, output)
        val dtype = DTYPES[numbers[0]] ?: "element type ${numbers[0]}"
        return GraphTensor(Native.name(handle, output), numbers.drop(1), dtype, Native.bytes(handle, output))
    }
}

private inline fun <T> translated(what: String, remedy: String, step: () -> T): T = try {
    step()
} catch (error: IllegalStateException) {
    throw EngineException(what, error.message.orEmpty(), remedy, error)
}
