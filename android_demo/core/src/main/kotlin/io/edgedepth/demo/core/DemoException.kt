package io.edgedepth.demo.core

/**
 * Every fault that a user can meet, as three lines for a screen.
 *
 * @property what went wrong.
 * @property evidence what was seen that says so; empty where [what] says it all.
 * @property remedy what to do about it.
 */
sealed class DemoException(
    val what: String,
    val evidence: String,
    val remedy: String,
    reason: Throwable? = null,
) : Exception(listOf(what, evidence, remedy).filter(String::isNotEmpty).joinToString("\n"), reason)

/** An artifact that cannot be used; [fault] says in which way. */
class ArtifactException(
    val fault: Fault,
    what: String,
    evidence: String,
    remedy: String,
    reason: Throwable? = null,
) : DemoException(what, evidence, remedy, reason) {
    /** What can be wrong with an artifact. */
    enum class Fault {
        /** A file that should be there is not. */
        MISSING,

        /** Not what it should be: no JSON, no manifest, no archive. */
        UNREADABLE,

        /** Of a schema that this version does not know. */
        NEWER,

        /** Shorter or longer than the manifest says. */
        TRUNCATED,

        /** As long as it should be, but other bytes. */
        ALTERED,

        /** A sound file whose tensors are not those of the manifest. */
        MISMATCHED,

        /** A sound artifact that asks for something this version cannot do. */
        UNSUPPORTED,
    }
}

/** A runtime that could not open or run a graph. */
class EngineException(what: String, evidence: String, remedy: String, reason: Throwable? = null) :
    DemoException(what, evidence, remedy, reason)

/** The accelerator that was asked for did not take the whole graph. */
class DelegationException(what: String, evidence: String, remedy: String, reason: Throwable? = null) :
    DemoException(what, evidence, remedy, reason)

/** A benchmark request that cannot be served. */
class RequestException(what: String, evidence: String, remedy: String, reason: Throwable? = null) :
    DemoException(what, evidence, remedy, reason)
