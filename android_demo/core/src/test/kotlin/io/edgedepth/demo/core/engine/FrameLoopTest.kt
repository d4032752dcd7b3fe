package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.CPU
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.FakeOpener
import io.edgedepth.demo.core.SmallArtifact
import io.edgedepth.demo.core.picture.RgbPicture
import java.lang.management.ManagementFactory
import java.util.Collections
import java.util.IdentityHashMap
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

private const val WAIT_MS = 60_000L

class FrameLoopTest {
    private val small = SmallArtifact()
    private val told = Told()
    private var loop: FrameLoop? = null

    @After
    fun end() {
        loop?.close()
    }

    @Test
    fun `one thread opens, runs and closes, and it is the loop's`() {
        val opener = FakeOpener()
        start(opener)
        repeat(3) {
            offer(it)
            told.frames.acquire()
        }
        assertTrue(close())
        assertTrue(opener.engine.isClosed)
        assertEquals(3, opener.engine.runs)
        assertEquals(setOf("edgedepth-worker"), opener.engine.threads.map { it.name }.toSet())
        assertEquals(1, opener.engine.threads.size)
    }

    @Test
    fun `of pictures that come meanwhile only the last is looked at`() {
        val gate = Semaphore(0)
        start(FakeOpener(before = gate::acquireUninterruptibly))
        offer(0)
        told.untilRunning(gate)
        for (value in 1..9) offer(value)
        gate.release(2)
        repeat(2) { told.frames.acquire() }
        assertEquals(listOf(0, 9), told.values)
        assertEquals(8L, told.dropped)
    }

    @Test
    fun `ten thousand frames use the memory of the first ones`() {
        start(FakeOpener())
        val beans = ManagementFactory.getThreadMXBean() as com.sun.management.ThreadMXBean
        repeat(2_000) { frame(it) }
        val thread = told.worker!!.id
        val allocated = beans.getThreadAllocatedBytes(thread)
        // A leak grows in every round; what other tests of this process left behind comes and goes in one.
        val rounds = List(3) {
            val heap = heapInUse()
            repeat(10_000) { frame(it) }
            heapInUse() - heap
        }
        val perFrame = (beans.getThreadAllocatedBytes(thread) - allocated) / 30_000
        assertTrue("$perFrame bytes are allocated per frame", perFrame < 1_500)
        val grown = rounds.min()
        assertTrue("the heap grew by $grown bytes", grown < 500_000)
        assertTrue("${told.pictures.size} pictures", told.pictures.size <= 3)
        println("10000 frames: $perFrame bytes allocated per frame, the heap grew by $rounds bytes")
    }

    @Test
    fun `a picture that cannot be filled is not lost to the others`() {
        start(FakeOpener())
        frame(1)
        val blanks: MutableSet<RgbPicture> = Collections.newSetFromMap(IdentityHashMap())
        repeat(1_000) {
            assertThrows(IllegalStateException::class.java) {
                loop!!.offer(8, 12) { blanks += it; throw IllegalStateException("the image is closed") }
            }
        }
        frame(2)
        assertEquals(listOf(1, 2), told.values)
        assertTrue("${blanks.size} pictures", blanks.size <= 3)
        assertEquals(emptyList<DemoException>(), told.failures)
    }

    @Test
    fun `tasks come before pictures and on the same thread`() {
        val gate = Semaphore(0)
        start(FakeOpener(before = gate::acquireUninterruptibly))
        offer(0)
        told.untilRunning(gate)
        offer(1)
        val order = Collections.synchronizedList(ArrayList<String>())
        loop!!.post { order += "task on ${Thread.currentThread().name} after ${told.values}" }
        gate.release(2)
        repeat(2) { told.frames.acquire() }
        assertEquals(listOf("task on edgedepth-worker after [0]"), order)
    }

