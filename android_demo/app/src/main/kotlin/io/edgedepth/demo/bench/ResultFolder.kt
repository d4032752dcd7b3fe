package io.edgedepth.demo.bench

import java.io.File
import java.io.IOException

/**
 * Where results are, for `adb pull` and for the computer that asked. Files appear whole or not at all.
 *
 * @param folder null where the phone's shared storage is not there.
 */
class ResultFolder(private val folder: File?) {
    /**
     * Writes one file; replaces what is there.
     *
     * @throws IOException it cannot be written.
     */
    fun write(name: String, content: String): File {
        if (folder == null) throw IOException("The phone's shared storage is not there.")
        if (!folder.isDirectory && !folder.mkdirs()) throw IOException("$folder cannot be made.")
        val target = File(folder, name)
        val partial = File(folder, ".$name.partial")
        try {
            partial.outputStream().use {
                it.write(content.toByteArray())
                it.fd.sync()
            }
            if (!partial.renameTo(target)) throw IOException("$target cannot be replaced.")
        } finally {
            partial.delete()
        }
        return target
    }
}
