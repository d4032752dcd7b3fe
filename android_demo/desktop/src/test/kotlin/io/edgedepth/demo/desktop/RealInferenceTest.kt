package io.edgedepth.demo.desktop

import io.edgedepth.demo.core.DelegationException
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.artifact.Artifact
import io.edgedepth.demo.core.artifact.DirectoryFolder
import io.edgedepth.demo.core.bench.BenchDevice
import io.edgedepth.demo.core.bench.BenchPlan
import io.edgedepth.demo.core.bench.BenchRequest
import io.edgedepth.demo.core.bench.Benchmark
import io.edgedepth.demo.core.bench.Circumstances
import io.edgedepth.demo.core.bench.DeviceFacts
import io.edgedepth.demo.core.bench.DeviceState
import io.edgedepth.demo.core.bench.answer
import io.edgedepth.demo.core.bench.record
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.DepthPipeline
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.Frame
import io.edgedepth.demo.core.engine.FrameLoop
import io.edgedepth.demo.core.engine.difference
import io.edgedepth.demo.core.engine.openGraph
import io.edgedepth.demo.core.engine.selfTest
import io.edgedepth.demo.core.json.Fields
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeNotNull
import org.junit.Before
import org.junit.Test

private val GRAPHS = listOf(
    "flex-nano", "flex-nano-bytes", "flex-nano-depth", "flex-nano-w8a8", "flex-nano-uint8", "flex-nano-int8",
    "flex-nano-outputs",
)
private val CPU = EngineOptions(Accelerator.CPU, threads = 1)

/** Graphs that edgedepth exported, in LiteRT, against what its Python runtime gives. */
class RealInferenceTest {
    private val root = File(System.getProperty("edgedepth.fixtures") ?: "build")
    private lateinit var opener: DesktopOpener

    @Before
    fun open() {
        val found = DesktopOpener.ofProperties()
        assumeNotNull(found)
        opener = found!!
    }

    @Test
    fun `every graph gives what it gives in Python`() {
        val (picture, runs) = inferences()
        assertEquals(GRAPHS.size, runs.size)
        for (run in runs) {
            val stem = run.text("stem")
            pipeline(run.text("artifact"), run.text("precision")).use { pipeline ->
                val output = difference(pipeline.infer(picture), floats("$stem.output"))
                val depth = pipeline.depth(picture).values
                val expected = floats("$stem.depth")
                val apart = depth.indices.maxOf { Math.abs(depth[it] - expected[it]) / expected[it] }
                println("$stem: output differs by ${output.maxAbs}, depth by a share of $apart")
                assertTrue(stem, output.maxAbs <= 1e-5)
                assertTrue(stem, apart <= 1e-4)
            }
        }
    }

    @Test
    fun `of several outputs the manifest names the one that is depth`() {
        val artifact = artifact("flex-nano-outputs")
        val entry = artifact.manifest.graphs.single()
        val model = artifact.graph(entry)
        assertEquals("a_feature", opener.open(model, CPU).use { it.output.name })
        val found = opener.open(model, CPU.copy(output = "disparity")).use { it.output }
        assertEquals("disparity" to entry.output.tensor.shape, found.name to found.shape)
        val error = assertThrows(EngineException::class.java) { opener.open(model, CPU.copy(output = "depth")) }
        assertTrue(error.message, "depth" in error.evidence)
    }

    @Test
    fun `the self-test passes on this computer`() {
        for (name in GRAPHS) {
            val artifact = artifact(name)
            for (entry in artifact.manifest.graphs) {
                val results = opener.openGraph(artifact, entry, CPU).use { selfTest(artifact, it) }
                assertEquals(2, results.size)
                for (result in results) assertTrue("$name ${entry.precision} $result", result.passes)
            }
        }
    }

    @Test
    fun `a GPU that is not there is told`() {
        val error = assertThrows(DelegationException::class.java) {
            pipeline("flex-nano", "fp32", EngineOptions(Accelerator.GPU))
        }
        assertTrue(error.message, "CPU" in error.remedy)
    }

    @Test
    fun `what is no model is told`() {
        for (bytes in listOf(0, 7, 4096)) {
            val error = assertThrows(EngineException::class.java) { opener.open(ByteBuffer.allocateDirect(bytes), CPU) }
            assertTrue(error.message, "LiteRT status" in error.evidence)
        }
    }

