package io.edgedepth.demo.ui

import android.content.res.Resources
import io.edgedepth.demo.R
import io.edgedepth.demo.camera.CameraFault
import io.edgedepth.demo.core.DemoException

/** What a button below a notice does. */
enum class Action(val label: Int) {
    RETRY(R.string.retry),
    CAMERA(R.string.start_camera),
    SETTINGS(R.string.settings),
    PICTURE(R.string.open_picture),
}

/**
 * What happened and what to do, for the screen.
 *
 * @property evidence what was seen that says so; may be empty.
 * @property actions offered as buttons.
 */
data class Notice(val title: String, val evidence: String, val remedy: String, val actions: List<Action>) {
    companion object {
        /** Of whatever core reports. */
        fun of(error: DemoException, vararg actions: Action) =
            Notice(error.what, error.evidence, error.remedy, actions.toList())

        /** Of a camera that gives no pictures. */
        fun of(resources: Resources, fault: CameraFault, detail: String): Notice {
            val (title, remedy, action) = when (fault) {
                CameraFault.NONE -> Triple(R.string.no_camera, R.string.no_camera_remedy, null)
                CameraFault.NO_PERMISSION -> Triple(R.string.not_allowed, R.string.not_allowed_remedy, Action.SETTINGS)
                CameraFault.IN_USE -> Triple(R.string.in_use, R.string.in_use_remedy, Action.CAMERA)
                CameraFault.FORBIDDEN -> Triple(R.string.forbidden, R.string.forbidden_remedy, null)
                CameraFault.BROKEN -> Triple(R.string.broken, R.string.broken_remedy, Action.CAMERA)
            }
            val actions = listOfNotNull(action, Action.PICTURE)
            return Notice(resources.getString(title), detail, resources.getString(remedy), actions)
        }
    }
}
