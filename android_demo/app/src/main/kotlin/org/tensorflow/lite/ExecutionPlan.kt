package org.tensorflow.lite

/**
 * How many steps one run has: operators and delegated pieces together. A graph that one delegate took whole has one.
 *
 * The interpreter knows it but shows it to its own package only, which is why this file is in it. It is the only way to
 * learn from the Interpreter API whether a delegate left operators to the processor: that raises no error.
 *
 * @return null where this version of the runtime does not have the method.
 */
internal fun Interpreter.executionPlanLengthOrNull(): Int? = try {
    getExecutionPlanLength()
} catch (_: NoSuchMethodError) {
    null
} catch (_: IllegalAccessError) {
    null
}
