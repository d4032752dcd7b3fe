package io.edgedepth.demo

import android.Manifest
import android.app.Activity
import android.content.ComponentCallbacks2
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Bundle
import io.edgedepth.demo.camera.CameraFault
import io.edgedepth.demo.core.artifact.sha256
import io.edgedepth.demo.core.engine.Accelerator
import io.edgedepth.demo.core.engine.Engine
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.engine.EngineReport
import io.edgedepth.demo.engine.InterpreterOpener
import io.edgedepth.demo.session.Choice
import io.edgedepth.demo.ui.MainActivity
import org.junit.After
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import java.io.File
import java.io.RandomAccessFile

/** Whatever goes wrong has a screen that says what happened and what to do; nothing crashes. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w411dp-h869dp-xhdpi")
class FaultsTest {
    @get:Rule val temporary = TemporaryFolder()
    private val controllers = ArrayList<ActivityController<MainActivity>>()

    @After
    fun end() = controllers.forEach { it.pause().stop().destroy() }

    private fun start(choice: Choice = Choice()): MainActivity {
        val controller = Robolectric.buildActivity(MainActivity::class.java)
        controllers += controller
        return controller.setup(Bundle().also(choice::save)).get()
    }

    private fun Activity.says(title: String, name: String) {
        awaitText(R.id.notice_title, title)
        assertTrue("there is no remedy", said(R.id.notice_remedy).isNotEmpty())
        picture(name)
    }

    private fun broken(title: String, name: String, artifact: String = "flex-nano-bytes", change: (File) -> Unit) {
        val folder = File(temporary.root, artifact)
        File(fixture("artifacts"), artifact).copyRecursively(folder)
        change(folder)
        app.artifacts = listOf(folder)
        start().says(title, name)
    }

    private fun File.graph() = requireNotNull(listFiles()).first { it.extension == "tflite" }

    private fun File.edit(from: String, to: String) = edit(Regex(Regex.escape(from)), to)

    private fun File.edit(from: Regex, to: String) = File(this, "manifest.json").run {
        val text = readText()
        assertTrue("$from", from in text)
        writeText(text.replace(from, to))
    }

    @Test
    fun `no manifest`() =
        broken("manifest.json is missing.", "fault-no-manifest") { File(it, "manifest.json").delete() }

    @Test
    fun `no graph`() = broken("is missing.", "fault-no-graph") { it.graph().delete() }

    @Test
    fun `a graph that is cut off`() = broken("is not whole.", "fault-truncated") {
        RandomAccessFile(it.graph(), "rw").use { file -> file.setLength(file.length() / 2) }
    }

    @Test
    fun `a graph with another byte`() = broken("is damaged", "fault-altered") {
        RandomAccessFile(it.graph(), "rw").use { file ->
            file.seek(file.length() / 2)
            val byte = file.read()
            file.seek(file.length() / 2)
            file.write(byte xor 1)
        }
    }

    @Test
    fun `a graph that is not what the manifest says`() =
        broken("does not fit its manifest.", "fault-mismatched") { it.edit("\"uint8\"", "\"float32\"") }

    @Test
    fun `a graph of no bytes`() = broken("is not whole.", "fault-empty") { it.graph().writeBytes(ByteArray(0)) }

    @Test
    fun `a graph of no bytes, as promised`() = broken("The model cannot be opened.", "fault-no-bytes") {
        val graph = it.graph()
        it.edit("\"sha256\": \"${sha256(graph.readBytes())}\"", "\"sha256\": \"${sha256(ByteArray(0))}\"")
        it.edit("\"bytes\": ${graph.length()}", "\"bytes\": 0")
        graph.writeBytes(ByteArray(0))
    }

    @Test
    fun `a manifest that is cut off`() = broken("manifest of flex-nano-bytes cannot be read.", "fault-manifest") {
        File(it, "manifest.json").run { writeText(readText().take(1000)) }
    }

    @Test
    fun `a reference that is missing`() = broken("is missing.", "fault-no-reference") {
        requireNotNull(File(it, "reference").listFiles()).first().delete()
    }

    /** Neither the app nor its Python runtime knows what such integers stand for. */
    @Test
    fun `a graph that takes or gives signed bytes without a scale`() {
        for ((role, said) in listOf("image" to "This app cannot feed the model.", "disparity" to "cannot be read.")) {
            val folder = temporary.newFolder().apply { deleteRecursively() }
            File(fixture("artifacts"), "flex-nano-bytes").copyRecursively(folder)
            val dtype = if (role == "image") "uint8" else "float32"
            val spec = Regex("\"$dtype\"(,\\s*\"layout\": \"NHWC\",\\s*\"name\": \"$role\")")
            folder.edit(spec, "\"int8\"$1")
            app.artifacts = listOf(folder)
            app.runtime = EngineOpener { model, options -> Signed(computer.open(model, options)) }
            start().says(said, "fault-signed-$role")
        }
    }

    private class Signed(engine: Engine) : Engine by engine {
        override val input = engine.input.copy(dtype = "int8")
    }

    @Test
    fun `two folders with models of one name are two models`() {
        val twins = listOf("first", "second").map { name ->
            File(temporary.root, name).also { File(fixture("artifacts"), "flex-nano-bytes").copyRecursively(it) }
        }
        twins[0].graph().delete()
        app.artifacts = twins
        start(Choice(model = "first")).says("is missing.", "fault-first-twin")
        start(Choice(model = "second")).awaitText(R.id.notice_title, "computes what it should")
    }

    @Test
    fun `an artifact of a newer edgedepth`() = broken("was written by a newer edgedepth.", "fault-newer") {
        it.edit("\"schema_version\": 4", "\"schema_version\": 99")
    }

    @Test
    fun `no model`() {
        app.artifacts = emptyList()
        start().says("There is no model in this app.", "fault-no-model")
    }

    @Test
    fun `a GPU that takes a part of the graph`() {
        app.runtime = EngineOpener { model, options ->
            val engine = computer.open(model, options.copy(accelerator = Accelerator.CPU))
            object : Engine by engine {
                override val report = EngineReport("litert", "1", Accelerator.GPU, null, 120, 148, 3, false)
            }
        }
        start(Choice(accelerator = Accelerator.GPU)).says("The GPU does not run the whole model.", "fault-gpu")
    }

    @Test
    fun `no GPU`() =
        start(Choice(accelerator = Accelerator.GPU)).says("The GPU does not run the model.", "fault-no-gpu")

    @Test
    fun `a runtime for another processor`() {
        app.runtime = InterpreterOpener()
        start().says("The runtime is not in this app.", "fault-no-runtime")
    }

    @Test
    fun `too little memory for the model`() {
        app.runtime = EngineOpener { _, _ -> throw OutOfMemoryError("Failed to allocate a 64 MB buffer") }
        start().says("There is not enough memory.", "fault-memory")
    }

    @Test
    fun `too little memory for the phone`() {
        val screen = tested()
        @Suppress("DEPRECATION")
        screen.onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL)
        screen.says("The phone is short of memory", "fault-low-memory")
    }

    private fun tested() = start().apply { awaitText(R.id.notice_title, "computes what it should") }

    @Test
    fun `the camera is not allowed`() {
        val screen = tested()
        screen.press(R.id.camera)
        val asked = requireNotNull(shadowOf(screen).lastRequestedPermission)
        assertTrue(Manifest.permission.CAMERA in asked.requestedPermissions)
        screen.onRequestPermissionsResult(
            asked.requestCode, asked.requestedPermissions, intArrayOf(PackageManager.PERMISSION_DENIED),
        )
        screen.says("The app may not use the camera", "fault-permission")
    }

    private fun cameraSays(fault: CameraFault, title: String, name: String) {
        allowCamera()
        app.source = Broken(fault, "")
        val screen = tested()
        screen.press(R.id.camera)
        screen.says(title, name)
    }

    @Test
    fun `no camera`() = cameraSays(CameraFault.NONE, "no camera", "fault-no-camera")

    @Test
    fun `a camera that another app uses`() = cameraSays(CameraFault.IN_USE, "Another app", "fault-camera-in-use")

    @Test
    fun `a picture that is none`() {
        val uri = Uri.parse("content://gallery/text")
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { "no picture".byteInputStream() }
        val screen = tested()
        screen.press(R.id.picture)
        val asked = shadowOf(screen).nextStartedActivityForResult
        shadowOf(screen).receiveResult(asked.intent, Activity.RESULT_OK, Intent().setData(uri))
        screen.says("The picture cannot be read", "fault-picture")
    }
}
