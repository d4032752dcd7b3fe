package io.edgedepth.demo.ui

import android.app.Activity
import android.app.AlertDialog
import io.edgedepth.demo.R
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.model.Library
import io.edgedepth.demo.session.Choice

/** Lets the user choose among the bundled graphs; a broken artifact can be chosen too, to read what is amiss. */
fun pickModel(activity: Activity, texts: Texts, library: Library, now: Choice, onChosen: (Choice) -> Unit) {
    val rows = library.models.flatMap { bundled ->
        val graphs = bundled.artifact?.manifest?.graphs.orEmpty()
        if (graphs.isEmpty()) {
            listOf(activity.getString(R.string.unusable, bundled.name) to now.copy(model = bundled.name, file = null))
        } else {
            graphs.map { "${bundled.name}\n${texts.graph(it)}" to now.copy(model = bundled.name, file = it.path) }
        }
    }
    pick(activity, R.string.choose_model, rows, rows.indexOfFirst { it.second == now }, onChosen)
}

/** Lets the user choose threads of the CPU, or the GPU. */
fun pickAccelerator(activity: Activity, texts: Texts, now: Choice, onChosen: (Choice) -> Unit) {
    val cores = Runtime.getRuntime().availableProcessors()
    val choices = listOf(null, 1, 2, 4, cores).filter { it == null || it <= cores }.distinct()
        .map { now.copy(accelerator = Accelerator.CPU, threads = it) } + now.copy(accelerator = Accelerator.GPU)
    val rows = choices.map { texts.accelerator(it.options) to it }
    pick(activity, R.string.choose_accelerator, rows, choices.indexOfFirst { it.options == now.options }, onChosen)
}

private fun pick(
    activity: Activity,
    title: Int,
    rows: List<Pair<String, Choice>>,
    now: Int,
    onChosen: (Choice) -> Unit,
) {
    AlertDialog.Builder(activity)
        .setTitle(title)
        .setSingleChoiceItems(rows.map { it.first }.toTypedArray(), now) { dialog, index ->
            dialog.dismiss()
            onChosen(rows[index].second)
        }
        .setNegativeButton(R.string.cancel, null)
        .show()
}
