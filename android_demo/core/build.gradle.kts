import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    compilerOptions {
        // Java 8 byte code: any dexer takes it, and Android 7 runs it.
        jvmTarget.set(JvmTarget.JVM_1_8)
        freeCompilerArgs.addAll("-Xjdk-release=1.8", "-Xlambdas=class", "-Xsam-conversions=class")
        allWarningsAsErrors.set(true)
    }
}

java {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
}

dependencies {
    testImplementation(libs.junit)
}

tasks.test {
    useJUnit()
    // Where `check` puts artifacts and test vectors; what needs them is skipped where it was not run.
    systemProperty("edgedepth.fixtures", rootProject.file("build").path)
}
