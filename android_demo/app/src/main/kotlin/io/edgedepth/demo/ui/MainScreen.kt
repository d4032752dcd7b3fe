package io.edgedepth.demo.ui

import android.app.Activity
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import io.edgedepth.demo.R
import io.edgedepth.demo.core.depth.Meaning
import io.edgedepth.demo.core.depth.ValueRange
import io.edgedepth.demo.session.Running
import io.edgedepth.demo.session.Stage

/** The views of the main screen: shows what it is told, and decides nothing. Main thread, except [depth]. */
class MainScreen(private val activity: Activity, private val onAction: (Action) -> Unit) {
    private val texts = Texts(activity.resources)
    private val title = find<TextView>(R.id.title)
    private val subtitle = find<TextView>(R.id.subtitle)
    private val pane = find<View>(R.id.pane)
    private val busy = find<View>(R.id.busy)
    private val noticeTitle = find<TextView>(R.id.notice_title)
    private val evidence = find<TextView>(R.id.notice_evidence)
    private val remedy = find<TextView>(R.id.notice_remedy)
    private val actions = find<LinearLayout>(R.id.notice_actions)
    private val legend = find<LegendView>(R.id.legend)
    private val meaningLine = find<TextView>(R.id.meaning)
    private val times = find<TextView>(R.id.times)

    /** May be given pictures from any thread. */
    val depth: DepthView = find(R.id.depth)

    /** Calls that when the button with the id is pressed. */
    fun onPress(id: Int, step: () -> Unit) = find<View>(id).setOnClickListener { step() }

    /** What runs, in the title. */
    fun running(running: Running?) {
        title.text = running?.chosen?.artifact?.manifest?.title ?: activity.getString(R.string.app_name)
        subtitle.text = running?.let { texts.running(it.chosen.entry, it.report) }.orEmpty()
    }

    /** Something is under way. */
    fun waiting(line: Int) {
        notice(Notice(activity.getString(line), "", "", emptyList()))
        busy.visibility = View.VISIBLE
    }

    /** What happened and what to do, in place of pictures. */
    fun notice(notice: Notice, titleColour: Int = R.color.text) {
        busy.visibility = View.GONE
        set(noticeTitle, notice.title)
        noticeTitle.setTextColor(activity.getColor(titleColour))
        set(evidence, notice.evidence)
        set(remedy, notice.remedy)
        actions.removeAllViews()
        notice.actions.forEach { actions.addView(button(it)) }
        times.text = ""
        meaningLine.text = ""
        legend.visibility = View.INVISIBLE
        pane.visibility = View.VISIBLE
    }

    /** The self-test's numbers. */
    fun tested(tested: Stage.Tested) {
        val (title, remedy, colour) = when {
            tested.results.isEmpty() -> Triple(R.string.test_absent, R.string.test_absent_remedy, R.color.text)
            tested.passes -> Triple(R.string.test_passes, R.string.test_next, R.color.good)
            else -> Triple(R.string.test_differs, R.string.test_remedy, R.color.bad)
        }
        val numbers = tested.results.joinToString("\n\n", transform = texts::selfTest)
        notice(Notice(activity.getString(title), numbers, activity.getString(remedy), emptyList()), colour)
    }

    /** Pictures instead of a notice. */
    fun pictures(meaning: Meaning, limits: ValueRange?, lines: List<String>) {
        pane.visibility = View.GONE
        legend.visibility = View.VISIBLE
        legend.show(meaning, limits)
        meaningLine.text = meaning.statement
        times.text = lines.joinToString("\n")
    }

    private fun button(action: Action): View =
        (activity.layoutInflater.inflate(R.layout.button, actions, false) as Button).apply {
            setText(action.label)
            setOnClickListener { onAction(action) }
        }

    private fun set(view: TextView, text: String) {
        view.text = text
        view.visibility = if (text.isEmpty()) View.GONE else View.VISIBLE
    }

    private fun <T : View> find(id: Int): T = activity.findViewById(id)
}
