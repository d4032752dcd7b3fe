package io.edgedepth.demo

import android.content.Intent
import android.net.Uri
import android.os.BadParcelableException
import android.os.Bundle
import android.util.Base64
import android.view.View
import io.edgedepth.demo.core.json.Json
import io.edgedepth.demo.session.Choice
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File

/** The benchmark as a computer starts it and as a hand does; what it writes is left for edgedepth to judge. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w411dp-h869dp-xhdpi")
class BenchmarkScreenTest {
    private val graph =
        requireNotNull(File(fixture("artifacts"), "flex-nano").listFiles()).first { it.extension == "tflite" }

    private fun request(token: String, schema: Int = 1, accelerator: String = "cpu") = mapOf(
        "schema" to schema, "token" to token, "model" to graph.path, "accelerator" to accelerator, "threads" to 1,
        "strict" to true, "runs" to 5, "seconds" to 0.1, "warmup_runs" to 3, "warmup_seconds" to 0.1,
        "max_seconds" to 60.0, "sustained_minutes" to 0.0,
    )

    private fun started(request: Map<String, Any>): BenchmarkActivity {
        val encoded = Base64.encodeToString(Json.write(request).toByteArray(), Base64.URL_SAFE or Base64.NO_WRAP)
        val intent = Intent(app, BenchmarkActivity::class.java).putExtra("request", encoded)
        return Robolectric.buildActivity(BenchmarkActivity::class.java, intent).setup().get()
    }

    private fun folder() = requireNotNull(app.getExternalFilesDir("bench"))

    private fun kept(name: String): String =
        File(folder(), name).copyTo(File(fixture("results"), name), true).readText()

    @Test
    fun `a computer asks`() {
        val token = "4f2a9c0d7e61b385"
        val screen = started(request(token))
        await("an answer") { File(folder(), "$token.json").exists() }
        screen.awaitText(R.id.result, "median")
        screen.picture("benchmark-asked")
        assertTrue("samples_ms" in kept("$token.json"))
        File(fixture("results"), "$token.request.json").writeText(Json.write(request(token)))
    }

    @Test
    fun `a computer asks for what is not there`() {
        started(request("aa", accelerator = "gpu")).run {
            awaitText(R.id.status, "Not measured")
            picture("benchmark-failed")
        }
        assertTrue("failure" in kept("aa.json"))
        started(request("bb", schema = 99)).awaitText(R.id.status, "Not measured")
        assertTrue("failure" in kept("bb.json"))
    }

    @Test
    fun `whatever another app starts it with, it is told or passed over`() {
        for (request in listOf("", "no base64!", "e30=", "////", "A".repeat(100_000))) {
            val intent = Intent(app, BenchmarkActivity::class.java).putExtra("request", request)
            Robolectric.buildActivity(BenchmarkActivity::class.java, intent).setup().get()
                .awaitText(R.id.status, "Not measured")
        }
        val strange = listOf<(Intent) -> Intent>(
            { it.putExtra("request", 7) },
            { it.putExtra("request", ByteArray(3)) },
            { it.putExtra("model", 7).putExtra("threads", "many").putExtra("accelerator", "npu") },
            { it.putExtra("threads", -1) },
            { it.setData(Uri.parse("file:///etc/passwd")) },
        )
        for (change in strange) started(change(Intent(app, BenchmarkActivity::class.java))).waits()
        started(object : Intent(app, BenchmarkActivity::class.java) {
            override fun getExtras(): Bundle = throw BadParcelableException("a class of another app")
        }).waits()
    }

    private fun started(intent: Intent) = Robolectric.buildActivity(BenchmarkActivity::class.java, intent).setup().get()

    private fun BenchmarkActivity.waits() {
        assertTrue(said(R.id.subject), said(R.id.subject).startsWith("CPU"))
        assertTrue(findViewById<View>(R.id.start).isEnabled)
    }

    @Test
    fun `where results cannot be kept, that is told`() {
        app.isStorageThere = false
        started(request("cc")).awaitText(R.id.result, "The result cannot be written.")
        started(Intent(app, BenchmarkActivity::class.java)).run {
            press(R.id.start)
            awaitText(R.id.result, "shared storage is not there")
            picture("benchmark-no-storage")
        }
    }

    @Test
    fun `by hand`() {
        val intent = Intent(app, BenchmarkActivity::class.java).putExtras(Bundle().also(Choice(threads = 1)::save))
        val screen = Robolectric.buildActivity(BenchmarkActivity::class.java, intent).setup().get()
        screen.picture("benchmark")
        screen.press(R.id.start)
        screen.awaitText(R.id.result, "median")
        screen.picture("benchmark-done")
        val written = requireNotNull(folder().list()).single { it.endsWith(".jsonl") }
        assertTrue("latency" in kept(written))
    }
}