    @Test
    fun `what cannot be opened is told once`() {
        small.files.remove("graph.tflite")
        start(FakeOpener())
        assertTrue(told.failed.await(WAIT_MS, TimeUnit.MILLISECONDS))
        assertEquals(ArtifactException.Fault.MISSING, (told.failures.single() as ArtifactException).fault)
        offer(1)
        assertTrue(close())
        assertEquals(emptyList<Int>(), told.values)
    }

    @Test
    fun `a failing run, a lack of memory and a failing task are told, and the engine is closed`() {
        val failures = listOf<() -> Unit>(
            { throw IllegalArgumentException("tensor 7") },
            { throw OutOfMemoryError("of 1 GB") },
            { throw EngineException("It failed.", "status 3", "Try again.") },
        )
        for ((fail, evidence) in failures.zip(listOf("tensor 7", "of 1 GB", "status 3"))) {
            val opener = FakeOpener(before = fail)
            val one = Told()
            start(opener, one)
            offer(1)
            assertTrue(one.failed.await(WAIT_MS, TimeUnit.MILLISECONDS))
            assertTrue(one.failures.single().message, evidence in one.failures.single().evidence)
            assertTrue(loop!!.awaitEnd(WAIT_MS))
            assertTrue(opener.engine.isClosed)
        }
    }

    @Test
    fun `closing while a frame is looked at lets it end, then closes the engine`() {
        val gate = Semaphore(0)
        val opener = FakeOpener(before = gate::acquireUninterruptibly)
        start(opener)
        offer(0)
        told.untilRunning(gate)
        loop!!.close()
        assertFalse(loop!!.awaitEnd(20))
        gate.release()
        assertTrue(loop!!.awaitEnd(WAIT_MS))
        assertTrue(opener.engine.isClosed)
    }

    @Test
    fun `a new size of pictures is looked at as well`() {
        start(FakeOpener())
        frame(1)
        loop!!.offer(3, 5) { it.bytes.fill(7) }
        told.frames.acquire()
        assertEquals(15, told.lastSize)
    }

    private fun start(opener: FakeOpener, listener: Told = told) {
        val artifact = small.open()
        loop = FrameLoop({ opener.openGraph(artifact, artifact.manifest.graphs.single(), CPU) }, listener)
    }

    private fun offer(value: Int) = loop!!.offer(8, 12) { it.bytes.fill(value.toByte()) }

    private fun frame(value: Int) {
        offer(value)
        told.frames.acquire()
    }

    private fun close(): Boolean {
        loop!!.close()
        return loop!!.awaitEnd(WAIT_MS)
    }

    private fun heapInUse(): Long {
        repeat(3) { System.gc() }
        return Runtime.getRuntime().run { totalMemory() - freeMemory() }
    }

    /** Keeps what the listener was told: of each frame the value that its picture was filled with. */
    private class Told : FrameLoop.Listener {
        val frames = Semaphore(0)
        val failed = CountDownLatch(1)
        val failures = Collections.synchronizedList(ArrayList<DemoException>())
        val pictures: MutableSet<RgbPicture> = Collections.newSetFromMap(IdentityHashMap())
        private val seen = IntArray(40_000)
        @Volatile private var count = 0
        @Volatile var dropped = 0L
        @Volatile var worker: Thread? = null
        @Volatile var lastSize = 0

        val values get() = seen.take(count)

        override fun onReady(pipeline: DepthPipeline) {
            worker = Thread.currentThread()
        }

        override fun onFrame(frame: Frame) {
            seen[count++] = frame.picture.bytes[0].toInt()
            pictures += frame.picture
            dropped = frame.dropped
            lastSize = frame.colours.size
            frames.release()
        }

        override fun onFailure(error: DemoException) {
            failures += error
            failed.countDown()
        }

        /** Until the engine waits at the gate. */
        fun untilRunning(gate: Semaphore) {
            while (!gate.hasQueuedThreads()) Thread.sleep(1)
        }
    }
}
