package io.edgedepth.demo

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import io.edgedepth.demo.ui.MainActivity
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowAlertDialog
import java.io.File

private const val PHONE = "w411dp-h869dp-xhdpi"
private const val LANDSCAPE = "w869dp-h411dp-land-xhdpi"
private const val NIGHT = "w411dp-h869dp-night-xhdpi"
private const val SMALL = "w320dp-h568dp-xhdpi"

/** The main screen, with depth that LiteRT computes of the rendered street. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = PHONE)
class MainScreenTest {
    @get:Rule val temporary = TemporaryFolder()
    private val controllers = ArrayList<ActivityController<MainActivity>>()

    @After
    fun end() = controllers.forEach { if (!it.get().isDestroyed) it.pause().stop().destroy() }

    private fun start(saved: Bundle? = null): MainActivity {
        val controller = Robolectric.buildActivity(MainActivity::class.java)
        controllers += controller
        if (saved == null) controller.setup() else controller.setup(saved)
        return controller.get()
    }

    private fun tested(): MainActivity = start().apply { awaitText(R.id.notice_title, "computes what it should") }

    private fun live(): MainActivity {
        allowCamera()
        return tested().apply {
            press(R.id.camera)
            awaitText(R.id.times, "frames per second")
        }
    }

    private fun Activity.isDepth(name: String) {
        val shown = colours(picture(name))
        assertTrue("$name has $shown colours", shown > 1000)
    }

    @Test
    fun `the self-test is the first thing that is seen`() {
        val screen = tested()
        assertTrue(screen.said(R.id.notice_evidence), "passes" in screen.said(R.id.notice_evidence))
        assertTrue(screen.said(R.id.subtitle), "fp32" in screen.said(R.id.subtitle))
        screen.picture("self-test")
    }

    @Test
    fun `live depth, upright`() = live().isDepth("live")

    @Test
    @Config(qualifiers = LANDSCAPE)
    fun `live depth, lying`() = live().isDepth("live-landscape")

    @Test
    @Config(qualifiers = NIGHT)
    fun `live depth at night`() = live().isDepth("live-night")

    @Test
    fun `live depth with a large font`() {
        RuntimeEnvironment.setFontScale(1.8f)
        live().isDepth("live-large-font")
    }

    @Test
    @Config(qualifiers = SMALL)
    fun `live depth on a small phone`() = live().isDepth("live-small")

    @Test
    fun `metres only where the manifest says so`() {
        val folder = File(temporary.root, "metric")
        File(fixture("artifacts"), "flex-nano-bytes").copyRecursively(folder)
        val manifest = File(folder, "manifest.json")
        manifest.writeText(manifest.readText().replace("\"metric\": false", "\"metric\": true"))
        app.artifacts = listOf(folder)
        val screen = live()
        assertEquals("depth in metres", screen.said(R.id.meaning))
        val legend = screen.findViewById<View>(R.id.legend).contentDescription.toString()
        assertTrue(legend, Regex("from far [0-9.]+ m to near [0-9.]+ m;").containsMatchIn(legend))
        screen.isDepth("live-metric")
    }

    @Test
    fun `depth of a picture from the gallery`() {
        val uri = Uri.parse("content://gallery/street")
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { fixture("street").inputStream() }
        val screen = tested()
        screen.press(R.id.picture)
        val asked = shadowOf(screen).nextStartedActivityForResult
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.intent.action)
        shadowOf(screen).receiveResult(asked.intent, Activity.RESULT_OK, Intent().setData(uri))
        screen.awaitText(R.id.times, "end to end")
        screen.isDepth("picture")
    }

    @Test
    fun `choosing a model and what it runs on`() {
        val names = listOf("flex-nano", "flex-nano-bytes", "flex-nano-w8a8", "not-there")
        app.artifacts = names.map { File(fixture("artifacts"), it) }
        val screen = tested()
        screen.press(R.id.model)
        draw(requireNotNull(ShadowAlertDialog.getLatestAlertDialog().window).decorView, "models")
        ShadowAlertDialog.getLatestAlertDialog().dismiss()
        screen.press(R.id.accelerator)
        draw(requireNotNull(ShadowAlertDialog.getLatestAlertDialog().window).decorView, "accelerators")
    }
}
