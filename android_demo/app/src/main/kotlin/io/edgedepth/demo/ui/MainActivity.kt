package io.edgedepth.demo.ui

import android.Manifest
import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ComponentCallbacks2
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Bundle
import android.provider.Settings
import android.view.WindowManager
import io.edgedepth.demo.BenchmarkActivity
import io.edgedepth.demo.DemoApplication
import io.edgedepth.demo.R
import io.edgedepth.demo.camera.CameraFault
import io.edgedepth.demo.camera.CameraSource
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.EngineException
import io.edgedepth.demo.core.engine.Frame
import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.picture.PictureReader
import io.edgedepth.demo.session.Choice
import io.edgedepth.demo.session.Session
import io.edgedepth.demo.session.Stage
import io.edgedepth.demo.session.Still
import java.io.Closeable
import java.io.IOException

private const val MODE = "mode"
private const val PICTURE = "picture"
private const val PICK_PICTURE = 1
private const val ALLOW_CAMERA = 2
private const val REFRESH_NANOS = 250_000_000L

/** Tests the model first, then shows depth of the camera or of a picture. */
class MainActivity : Activity(), Session.Watcher {
    private enum class Mode { TEST, CAMERA, PICTURE }

    private val app get() = application as DemoApplication
    private lateinit var session: Session
    private lateinit var screen: MainScreen
    private lateinit var texts: Texts
    private var wanted = Choice()
    private var mode = Mode.TEST
    private var picture: Uri? = null
    private var camera: Closeable? = null
    private var refreshed = 0L

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        texts = Texts(resources)
        screen = MainScreen(this, ::act)
        @Suppress("DEPRECATION") // its successor is a library that this app does without
        session = lastNonConfigurationInstance as Session? ?: Session(app::library, app.opener, app.main)
        wanted = Choice.restore(state)
        mode = Mode.entries.firstOrNull { it.name == state?.getString(MODE) } ?: Mode.TEST
        picture = state?.getString(PICTURE)?.let(Uri::parse)
        screen.onPress(R.id.camera) { go(Mode.CAMERA) }
        screen.onPress(R.id.picture, ::pickPicture)
        screen.onPress(R.id.self_test) { go(Mode.TEST) }
        screen.onPress(R.id.model) { session.models?.let { pickModel(this, texts, it, exact(), ::open) } }
        screen.onPress(R.id.accelerator) { pickAccelerator(this, texts, wanted, ::open) }
        screen.onPress(R.id.benchmark) { startActivity(benchmark()) }
    }

    @Deprecated("Its successor is a library that this app does without.")
    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        wanted.save(state)
        state.putString(MODE, mode.name)
        state.putString(PICTURE, picture?.toString())
    }

    override fun onStart() {
        super.onStart()
        session.watch(this)
        if (session.stage == Stage.Idle) session.open(wanted) else onChange()
    }

    override fun onStop() {
        stopCamera()
        session.watch(null)
        if (!isChangingConfigurations) session.pause()
        super.onStop()
    }

    override fun onChange() {
        stopCamera()
        when (val stage = session.stage) {
            Stage.Idle -> screen.running(null)
            Stage.Opening -> {
                screen.running(null)
                screen.waiting(R.string.opening)
            }
            is Stage.Failed -> {
                screen.running(null)
                screen.notice(Notice.of(stage.error, Action.RETRY), R.color.bad)
            }
            is Stage.Tested -> {
                screen.running(stage.running)
                if (stage.results.all { it.passes }) enter(stage) else screen.tested(stage)
            }
        }
    }

    private fun enter(stage: Stage.Tested) {
        when (mode) {
            Mode.TEST -> screen.tested(stage)
            Mode.CAMERA -> startCamera()
            Mode.PICTURE -> picture?.let(::lookAt) ?: screen.tested(stage)
        }
    }

    /** By the user's own wish, so even where the self-test found a difference. */
    private fun go(next: Mode) {
        mode = next
        stopCamera()
        when (val stage = session.stage) {
            is Stage.Tested -> enter(stage)
            else -> session.open(wanted)
        }
    }

    private fun open(choice: Choice) {
        wanted = choice
        session.open(choice)
    }

    private fun act(action: Action) {
        when (action) {
            Action.RETRY -> session.open(wanted)
            Action.CAMERA -> go(Mode.CAMERA)
            Action.PICTURE -> pickPicture()
            Action.SETTINGS -> startActivity(
                Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)),
            )
        }
    }

    private fun benchmark() = Intent(this, BenchmarkActivity::class.java).putExtras(Bundle().also(exact()::save))

    /** What is wanted, by name where it is the first model that happens to be there. */
    private fun exact(): Choice {
        val running = (session.stage as? Stage.Tested)?.running ?: return wanted
        return wanted.copy(model = running.chosen.name, file = running.chosen.entry.path)
    }

    // The camera

    private fun startCamera() {
        if (checkSelfPermission(Manifest.permission.CAMERA) != PackageManager.PERMISSION_GRANTED) {
            screen.waiting(R.string.starting_camera)
            requestPermissions(arrayOf(Manifest.permission.CAMERA), ALLOW_CAMERA)
            return
        }
        screen.waiting(R.string.starting_camera)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        camera = app.camera().start(displayDegrees(), Receiver())
    }

    override fun onRequestPermissionsResult(code: Int, names: Array<out String>, results: IntArray) {
        if (code != ALLOW_CAMERA || mode != Mode.CAMERA || session.stage !is Stage.Tested) return
        val isAllowed = results.firstOrNull() == PackageManager.PERMISSION_GRANTED
        if (isAllowed) startCamera() else noCamera(CameraFault.NO_PERMISSION, "")
    }

    private fun stopCamera() {
        camera?.close()
        camera = null
        window.clearFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
    }

    private fun noCamera(fault: CameraFault, detail: String) {
        stopCamera()
        screen.notice(Notice.of(resources, fault, detail), R.color.bad)
    }

    @Suppress("DEPRECATION") // what replaced it needs Android 11
    private fun displayDegrees() = windowManager.defaultDisplay.rotation * 90

    private inner class Receiver : CameraSource.Receiver {
        override fun onPicture(height: Int, width: Int, fill: (RgbPicture) -> Unit) = session.offer(height, width, fill)

        override fun onFault(fault: CameraFault, detail: String) = app.main.execute {
            if (mode == Mode.CAMERA && !isDestroyed) noCamera(fault, detail)
        }
    }

    override fun onFrame(frame: Frame) {
        screen.depth.show(frame.picture, frame.colours)
        val now = System.nanoTime()
        if (now - refreshed < REFRESH_NANOS) return
        refreshed = now
        val meaning = frame.depth.meaning
        val limits = frame.limits
        val heat = texts.thermal(app.device.thermalStatus())
        val lines = listOfNotNull(texts.times(frame.times), texts.rate(frame), heat)
        app.main.execute { if (mode == Mode.CAMERA && camera != null) screen.pictures(meaning, limits, lines) }
    }

    // Pictures

    private fun pickPicture() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*")
        try {
            @Suppress("DEPRECATION") // its successor is a library that this app does without
            startActivityForResult(intent, PICK_PICTURE)
        } catch (_: ActivityNotFoundException) {
            screen.notice(
                Notice(getString(R.string.no_gallery), "", getString(R.string.no_gallery_remedy), emptyList()),
                R.color.bad,
            )
        }
    }

    @Deprecated("Its successor is a library that this app does without.")
    override fun onActivityResult(code: Int, result: Int, data: Intent?) {
        val chosen = data?.data
        if (code != PICK_PICTURE || result != RESULT_OK || chosen == null) return
        // So that it can be read again after the process was ended; not every app that gives pictures allows it.
        try {
            contentResolver.takePersistableUriPermission(chosen, Intent.FLAG_GRANT_READ_URI_PERMISSION)
        } catch (_: SecurityException) {
            // It can be read until the app ends.
        }
        picture = chosen
        go(Mode.PICTURE)
    }

    private fun lookAt(chosen: Uri) {
        screen.waiting(R.string.reading_picture)
        val reader = PictureReader(contentResolver)
        session.still {
            try {
                reader.read(chosen)
            } catch (error: IOException) {
                throw unreadable(error)
            }
        }
    }

    private fun unreadable(error: IOException) = EngineException(
        getString(R.string.picture_unreadable), error.message.orEmpty(), getString(R.string.picture_remedy), error,
    )

    override fun onStill(still: Still) {
        if (mode != Mode.PICTURE) return
        screen.depth.show(still.picture, still.colours)
        val lines = listOf(texts.times(still.times), texts.thermal(app.device.thermalStatus()))
        screen.pictures(still.meaning, still.limits, lines)
    }

    override fun onStillFailed(error: DemoException) {
        if (mode == Mode.PICTURE) screen.notice(Notice.of(error, Action.PICTURE), R.color.bad)
    }

    // Memory

    @Suppress("DEPRECATION") // newer phones do not tell any more, older ones do
    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        val isUrgent = level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL
        if (!isUrgent || session.stage == Stage.Idle) return
        session.fail(
            EngineException(
                getString(R.string.low_memory),
                getString(R.string.low_memory_evidence),
                getString(R.string.low_memory_remedy),
            ),
        )
    }
}
