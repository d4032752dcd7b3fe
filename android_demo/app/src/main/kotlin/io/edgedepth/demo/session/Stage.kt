package io.edgedepth.demo.session

import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.core.engine.SelfTestResult
import io.edgedepth.demo.model.Chosen

/** What runs. */
class Running(val chosen: Chosen, val report: EngineReport)

/** How far a session is. */
sealed interface Stage {
    /** No engine: not started, or put aside while the app is not seen. */
    data object Idle : Stage

    /** The model is being read, checked and opened. */
    data object Opening : Stage

    /** The stored references were run; pictures can be. */
    class Tested(val running: Running, val results: List<SelfTestResult>) : Stage {
        /** False where a reference came out wrong. */
        val passes: Boolean get() = results.all { it.passes }
    }

    /** It ended; nothing runs until it is opened again. */
    class Failed(val error: DemoException) : Stage
}
