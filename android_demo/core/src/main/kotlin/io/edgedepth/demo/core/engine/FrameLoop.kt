package io.edgedepth.demo.core.engine

import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.depth.Colourizer
import io.edgedepth.demo.core.depth.DepthMap
import io.edgedepth.demo.core.depth.SteadyRange
import io.edgedepth.demo.core.depth.ValueRange
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.Closeable
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.thread
import kotlin.concurrent.withLock

/**
 * One camera picture with its depth; valid only while the listener is called.
 *
 * @property picture what was looked at.
 * @property depth of the picture, at its size.
 * @property colours one opaque ARGB number per pixel of [depth].
 * @property limits the closeness that is shown darkest and brightest; null where nothing is valid.
 * @property times of this picture, in milliseconds.
 * @property perSecond frames that were finished per second lately.
 * @property dropped pictures so far that a newer one took the place of.
 */
class Frame(
    val picture: RgbPicture,
    val depth: DepthMap,
    val colours: IntArray,
    val limits: ValueRange?,
    val times: StageTimes,
    val perSecond: Double,
    val dropped: Long,
)

/**
 * One background thread that opens a pipeline, runs it on the newest of the pictures that are offered, and closes it.
 *
 * Everything but [offer], [post], [close] and [awaitEnd], which any thread may call, happens on that thread. After the
 * first frame of a size nothing of that size is allocated any more.
 *
 * @param open makes the pipeline; called on the worker's thread.
 */
class FrameLoop(
    private val open: () -> DepthPipeline,
    private val listener: Listener,
    private val clock: Clock = Clock.SYSTEM,
) : Closeable {
    /** Told everything, on the worker's thread. */
    interface Listener {
        /** The pipeline is open. */
        fun onReady(pipeline: DepthPipeline)

        /** A picture was looked at. */
        fun onFrame(frame: Frame)

        /** Opening, a frame or a task failed; after a failure nothing more is looked at. */
        fun onFailure(error: DemoException)
    }

    private val lock = ReentrantLock()
    private val news = lock.newCondition()
    private val pictures = LatestPicture()
    private val tasks = ArrayDeque<(DepthPipeline) -> Unit>()
    private var ended = false
    private val colourizer = Colourizer()
    private val range = SteadyRange()
    private val rate = FrameRate()
    private var colours = IntArray(0)
    private val worker = thread(isDaemon = true, name = "edgedepth-worker") { work() }

    /**
     * Offers a picture; of several that come while one is looked at, only the last is kept.
     *
     * @param fill writes the picture into memory of that size; called at once, on this thread. It must not keep it. What
     *     it throws is the caller's; the picture is then not looked at.
     */
    fun offer(height: Int, width: Int, fill: (RgbPicture) -> Unit) {
        val picture = lock.withLock { if (ended) return else pictures.blank(height, width) }
        var isFilled = false
        try {
            fill(picture)
            isFilled = true
        } finally {
            lock.withLock {
                if (isFilled) pictures.publish(picture) else pictures.release(picture)
                news.signalAll()
            }
        }
    }

    /**
     * Runs a task on the worker's thread before the next picture: a still picture, the self-test. What it throws ends
     * the loop; a task after which it is to go on catches that itself.
     */
    fun post(task: (DepthPipeline) -> Unit) {
        lock.withLock {
            tasks.addLast(task)
            news.signalAll()
        }
    }

    /** Ends the worker once what it is doing is done; returns at once. */
    override fun close() {
        lock.withLock {
            ended = true
            news.signalAll()
        }
    }

    /** Waits until the worker has closed its pipeline, at most that long; whether it has. */
    fun awaitEnd(milliseconds: Long): Boolean {
        worker.join(milliseconds)
        return !worker.isAlive
    }

    private fun work() {
        try {
            told { open() }?.use { pipeline ->
                told { listener.onReady(pipeline) } ?: return
                while (true) {
                    val step = next() ?: return
                    told { step(pipeline) } ?: return
                }
            }
        } finally {
            close()
        }
    }

    /** The result of [step], or null where it failed and the listener was told. */
    private inline fun <T> told(step: () -> T): T? {
        val failure = try {
            return step()
        } catch (error: DemoException) {
            error
        } catch (error: OutOfMemoryError) {
            EngineException(
                "There is not enough memory.",
                error.message ?: "The system refused some.",
                "Close other apps, or choose a smaller model or picture.",
                error,
            )
        } catch (error: RuntimeException) {
            EngineException(
                "The model could not be run.",
                error.message ?: error.javaClass.simpleName,
                "Choose another model or accelerator.",
                error,
            )
        }
        listener.onFailure(failure)
        return null
    }

    /** What to do next; waits for it. Null at the end. */
    private fun next(): ((DepthPipeline) -> Unit)? = lock.withLock {
        while (!ended) {
            tasks.removeFirstOrNull()?.let { return it }
            pictures.take()?.let { picture -> return { look(it, picture) } }
            news.await()
        }
        null
    }

    private fun look(pipeline: DepthPipeline, picture: RgbPicture) {
        val start = clock.nanos()
        val depth = pipeline.depth(picture)
        if (colours.size != depth.values.size) colours = IntArray(depth.values.size)
        val limits = range.follow(depth.closeness)
        colourizer.colourize(depth.closeness, limits, colours)
        val times = pipeline.timesSince(start)
        rate.tick(clock.nanos())
        val dropped = lock.withLock { pictures.dropped }
        listener.onFrame(Frame(picture, depth, colours, limits, times, rate.perSecond, dropped))
        lock.withLock { pictures.release(picture) }
    }
}
