package io.edgedepth.demo.session

import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.engine.DepthPipeline
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.Frame
import io.edgedepth.demo.core.engine.FrameLoop
import io.edgedepth.demo.core.engine.openGraph
import io.edgedepth.demo.core.engine.selfTest
import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.model.Chosen
import io.edgedepth.demo.model.Library
import java.util.concurrent.Executor

/**
 * One choice at work: opens the model, tests it against its references, then looks at pictures.
 *
 * All its methods are for the main thread; everything heavy happens on the worker of its [FrameLoop]. It outlives the
 * screen that shows it when the phone is turned.
 *
 * @param library reads the bundled artifacts; called on the worker.
 * @param main runs what it is given on the main thread.
 */
class Session(private val library: () -> Library, private val opener: EngineOpener, private val main: Executor) {
    /** Shows what happens. */
    interface Watcher {
        /** The stage or the models changed; on the main thread. */
        fun onChange()

        /** A camera's picture was looked at; on the worker's thread, and the frame is valid only during the call. */
        fun onFrame(frame: Frame)

        /** A still picture was looked at; on the main thread. */
        fun onStill(still: Still)

        /** A still picture could not be looked at; on the main thread. */
        fun onStillFailed(error: DemoException)
    }

    @Volatile private var watcher: Watcher? = null
    @Volatile private var loop: FrameLoop? = null
    private var current = Any()

    var stage: Stage = Stage.Idle
        private set

    /** Null until they were read. */
    var models: Library? = null
        private set

    /** Lets that one watch instead of the one before; null: nobody. */
    fun watch(next: Watcher?) {
        watcher = next
    }

    /** Opens what was chosen; what ran before is closed first. */
    fun open(next: Choice) {
        end()
        val mine = Any()
        current = mine
        become(Stage.Opening)
        var chosen: Chosen? = null
        loop = FrameLoop(
            open = {
                val found = library()
                main.execute { if (current === mine) models = found }
                val graph = found.find(next.model, next.file).also { chosen = it }
                opener.openGraph(graph.artifact, graph.entry, next.options)
            },
            listener = Listener(mine) { requireNotNull(chosen) },
        )
    }

    /** Closes the engine; [open] starts again. */
    fun pause() {
        end()
        become(Stage.Idle)
    }

    /** Ends it for a reason that the phone gave, such as a want of memory. */
    fun fail(error: DemoException) {
        end()
        become(Stage.Failed(error))
    }

    /** Offers a camera's picture; from any thread. See [FrameLoop.offer]. */
    fun offer(height: Int, width: Int, fill: (RgbPicture) -> Unit) {
        loop?.offer(height, width, fill)
    }

    /** Looks at one picture; [read] is called on the worker. */
    fun still(read: () -> RgbPicture) {
        loop?.post { pipeline ->
            try {
                val still = lookAt(read(), pipeline)
                main.execute { watcher?.onStill(still) }
            } catch (error: DemoException) {
                main.execute { watcher?.onStillFailed(error) }
            }
        }
    }

    private fun end() {
        current = Any()
        loop?.close()
        loop = null
    }

    private fun become(next: Stage) {
        stage = next
        watcher?.onChange()
    }

    private inner class Listener(private val mine: Any, private val chosen: () -> Chosen) : FrameLoop.Listener {
        override fun onReady(pipeline: DepthPipeline) {
            val running = Running(chosen(), pipeline.report)
            val tested = Stage.Tested(running, selfTest(running.chosen.artifact, pipeline))
            main.execute { if (current === mine) become(tested) }
        }

        override fun onFrame(frame: Frame) {
            watcher?.onFrame(frame)
        }

        override fun onFailure(error: DemoException) {
            main.execute { if (current === mine) become(Stage.Failed(error)) }
        }
    }
}
