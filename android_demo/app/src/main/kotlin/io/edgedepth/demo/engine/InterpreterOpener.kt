package io.edgedepth.demo.engine

import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.core.engine.GraphTensor
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import org.tensorflow.lite.TensorFlowLite
import org.tensorflow.lite.executionPlanLengthOrNull
import org.tensorflow.lite.gpu.GpuDelegate
import java.nio.ByteBuffer

private const val OTHER_MODEL = "Choose another model or precision."
private const val USE_CPU = "Run it on the CPU."
private const val USE_CPU_OR_OTHER = "Run it on the CPU, or choose a model that was checked with `edgedepth preflight`."

/** Opens graphs with LiteRT's interpreter: on the processor (XNNPACK), or with its GPU delegate. */
class InterpreterOpener : EngineOpener {
    override fun open(model: ByteBuffer, options: EngineOptions): Engine {
        requireLibrary()
        val delegate = if (options.accelerator == Accelerator.GPU) gpuDelegate() else null
        var interpreter: Interpreter? = null
        var opened = false
        try {
            interpreter = interpreter(model, options, delegate)
            return InterpreterEngine(interpreter, delegate, options).also { opened = true }
        } finally {
            if (!opened) {
                interpreter?.close()
                delegate?.close()
            }
        }
    }

    private fun requireLibrary() {
        try {
            TensorFlowLite.init()
        } catch (error: UnsatisfiedLinkError) {
            throw EngineException(
                "The runtime is not in this app.",
                firstLine(error),
                "Build the app for this phone's processor; see abiFilters in app/build.gradle.kts.",
                error,
            )
        }
    }

    private fun gpuDelegate(): GpuDelegate = try {
        GpuDelegate()
    } catch (error: LinkageError) {
        throw DelegationException("The GPU's library is not in this app.", firstLine(error), USE_CPU, error)
    } catch (error: RuntimeException) {
        throw DelegationException("The GPU cannot be used.", firstLine(error), USE_CPU, error)
    }

    private fun interpreter(model: ByteBuffer, options: EngineOptions, delegate: GpuDelegate?): Interpreter {
        val settings = Interpreter.Options()
        options.threads?.let(settings::setNumThreads)
        if (delegate != null) {
            settings.addDelegate(delegate)
            // Else XNNPACK would take what the GPU refuses, and the graph would look delegated as a whole.
            settings.setUseXNNPACK(false)
        }
        try {
            return Interpreter(model, settings)
        } catch (error: RuntimeException) {
            val why = firstLine(error)
            throw if (delegate == null) EngineException("The model cannot be opened.", why, OTHER_MODEL, error)
            else DelegationException("The GPU does not run the model.", why, USE_CPU_OR_OTHER, error)
        }
    }
}

private class InterpreterEngine(
    private val interpreter: Interpreter,
    private val delegate: GpuDelegate?,
    options: EngineOptions,
) : Engine {
    private val outputIndex = indexOf(options.output)
    private val inputs = arrayOfNulls<Any>(1)
    private val outputs = HashMap<Int, Any>(1)
    override val input = tensor(interpreter.getInputTensor(0))
    override val output = tensor(interpreter.getOutputTensor(outputIndex))
    override val report = EngineReport(
        name = "litert",
        version = TensorFlowLite.runtimeVersion(),
        accelerator = options.accelerator,
        threads = options.threads,
        fullyAccelerated = if (delegate == null) null else interpreter.executionPlanLengthOrNull()?.let { it == 1 },
    )

    override fun run(input: ByteBuffer, output: ByteBuffer) {
        inputs[0] = input
        outputs[outputIndex] = output
        try {
            interpreter.runForMultipleInputsOutputs(inputs, outputs)
        } catch (error: RuntimeException) {
            throw EngineException("The model could not be run.", firstLine(error), OTHER_MODEL, error)
        } finally {
            output.rewind() // the interpreter leaves its position at the end
        }
    }

    override fun close() {
        interpreter.close()
        delegate?.close()
    }

    /** Of the output with that name, where there are several. */
    private fun indexOf(name: String?): Int {
        val names = List(interpreter.outputTensorCount) { interpreter.getOutputTensor(it).name() }
        if (name == null || names.size == 1) return 0
        return names.indexOf(name).takeIf { it >= 0 } ?: throw EngineException(
            "The model has no output that is called $name.", "It has: ${names.joinToString()}.", OTHER_MODEL,
        )
    }

    private fun tensor(found: Tensor) =
        GraphTensor(found.name(), found.shape().toList(), dtype(found.dataType()), found.numBytes())

    private fun dtype(type: DataType): String = when (type) {
        DataType.FLOAT32 -> "float32"
        DataType.UINT8 -> "uint8"
        DataType.INT8 -> "int8"
        else -> type.name
    }
}

private fun firstLine(error: Throwable): String =
    error.message?.lineSequence()?.firstOrNull { it.isNotBlank() }?.trim() ?: error.javaClass.simpleName
