package io.edgedepth.demo.session

import android.os.Bundle
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.EngineOptions
import io.edgedepth.demo.core.engine.MOST_THREADS

private const val MODEL = "model"
private const val FILE = "file"
private const val ACCELERATOR = "accelerator"
private const val THREADS = "threads"

/**
 * What the user chose to run, and on what.
 *
 * @property model name of a bundled artifact; null: the first one.
 * @property file path of a graph in it; null: its first.
 * @property threads of the processor; null: as the runtime decides.
 */
data class Choice(
    val model: String? = null,
    val file: String? = null,
    val accelerator: Accelerator = Accelerator.CPU,
    val threads: Int? = null,
) {
    /** Always strict: what does not run where it was asked to is an error on the screen. */
    val options: EngineOptions
        get() = EngineOptions(accelerator, threads.takeIf { accelerator == Accelerator.CPU }, strict = true)

    /** Into a state that outlives the process. */
    fun save(state: Bundle) {
        state.putString(MODEL, model)
        state.putString(FILE, file)
        state.putString(ACCELERATOR, accelerator.name)
        threads?.let { state.putInt(THREADS, it) }
    }

    companion object {
        /** What [save] wrote; the first model on the CPU where nothing was saved. */
        fun restore(state: Bundle?): Choice = if (state == null) Choice() else Choice(
            state.getString(MODEL),
            state.getString(FILE),
            Accelerator.entries.firstOrNull { it.name == state.getString(ACCELERATOR) } ?: Accelerator.CPU,
            state.getInt(THREADS).takeIf { it in 1..MOST_THREADS },
        )
    }
}
