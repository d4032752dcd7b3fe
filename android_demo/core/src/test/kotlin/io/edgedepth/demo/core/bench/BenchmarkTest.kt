package io.edgedepth.demo.core.bench

import io.edgedepth.demo.core.CPU
import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.FakeOpener
import io.edgedepth.demo.core.Fixtures
import io.edgedepth.demo.core.GPU
import io.edgedepth.demo.core.RequestException
import io.edgedepth.demo.core.SmallArtifact
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.Clock
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.json.Fields
import java.io.File
import java.nio.ByteBuffer
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

private const val MS = 1_000_000L

class BenchmarkTest {
    private var now = 0L
    private var runMs = 10.0
    private var jitterMs = { 0.0 }
    private val model = ByteBuffer.allocateDirect(64)
    private val device = Phone()

    /** A run takes [runMs] and [jitterMs]; nothing else takes any time. */
    private val opener = FakeOpener(before = { now += ((runMs + jitterMs()) * MS).toLong() })

    @Test
    fun `runs and seconds are both reached, for warm-up and for timed runs`() {
        val byCount = measure(BenchPlan(runs = 50, seconds = 0.1, warmupRuns = 7, warmupSeconds = 0.01))
        assertEquals(50 to 7, byCount.times.samplesMs.size to byCount.phases.warmupRuns)
        val byTime = measure(BenchPlan(runs = 5, seconds = 2.0, warmupRuns = 1, warmupSeconds = 0.5))
        assertEquals(200 to 50, byTime.times.samplesMs.size to byTime.phases.warmupRuns)
        assertEquals(2.0, byTime.times.seconds, 1e-9)
        assertEquals(10.0, byTime.phases.warmupMs!!, 1e-9)
    }

    @Test
    fun `too slow a model ends at the limit with what there is`() {
        runMs = 2_000.0
        val found = measure(BenchPlan(runs = 50, seconds = 2.0, warmupRuns = 2, warmupSeconds = 0.5, maxSeconds = 9.0))
        assertEquals(3, found.times.samplesMs.size)
        assertEquals(2, found.phases.warmupRuns)
    }

    @Test
    fun `a single warm-up run is the first inference and has no mean`() {
        val found = measure(BenchPlan(warmupRuns = 0, warmupSeconds = 0.0))
        assertEquals(1, found.phases.warmupRuns)
        assertNull(found.phases.warmupMs)
    }

    @Test
    fun `sustained minutes follow, each with its own figures and state`() {
        device.status = { if (now > 90_000 * MS) 1 else 0 }
        val found = measure(BenchPlan(runs = 5, seconds = 0.0, sustainedMinutes = 2.5))
        assertEquals(listOf(1, 2, 3), found.sustained.map { it.minute })
        assertEquals(listOf(6000, 6000, 3000), found.sustained.map { it.count })
        assertEquals(listOf(0, 1, 1), found.sustained.map { it.state.thermalStatus })
        assertEquals(10.0, found.sustained[0].medianMs, 1e-9)
    }

    @Test
    fun `readings lie before, at and after the timed runs`() {
        val found = measure(BenchPlan(runs = 10, seconds = 0.0, warmupRuns = 2, warmupSeconds = 0.0))
        assertEquals(listOf(-0.02, 0.0, 0.1), found.readings.map { it.atSeconds })
        assertEquals(Memory(120.0, 100.0, "fake"), found.memory)
    }

    @Test
    fun `the engine is closed, also after a failure`() {
        measure(BenchPlan())
        assertTrue(opener.engine.isClosed)
        assertThrows(DelegationException::class.java) { measure(BenchPlan(), GPU) }
        assertTrue(opener.engine.isClosed)
    }

    @Test
    fun `the answer has the contract's names`() {
        val measured = measure(BenchPlan(runs = 5, sustainedMinutes = 1.0))
        val json = Fields.of(answer(readRequest(REQUEST), "1.0.0", measured))
        assertEquals(1 to "4f2a9c0d7e61b385", json.count("schema") to json.text("token"))
        assertEquals(64, json.text("model_sha256").length)
        assertEquals("cpu" to 2, json.fields("runtime").run { text("accelerator") to count("threads") })
        assertFalse(json.fields("runtime").has("delegated"))
        assertEquals(json.fields("times").count("count"), json.fields("times").numbers("samples_ms").size)
        assertEquals(1, json.list("sustained").single().count("minute"))
        assertEquals(0.5, json.list("headroom").first().number("value"), 0.0)
        assertEquals(80, json.list("readings").first().count("battery_level"))
        assertFalse(json.has("failure"))
    }

    @Test
    fun `a failure is one line`() {
        val error = DelegationException("It is not there.", "No library.", "Use the CPU.")
        val json = Fields.of(failure("abc", "1.0.0", error))
        assertEquals("It is not there. No library.", json.text("failure"))
        assertFalse(json.has("times"))
    }

    @Test
    fun `a request is read as the contract says`() {
        val request = readRequest(REQUEST)
        assertEquals(Accelerator.GPU, request.options.accelerator)
        assertNull(request.options.threads)
        assertEquals(BenchPlan(5, 0.1, 3, 0.5, 600.0, 2.0), request.plan)
        assertEquals("4f2a9c0d7e61b385", tokenOf(REQUEST))
    }

