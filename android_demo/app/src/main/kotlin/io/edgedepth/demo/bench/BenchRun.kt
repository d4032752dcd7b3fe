package io.edgedepth.demo.bench

import java.util.concurrent.Executor
import kotlin.concurrent.thread

/** One measurement on a thread of its own; it outlives the screen that shows it when the phone is turned. */
class BenchRun(private val main: Executor, work: (progress: (String) -> Unit) -> BenchOutcome) {
    /** What it is doing, one line. */
    var progress = ""
        private set

    /** Null while it runs. */
    var outcome: BenchOutcome? = null
        private set

    private var watcher: (() -> Unit)? = null

    init {
        thread(isDaemon = true, name = "edgedepth-bench") {
            val found = work { line -> main.execute { change { progress = line } } }
            main.execute { change { outcome = found } }
        }
    }

    /** Calls that on the main thread after each change, instead of what was called before; null: nothing. */
    fun watch(next: (() -> Unit)?) {
        watcher = next
    }

    private fun change(set: () -> Unit) {
        set()
        watcher?.invoke()
    }
}
