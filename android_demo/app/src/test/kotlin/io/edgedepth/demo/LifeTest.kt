package io.edgedepth.demo

import android.os.Bundle
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.ui.MainActivity
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
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