    @Test
    fun `requests that are none are told, and a bad token never names a file`() {
        val wrong = listOf(
            "" to "", "{}" to "schema", REQUEST.replace("\"schema\": 1", "\"schema\": 2") to "version 2",
            REQUEST.replace("\"gpu\"", "\"npu\"") to "npu", REQUEST.replace("\"runs\": 5", "\"runs\": -5") to "runs",
            REQUEST.replace("\"threads\": null", "\"threads\": 0") to "threads is 0",
            REQUEST.replace("\"threads\": null", "\"threads\": 100000") to "threads is 100000",
            REQUEST.replace("4f2a9c0d7e61b385", "../../etc") to "token", REQUEST.replace("0.1", "-0.1") to "seconds",
        )
        for ((text, evidence) in wrong) {
            val error = assertThrows(text, RequestException::class.java) { readRequest(text) }
            assertTrue(error.message, evidence in error.evidence)
        }
        assertNull(tokenOf(REQUEST.replace("4f2a9c0d7e61b385", "../../etc")))
        assertNull(tokenOf("nonsense"))
    }

    @Test
    fun `quantiles and the interval of the median are those of the samples`() {
        val summary = Summary(DoubleArray(101) { (100 - it).toDouble() })
        assertEquals(listOf(50.0, 90.0, 5.0, 99.0, 50.0), with(summary) { listOf(median, p90, p5, p99, iqr) })
        // Ranks 39 and 61 of 0 to 100, from binomial (101, 1/2).
        assertEquals(40.0 to 60.0, summary.ci95)
        assertEquals(1.0 to 3.0, Summary(doubleArrayOf(3.0, 1.0, 2.0)).ci95)
    }

    @Test
    fun `a record tells why its time must not be quoted`() {
        assertEquals(emptyList<String>(), reasons(BenchPlan(runs = 20, seconds = 0.1)))
        runMs = 2_000.0
        assertEquals(2, reasons(BenchPlan(runs = 20, seconds = 30.0, maxSeconds = 9.0)).size)
        runMs = 10.0
        device.status = { 2 }
        assertEquals(listOf("throttled: thermal status 2 was reached (at most 0)"), reasons(BenchPlan(runs = 20)))
        device.status = { 0 }
        now = 0
        device.plugged = { now > 100 * MS }
        val changed = "the device changed underneath: the charger was plugged in or out"
        assertEquals(listOf(changed), reasons(BenchPlan(runs = 20)))
    }

    @Test
    fun `quiet measurements are written for the host to compare`() {
        val random = Random(1)
        val manifest = SmallArtifact().open().manifest
        val plan = BenchPlan(runs = 50, seconds = 1.0)
        for ((name, ms) in listOf("before" to 10.0, "same" to 10.05, "slower" to 12.0)) {
            jitterMs = { random.nextDouble(-0.1, 0.1) }
            runMs = ms
            val measured = measure(plan)
            assertEquals(emptyList<String>(), reasonsAgainst(circumstances(plan), measured))
            val out = File(Fixtures.folder("vectors").parentFile, "bench").apply { mkdirs() }
            File(out, "quiet-$name.jsonl")
                .writeText(record(manifest, manifest.graphs.single(), circumstances(plan), measured))
        }
    }

    @Test
    fun `noise and drift are reasons`() {
        assertTrue("noisy" in only(DoubleArray(40) { 10.0 + it % 2 * 5 }))
        assertTrue("slowed down" in only(DoubleArray(40) { 10.0 + it * 0.04 }))
    }

    private fun only(samples: DoubleArray): String {
        val measured = measure(BenchPlan())
        val other = Measured(
            measured.sha256, measured.report, measured.phases, Times(samples, 60.0), emptyList(), null, emptyList(),
        )
        return reasonsAgainst(circumstances(BenchPlan(runs = 40)), other).single()
    }

    private fun reasons(plan: BenchPlan): List<String> {
        val manifest = SmallArtifact().open().manifest
        val measured = measure(plan)
        val line = record(manifest, manifest.graphs.single(), circumstances(plan), measured)
        assertTrue(line.endsWith("}\n"))
        val fields = Fields.of(line)
        val found = reasonsAgainst(circumstances(plan), measured)
        assertEquals(found.isEmpty(), fields.flag("valid"))
        assertEquals(runMs, fields.fields("latency").number("median"), 1e-9)
        assertEquals(listOf(4, 6), fields.fields("subject").counts("size"))
        return found
    }

    private fun circumstances(plan: BenchPlan) = Circumstances(
        "1.0.0", "hand", "2026-01-01T00:00:00Z",
        DeviceFacts("phone", "id", "Fake Phone", "Chip", "arm64-v8a", "Android 15 (SDK 35)", "print", 8), CPU, plan,
    )

    private fun measure(plan: BenchPlan, options: EngineOptions = CPU) =
        Benchmark(opener, device, Clock { now }).measure(model, options, plan)

    private class Phone : BenchDevice {
        var status: () -> Int = { 0 }
        var plugged: () -> Boolean = { false }
        private var memory = 90.0
        override val memoryMethod = "fake"

        override fun memoryMb(): Double = (memory + 10).coerceAtMost(120.0).also { memory = it }

        override fun state() = DeviceState(
            status(), batteryLevel = 80, batteryCelsius = 30.0, plugged = plugged(), lowPower = false, screenOn = true,
            headroom = 0.5,
        )
    }
}

private val REQUEST = """
    {"schema": 1, "token": "4f2a9c0d7e61b385", "model": "/sdcard/x.tflite", "accelerator": "gpu", "threads": null,
     "strict": true, "runs": 5, "seconds": 0.1, "warmup_runs": 3, "warmup_seconds": 0.5, "max_seconds": 600.0,
     "sustained_minutes": 2.0}
""".trimIndent()
