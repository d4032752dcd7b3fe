package io.edgedepth.demo.model

import android.content.res.AssetManager
import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.DemoException
import io.edgedepth.demo.core.artifact.Artifact
import io.edgedepth.demo.core.artifact.ArtifactFolder
import io.edgedepth.demo.core.artifact.FileEntry
import java.io.InputStream

private const val MODELS = "models"
private const val BUNDLE =
    "On the computer: edgedepth bundle ARTIFACT --android android_demo, then build the app again."

/** An artifact in the app's assets. */
class AssetFolder(private val assets: AssetManager, override val name: String) : ArtifactFolder {
    override fun open(path: String): InputStream = assets.open("$MODELS/$name/$path")
}

/** One bundled artifact: it, or why it cannot be used. */
class Bundled(val name: String, val artifact: Artifact?, val fault: DemoException?)

/** One graph of a bundled artifact; [name] is the artifact's in the app's assets. */
class Chosen(val name: String, val artifact: Artifact, val entry: FileEntry)

/** The artifacts in the app's assets, by name. */
class Library(val models: List<Bundled>) {
    /**
     * The graph that was chosen, or the first one where nothing was.
     *
     * @param model name of an artifact; null: the first that can be used.
     * @param file path of one of its graphs; null, or one that it does not have: its first.
     * @throws ArtifactException there is none, or it is broken.
     */
    fun find(model: String?, file: String?): Chosen {
        val bundled = models.firstOrNull { it.name == model }
            ?: models.firstOrNull { it.artifact != null }
            ?: models.firstOrNull()
            ?: throw ArtifactException(ArtifactException.Fault.MISSING, "There is no model in this app.", "", BUNDLE)
        val artifact = bundled.artifact ?: throw requireNotNull(bundled.fault)
        val graphs = artifact.manifest.graphs
        val entry = graphs.firstOrNull { it.path == file } ?: graphs.firstOrNull() ?: throw ArtifactException(
            ArtifactException.Fault.UNSUPPORTED,
            "${bundled.name} has no .tflite file, and this app runs nothing else.",
            "It has: ${artifact.manifest.files.joinToString { it.path }}.",
            BUNDLE,
        )
        return Chosen(bundled.name, artifact, entry)
    }

    companion object {
        /** Reads the manifests of all bundled artifacts; a broken one does not hide the others. */
        fun of(assets: AssetManager): Library {
            // Phones list the folders, Robolectric all paths below.
            val names = assets.list(MODELS).orEmpty().map { it.substringBefore('/') }.distinct().sorted()
            return of(names.map { AssetFolder(assets, it) })
        }

        /** The same of any folders. */
        fun of(folders: List<ArtifactFolder>): Library = Library(folders.map(::bundled))

        private fun bundled(folder: ArtifactFolder): Bundled = try {
            Bundled(folder.name, Artifact.open(folder), null)
        } catch (error: DemoException) {
            Bundled(folder.name, null, error)
        }
    }
}
