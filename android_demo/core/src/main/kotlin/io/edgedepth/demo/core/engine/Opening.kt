package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.artifact.Artifact
import io.edgedepth.demo.core.artifact.FileEntry
import io.edgedepth.demo.core.artifact.TensorSpec
import java.nio.ByteBuffer

/**
 * Opens a graph and holds the runtime to what was asked: where [EngineOptions.strict], an accelerator that did not take
 * the whole graph, or does not tell, is an error.
 *
 * @throws io.edgedepth.demo.core.DemoException as [EngineOpener.open].
 * @throws DelegationException only a part of the graph was taken.
 */
fun EngineOpener.openStrictly(model: ByteBuffer, options: EngineOptions): Engine {
    val engine = open(model, options)
    try {
        requireAsked(engine.report, options)
        return engine
    } catch (error: DelegationException) {
        engine.close()
        throw error
    }
}

/**
 * Opens one graph of an artifact, checked: its bytes, its tensors, and who runs it.
 *
 * @throws io.edgedepth.demo.core.DemoException as [Artifact.graph] and [openStrictly].
 * @throws ArtifactException its tensors are not those of the manifest.
 */
fun EngineOpener.openGraph(
    artifact: Artifact,
    entry: FileEntry,
    options: EngineOptions,
    clock: Clock = Clock.SYSTEM,
): DepthPipeline {
    val engine = openStrictly(artifact.graph(entry), options.copy(output = entry.output.tensor.name))
    var opened = false
    try {
        requireTensor(entry, "input", engine.input, entry.input.tensor)
        requireTensor(entry, "output", engine.output, entry.output.tensor)
        return DepthPipeline(entry, engine, clock).also { opened = true }
    } finally {
        if (!opened) engine.close()
    }
}

private fun requireAsked(report: EngineReport, options: EngineOptions) {
    if (!options.strict || options.accelerator == Accelerator.CPU) return
    val name = options.accelerator.name
    val taken = when {
        report.accelerator != options.accelerator -> "It runs on the ${report.accelerator.name}."
        report.fullyAccelerated == true -> return
        report.delegated != null && report.nodes != null ->
            "It took ${report.delegated} of ${report.nodes} operators."
        report.fullyAccelerated == null -> "The runtime does not tell whether it did."
        else -> "It took only a part."
    }
    throw DelegationException(
        "The $name does not run the whole model.",
        taken,
        "Run it on the CPU, or choose a model that was checked with `edgedepth preflight`.",
    )
}

private fun requireTensor(entry: FileEntry, role: String, found: GraphTensor, promised: TensorSpec) {
    if (found.shape == promised.shape && found.dtype == promised.dtype) return
    throw ArtifactException(
        Fault.MISMATCHED,
        "${entry.path} does not fit its manifest.",
        "Its $role is ${found.dtype} ${found.shape.joinToString("x")}; " +
            "the manifest says ${promised.dtype} ${promised.shape.joinToString("x")}.",
        "Export the model again and bundle it anew.",
    )
}
