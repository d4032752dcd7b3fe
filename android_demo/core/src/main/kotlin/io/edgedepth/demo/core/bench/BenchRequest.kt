package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.RequestException
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.MOST_THREADS
import io.edgedepth.demo.core.json.Fields
import io.edgedepth.demo.core.json.JsonException

/** The version of request and answer that this app speaks; docs/app-benchmark.md describes it. */
const val CONTRACT = 1

/**
 * How long to measure; counts and seconds must both be reached.
 *
 * @property runs timed runs at least.
 * @property seconds that the timed runs take together at least.
 * @property warmupRuns before the first timed run, at least.
 * @property warmupSeconds likewise.
 * @property maxSeconds after which the timed runs end even if they are too few.
 * @property sustainedMinutes of running on without pause after the timed runs; 0 for none.
 */
data class BenchPlan(
    val runs: Int = 50,
    val seconds: Double = 2.0,
    val warmupRuns: Int = 3,
    val warmupSeconds: Double = 0.5,
    val maxSeconds: Double = 600.0,
    val sustainedMinutes: Double = 0.0,
)

/**
 * What the app is asked to measure.
 *
 * @property token names the answer's file and stands in the answer.
 * @property model a path when it begins with `/`, else the name of an asset.
 */
data class BenchRequest(val token: String, val model: String, val options: EngineOptions, val plan: BenchPlan)

private val TOKEN = Regex("[0-9a-zA-Z]{1,64}")
private val ACCELERATORS = Accelerator.entries.associateBy { it.text }

/**
 * The token of a request, even of one that cannot be served, so that it can be answered with a failure.
 *
 * @return null where it has none that may name a file.
 */
fun tokenOf(json: String): String? = try {
    Fields.of(json).text("token").takeIf(TOKEN::matches)
} catch (_: JsonException) {
    null
}

/**
 * Reads a request.
 *
 * @param json as the intent's extra holds it, base64 undone.
 * @throws RequestException another version, or not a request.
 */
fun readRequest(json: String): BenchRequest {
    try {
        val fields = Fields.of(json)
        val contract = fields.count("schema")
        if (contract != CONTRACT) {
            throw RequestException(
                "The app does not know this version of a request.",
                "It is version $contract; the app speaks version $CONTRACT.",
                "Use an app and an edgedepth of the same release.",
            )
        }
        return request(fields)
    } catch (error: JsonException) {
        throw RequestException(
            "The request cannot be read.",
            "${error.message}.",
            "Start the benchmark with `edgedepth bench device --via app`.",
            error,
        )
    }
}

private fun request(fields: Fields): BenchRequest {
    val token = fields.text("token")
    if (!TOKEN.matches(token)) throw JsonException("token is not made of letters and digits")
    return BenchRequest(
        token = token,
        model = fields.text("model"),
        options = EngineOptions(
            accelerator = fields.choice("accelerator", ACCELERATORS),
            threads = if (fields.has("threads")) threads(fields) else null,
            strict = fields.flag("strict"),
        ),
        plan = BenchPlan(
            runs = fields.count("runs"),
            seconds = duration(fields, "seconds"),
            warmupRuns = fields.count("warmup_runs"),
            warmupSeconds = duration(fields, "warmup_seconds"),
            maxSeconds = duration(fields, "max_seconds"),
            sustainedMinutes = duration(fields, "sustained_minutes"),
        ),
    )
}

private fun threads(fields: Fields): Int =
    fields.count("threads").also { if (it !in 1..MOST_THREADS) throw JsonException("threads is $it") }

private fun duration(fields: Fields, name: String): Double =
    fields.number(name).also { if (it < 0) throw JsonException("$name is $it") }
