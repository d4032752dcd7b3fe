package io.edgedepth.demo

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.session.Choice
import io.edgedepth.demo.ui.MainActivity
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import java.util.concurrent.atomic.AtomicInteger

/** The phone is turned, the app is left, the process ends: what was shown comes back, and every engine is closed. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w411dp-h869dp-xhdpi")
class LifeTest {
    private val opened = AtomicInteger()
    private val closed = AtomicInteger()
    private val controllers = ArrayList<ActivityController<MainActivity>>()

    @Before
    fun count() {
        allowCamera()
        app.runtime = EngineOpener { model, options ->
            val engine = computer.open(model, options)
            opened.incrementAndGet()
            object : Engine by engine {
                override fun close() {
                    engine.close()
                    closed.incrementAndGet()
                }
            }
        }
    }

    @After
    fun end() = controllers.forEach { if (!it.get().isDestroyed) it.pause().stop().destroy() }

    private fun started(state: Bundle? = null): ActivityController<MainActivity> =
        Robolectric.buildActivity(MainActivity::class.java).also(controllers::add).run {
            if (state == null) setup() else setup(state)
        }

    private fun live(controller: ActivityController<MainActivity>) {
        controller.get().awaitText(R.id.notice_title, "computes what it should")
        controller.get().press(R.id.camera)
        controller.get().awaitText(R.id.times, "frames per second")
    }

    @Test
    fun `turning the phone keeps the engine`() {
        val controller = started()
        live(controller)
        RuntimeEnvironment.setQualifiers("+w869dp-h411dp-land")
        controller.configurationChange().visible()
        controller.get().awaitText(R.id.times, "frames per second")
        assertEquals(1, opened.get())
        controller.pause().stop()
        await("the engine is closed") { closed.get() == 1 }
    }

    @Test
    fun `a picture is shown again after the end of the process, on what was chosen`() {
        val uri = Uri.parse("content://gallery/street")
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { fixture("street").inputStream() }
        val state = Bundle().also(Choice(threads = 2)::save)
        val before = started(state)
        before.get().awaitText(R.id.notice_title, "computes what it should")
        before.get().press(R.id.picture)
        val asked = shadowOf(before.get()).nextStartedActivityForResult
        shadowOf(before.get()).receiveResult(asked.intent, Activity.RESULT_OK, Intent().setData(uri))
        before.get().awaitText(R.id.times, "end to end")
        before.pause().saveInstanceState(state).stop().destroy()
        val after = started(state)
        after.get().awaitText(R.id.times, "end to end")
        assertTrue(after.get().said(R.id.subtitle), "2 threads" in after.get().said(R.id.subtitle))
    }

    @Test
    fun `turning the phone while it measures keeps the measurement`() {
        val controller = Robolectric.buildActivity(BenchmarkActivity::class.java).setup()
        controller.get().press(R.id.start)
        RuntimeEnvironment.setQualifiers("+w869dp-h411dp-land")
        controller.configurationChange().visible()
        controller.get().awaitText(R.id.result, "median")
        assertEquals(1, opened.get())
        await("the engine is closed") { closed.get() == 1 }
        controller.pause().stop().destroy()
    }

    @Test
    fun `the end of the process is survived`() {
        val state = Bundle()
        val before = started()
        live(before)
        before.pause().saveInstanceState(state).stop().destroy()
        val after = started(state)
        after.get().awaitText(R.id.times, "frames per second")
        assertEquals(2, opened.get())
        after.pause().stop().destroy()
        await("both engines are closed") { closed.get() == 2 }
    }
}
