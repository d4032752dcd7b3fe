package io.edgedepth.demo.core.artifact

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/** The name of the file that describes an artifact. */
const val MANIFEST = "manifest.json"

private const val EXPORT_AGAIN = "Export the model again and bundle it anew."
private const val CHUNK = 1 shl 16
private const val LARGEST_GRAPH = 256 shl 20

/** Where an artifact's files are: a folder, or an app's assets. */
interface ArtifactFolder {
    /** Names the artifact in messages. */
    val name: String

    /**
     * Opens a file of the artifact.
     *
     * @param path relative, with `/`.
     * @throws FileNotFoundException where there is none.
     */
    fun open(path: String): InputStream
}

/** An artifact in an ordinary folder. */
class DirectoryFolder(private val folder: File) : ArtifactFolder {
    override val name: String get() = folder.name

    override fun open(path: String): InputStream = File(folder, path).inputStream()
}

/** An artifact: its manifest and its checked files. */
class Artifact private constructor(private val folder: ArtifactFolder, val manifest: Manifest) {
    /**
     * A graph's bytes, checked.
     *
     * @return a direct buffer in native order, as runtimes want it.
     * @throws ArtifactException missing, truncated or altered.
     */
    fun graph(entry: FileEntry): ByteBuffer {
        if (entry.bytes > LARGEST_GRAPH) throw tooLarge(entry)
        val buffer = ByteBuffer.allocateDirect(entry.bytes.toInt()).order(ByteOrder.nativeOrder())
        val chunk = ByteArray(CHUNK)
        var found = 0L
        reading(folder, entry.path) { stream ->
            while (true) {
                val count = stream.read(chunk)
                if (count < 0) break
                found += count
                if (found <= entry.bytes) buffer.put(chunk, 0, count)
            }
        }
        if (found != entry.bytes) throw truncated(entry, found)
        buffer.rewind()
        verify(buffer, entry)
        return buffer
    }

    /**
     * Checks a graph that was loaded or mapped by other means.
     *
     * @param content from its position to its limit; both stay.
     * @throws ArtifactException truncated or altered.
     */
    fun verify(content: ByteBuffer, entry: FileEntry) {
        if (content.remaining().toLong() != entry.bytes) throw truncated(entry, content.remaining().toLong())
        requireSame(entry.path, sha256(content), entry.sha256)
    }

    /**
     * A stored reference, checked.
     *
     * @throws ArtifactException missing, altered, or no such archive.
     */
    fun reference(entry: ReferenceEntry): Reference {
        val content = reading(folder, entry.path) { it.readBytes() }
        requireSame(entry.path, sha256(content), entry.sha256)
        return readReference(content, entry)
    }

    private fun truncated(entry: FileEntry, found: Long) = ArtifactException(
        Fault.TRUNCATED,
        "${entry.path} is not whole.",
        "It has $found bytes; the manifest says ${entry.bytes}.",
        EXPORT_AGAIN,
    )

    private fun tooLarge(entry: FileEntry) = ArtifactException(
        Fault.UNSUPPORTED,
        "${entry.path} is too large for this app.",
        "It has ${entry.bytes} bytes; the app takes up to $LARGEST_GRAPH.",
        "Choose a smaller model or precision.",
    )

    companion object {
        /**
         * Opens an artifact by its manifest; graphs and references are checked when they are read.
         *
         * @throws ArtifactException no manifest, or one that cannot be read.
         */
        fun open(folder: ArtifactFolder): Artifact =
            Artifact(folder, readManifest(reading(folder, MANIFEST) { it.readBytes() }, folder.name))
    }
}

/** SHA-256 as 64 lower-case hexadecimal digits. */
fun sha256(content: ByteArray): String = hexadecimal(MessageDigest.getInstance("SHA-256").digest(content))

/** SHA-256 of a buffer from its position to its limit, which stay. */
fun sha256(content: ByteBuffer): String {
    val digest = MessageDigest.getInstance("SHA-256")
    digest.update(content.duplicate())
    return hexadecimal(digest.digest())
}

private fun hexadecimal(bytes: ByteArray) =
    bytes.joinToString("") { (it.toInt() and 0xff).toString(16).padStart(2, '0') }

private fun requireSame(path: String, found: String, promised: String) {
    if (found == promised) return
    throw ArtifactException(
        Fault.ALTERED,
        "$path is damaged, or is not the file that was exported.",
        "sha256 ${found.take(12)}, the manifest says ${promised.take(12)}.",
        EXPORT_AGAIN,
    )
}

private inline fun <T> reading(folder: ArtifactFolder, path: String, read: (InputStream) -> T): T {
    try {
        return folder.open(path).use(read)
    } catch (error: FileNotFoundException) {
        throw ArtifactException(Fault.MISSING, "$path is missing.", "Looked in ${folder.name}.", EXPORT_AGAIN, error)
    } catch (error: IOException) {
        throw ArtifactException(
            Fault.UNREADABLE,
            "$path of ${folder.name} cannot be read.",
            error.message ?: error.javaClass.simpleName,
            EXPORT_AGAIN,
            error,
        )
    }
}
