package io.edgedepth.demo.engine

import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineOptions
import java.nio.ByteBuffer
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit

private const val PATIENCE_SECONDS = 30L

/**
 * At most one open engine in the process: whoever opens waits until the one before is closed.
 *
 * A second engine would double the memory, and slow down what is being measured.
 */
class OneAtATime(private val opener: EngineOpener) : EngineOpener {
    private val turn = Semaphore(1)

    override fun open(model: ByteBuffer, options: EngineOptions): Engine {
        if (!turn.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw EngineException("Another model is still running.", "", "Close the app and start it again.")
        }
        var opened = false
        try {
            return Turn(opener.open(model, options)).also { opened = true }
        } finally {
            if (!opened) turn.release()
        }
    }

    private inner class Turn(private val engine: Engine) : Engine by engine {
        private var isOpen = true

        override fun close() {
            if (!isOpen) return
            isOpen = false
            try {
                engine.close()
            } finally {
                turn.release()
            }
        }
    }
}
