package io.edgedepth.demo

import android.app.Activity
import android.os.BadParcelableException
import android.os.Bundle
import android.util.Base64
import android.view.View
import android.view.WindowManager
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.TextView
import io.edgedepth.demo.bench.BenchOutcome
import io.edgedepth.demo.bench.BenchRun
import io.edgedepth.demo.bench.BenchWork
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.RequestException
import io.edgedepth.demo.core.bench.BenchPlan
import io.edgedepth.demo.core.bench.readRequest
import io.edgedepth.demo.core.bench.tokenOf
import io.edgedepth.demo.session.Choice
import io.edgedepth.demo.ui.Texts

private const val REQUEST = "request"
private val SUSTAINED_MINUTES = listOf(0, 5, 10)

/**
 * Measures a model: what the user chose when it is opened from the app, or what a computer asks for when adb starts it
 * with the extra `request` (docs/app-benchmark.md). The screen stays on meanwhile.
 */
class BenchmarkActivity : Activity() {
    private val app get() = application as DemoApplication
    private val texts by lazy { Texts(resources) }
    private var run: BenchRun? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.benchmark)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        @Suppress("DEPRECATION") // its successor is a library that this app does without
        run = lastNonConfigurationInstance as BenchRun?
        val request = extra { it?.getString(REQUEST) }
        if (request != null) {
            text(R.id.subject, getString(R.string.bench_asked))
            show(R.id.settings, false)
            // Started again without what it knew, it was ended by the system; the computer notices by itself.
            if (run == null && state == null) run = BenchRun(app.main) { progress -> serve(request, progress) }
        } else {
            offerChoices(extra(Choice::restore))
        }
        follow()
    }

    @Deprecated("Its successor is a library that this app does without.")
    override fun onRetainNonConfigurationInstance(): Any? = run

    override fun onDestroy() {
        run?.watch(null)
        super.onDestroy()
    }

    /** Any app may start this screen; what cannot be read of what it gives is passed over. */
    private fun <T> extra(read: (Bundle?) -> T): T = try {
        read(intent.extras)
    } catch (_: BadParcelableException) {
        read(null)
    }

    private fun work() = BenchWork(app.opener, app.device, app.results, app.version)

    private fun serve(encoded: String, progress: (String) -> Unit): BenchOutcome {
        val json = try {
            Base64.decode(encoded, Base64.URL_SAFE).toString(Charsets.UTF_8)
        } catch (_: IllegalArgumentException) {
            ""
        }
        return try {
            work().serve(readRequest(json), assets, progress)
        } catch (error: RequestException) {
            tokenOf(json)?.let { work().refuse(it, error) } ?: BenchOutcome.Failed(error, null)
        }
    }

    private fun offerChoices(choice: Choice) {
        val subject = listOfNotNull(choice.model, choice.file, texts.accelerator(choice.options))
        text(R.id.subject, subject.joinToString("\n"))
        val group = findViewById<RadioGroup>(R.id.sustained)
        SUSTAINED_MINUTES.forEach { minutes ->
            val label = if (minutes == 0) getString(R.string.sustained_none)
            else getString(R.string.sustained_minutes, minutes)
            group.addView(RadioButton(this).apply {
                id = minutes + 1 // so that what is checked survives a turn of the phone
                text = label
            })
        }
        group.check(1)
        findViewById<View>(R.id.start).setOnClickListener {
            val plan = BenchPlan(sustainedMinutes = (group.checkedRadioButtonId - 1).toDouble())
            run = BenchRun(app.main) { progress -> measure(choice, plan, progress) }
            follow()
        }
    }

    private fun measure(choice: Choice, plan: BenchPlan, progress: (String) -> Unit): BenchOutcome = try {
        work().measure(app.library().find(choice.model, choice.file), choice.options, plan, progress)
    } catch (error: DemoException) {
        BenchOutcome.Failed(error, null)
    }

    private fun follow() {
        run?.watch(::render)
        render()
    }

    private fun render() {
        val outcome = run?.outcome
        val isBusy = run != null && outcome == null
        show(R.id.busy, isBusy)
        findViewById<View>(R.id.start).isEnabled = !isBusy
        text(R.id.status, if (isBusy) run?.progress.orEmpty() else "")
        text(R.id.result, "")
        text(R.id.saved, outcome?.file?.let { getString(R.string.saved, it.path) }.orEmpty())
        when (outcome) {
            null -> return
            is BenchOutcome.Done -> {
                val judgement = if (outcome.reasons.isEmpty()) getString(R.string.valid)
                else getString(R.string.invalid, outcome.reasons.joinToString("; "))
                text(R.id.status, judgement, if (outcome.reasons.isEmpty()) R.color.good else R.color.bad)
                text(R.id.result, texts.measured(outcome.measured))
            }
            is BenchOutcome.Failed -> {
                text(R.id.status, getString(R.string.bench_failed), R.color.bad)
                text(R.id.result, outcome.error.message.orEmpty())
            }
        }
    }

    private fun text(id: Int, content: String, colour: Int = R.color.text) {
        val view = findViewById<TextView>(id)
        view.text = content
        view.setTextColor(getColor(colour))
        show(id, content.isNotEmpty())
    }

    private fun show(id: Int, isShown: Boolean) {
        findViewById<View>(id).visibility = if (isShown) View.VISIBLE else View.GONE
    }
}
