package io.edgedepth.demo.bench

import android.content.res.AssetManager
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.RequestException
import io.edgedepth.demo.core.bench.BenchPlan
import io.edgedepth.demo.core.bench.BenchRequest
import io.edgedepth.demo.core.bench.Benchmark
import io.edgedepth.demo.core.bench.Circumstances
import io.edgedepth.demo.core.bench.Measured
import io.edgedepth.demo.core.bench.answer
import io.edgedepth.demo.core.bench.failure
import io.edgedepth.demo.core.bench.reasonsAgainst
import io.edgedepth.demo.core.bench.record
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.model.Chosen
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/**
 * How a measurement ended.
 *
 * @property file that the result is in; null where none could be written.
 */
sealed interface BenchOutcome {
    val file: File?

    /** @property reasons why the times must not be quoted; empty where they may. */
    class Done(val measured: Measured, val reasons: List<String>, override val file: File) : BenchOutcome

    class Failed(val error: DemoException, override val file: File?) : BenchOutcome
}

/** Measures, and leaves the result where it is looked for; on one background thread. */
class BenchWork(
    private val opener: EngineOpener,
    private val device: AndroidDevice,
    private val results: ResultFolder,
    private val version: String,
) {
    /** Serves a computer's request: the answer goes to `TOKEN.json`, a failure too (docs/app-benchmark.md). */
    fun serve(request: BenchRequest, assets: AssetManager, progress: (String) -> Unit): BenchOutcome = try {
        val measured = Benchmark(opener, device, progress = progress)
            .measure(read(request.model, assets), request.options, request.plan)
        val against = reasonsAgainst(circumstances(request.options, request.plan), measured)
        BenchOutcome.Done(measured, against, store("${request.token}.json", answer(request, version, measured)))
    } catch (error: DemoException) {
        refuse(request.token, error)
    } catch (error: OutOfMemoryError) {
        refuse(request.token, noMemory(error))
    }

    /** Answers a request that cannot be served. */
    fun refuse(token: String, error: DemoException): BenchOutcome = try {
        BenchOutcome.Failed(error, store("$token.json", failure(token, version, error)))
    } catch (_: DemoException) {
        BenchOutcome.Failed(error, null)
    }

    /** Measures what was chosen on the phone; the record goes to a `.jsonl` as `edgedepth bench` writes them. */
    fun measure(
        chosen: Chosen,
        options: EngineOptions,
        plan: BenchPlan,
        progress: (String) -> Unit,
    ): BenchOutcome = try {
        val circumstances = circumstances(options, plan)
        val graph = chosen.artifact.graph(chosen.entry)
        val measured = Benchmark(opener, device, progress = progress).measure(graph, options, plan)
        val name = "hand-${circumstances.started.filter(Char::isLetterOrDigit)}.jsonl"
        val file = store(name, record(chosen.artifact.manifest, chosen.entry, circumstances, measured))
        BenchOutcome.Done(measured, reasonsAgainst(circumstances, measured), file)
    } catch (error: DemoException) {
        BenchOutcome.Failed(error, null)
    } catch (error: OutOfMemoryError) {
        BenchOutcome.Failed(noMemory(error), null)
    }

    private fun circumstances(options: EngineOptions, plan: BenchPlan): Circumstances {
        val clock = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT)
        clock.timeZone = TimeZone.getTimeZone("UTC")
        return Circumstances(version, "by-hand", clock.format(Date()), device.facts(), options, plan)
    }

    private fun store(name: String, content: String): File = try {
        results.write(name, content)
    } catch (error: IOException) {
        throw RequestException(
            "The result cannot be written.",
            error.message.orEmpty(),
            "Make room on the phone's shared storage; where it can be taken out, put it in again.",
            error,
        )
    }
}

private fun noMemory(error: OutOfMemoryError) = EngineException(
    "There is not enough memory.", error.message.orEmpty(), "Close other apps, or choose a smaller model.", error,
)

/** The bytes of a file or an asset: direct, in native order. */
private fun read(model: String, assets: AssetManager): ByteBuffer = try {
    val bytes = if (model.startsWith("/")) File(model).readBytes() else assets.open(model).use { it.readBytes() }
    ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes).apply { rewind() }
} catch (error: IOException) {
    throw RequestException(
        "The model cannot be read.",
        error.message ?: model,
        "Put it into the app's own folder, as `edgedepth bench device --via app` does.",
        error,
    )
}