    @Test
    fun `opening and closing gives memory back`() {
        val artifact = artifact("flex-nano-bytes")
        val model = artifact.graph(artifact.manifest.graphs.single())
        fun once() = opener.open(model, CPU).use { engine ->
            engine.run(direct(engine.input.bytes), direct(engine.output.bytes))
        }
        repeat(5) { once() }
        val before = residentMb()
        repeat(20) { once() }
        val grown = residentMb() - before
        assertTrue("20 times opened and closed: $grown MB more", grown < 60)
    }

    @Test
    fun `a camera's pictures go through the frame loop`() {
        val done = Semaphore(0)
        val failures = ArrayList<DemoException>()
        val sizes = HashSet<Int>()
        val loop = FrameLoop({ pipeline("flex-nano-bytes", "fp32") }, object : FrameLoop.Listener {
            override fun onReady(pipeline: DepthPipeline) = Unit

            override fun onFrame(frame: Frame) {
                sizes += frame.colours.toSet().size
                done.release()
            }

            override fun onFailure(error: DemoException) {
                failures += error
                done.release(100)
            }
        })
        val picture = inferences().first
        repeat(10) {
            loop.offer(picture.height, picture.width) { picture.bytes.copyInto(it.bytes) }
            assertTrue(done.tryAcquire(120, TimeUnit.SECONDS))
        }
        loop.close()
        assertTrue(loop.awaitEnd(60_000))
        assertEquals(emptyList<DemoException>(), failures)
        assertTrue("$sizes colours", sizes.all { it > 100 })
    }

    @Test
    fun `a measurement is written for the host to read`() {
        val out = File(root, "bench").apply { mkdirs() }
        val artifact = artifact("flex-nano")
        val entry = artifact.manifest.graphs.first()
        val plan = BenchPlan(runs = 10, seconds = 0.0, warmupRuns = 2, warmupSeconds = 0.0)
        repeat(2) { round ->
            val measured = Benchmark(opener, Computer).measure(artifact.graph(entry), CPU, plan)
            val request = BenchRequest("0123456789abcdef", "flex-nano.tflite", CPU, plan)
            File(out, "answer.json").writeText(answer(request, "1.0.0", measured))
            val device = DeviceFacts("host", "test", "this computer", "", "x86_64", "Linux", "", 2)
            val circumstances = Circumstances("1.0.0", "hand", "2026-01-01T00:00:00Z", device, CPU, plan)
            File(out, "results-$round.jsonl").writeText(record(artifact.manifest, entry, circumstances, measured))
            assertEquals(entry.sha256, measured.sha256)
            assertEquals(10, measured.times.samplesMs.size)
        }
    }

    private fun artifact(name: String) = Artifact.open(DirectoryFolder(File(root, "artifacts/$name")))

    private fun pipeline(name: String, precision: String, options: EngineOptions = CPU): DepthPipeline {
        val artifact = artifact(name)
        return opener.openGraph(artifact, artifact.manifest.graphs.single { it.precision == precision }, options)
    }

    private fun inferences(): Pair<RgbPicture, List<Fields>> {
        val folder = File(root, "inferences")
        val json = Fields.of(File(folder, "runs.json").readText())
        val (height, width) = json.counts("size")
        return RgbPicture(height, width, File(folder, json.text("picture")).readBytes()) to json.list("runs")
    }

    private fun floats(name: String): FloatArray {
        val bytes = ByteBuffer.wrap(File(root, "inferences/$name").readBytes()).order(ByteOrder.LITTLE_ENDIAN)
        return FloatArray(bytes.remaining() / 4).also { bytes.asFloatBuffer().get(it) }
    }

    private fun direct(bytes: Int) = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

    /** This computer as the benchmark sees a phone. */
    private object Computer : BenchDevice {
        override val memoryMethod = "VmRSS"

        override fun state() = DeviceState()

        override fun memoryMb() = residentMb()
    }
}

private fun residentMb(): Double = File("/proc/self/status").readLines().first { it.startsWith("VmRSS:") }
    .filter(Char::isDigit).toLong() * 1024 / 1e6
