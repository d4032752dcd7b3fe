import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "io.edgedepth.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "io.edgedepth.demo"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "1.0.0"
        // Phones. Add x86_64 for an emulator on a computer.
        ndk { abiFilters += "arm64-v8a" }
    }

    // Stored as they are, so that they need no unpacking.
    androidResources { noCompress += "tflite" }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
}

kotlin {
    compilerOptions {
        jvmTarget.set(JvmTarget.JVM_1_8)
        allWarningsAsErrors.set(true)
    }
}

dependencies {
    implementation(project(":core"))
    // The classes org.tensorflow.lite.*, with native libraries aligned to 16 KB pages.
    implementation(libs.litert)
    implementation(libs.litert.gpu)
}

// An app without a model would only show that it has none.
val requireModels by tasks.registering {
    val models = layout.projectDirectory.dir("src/main/assets/models")
    doLast {
        if (models.asFileTree.none { it.name == "manifest.json" }) {
            throw GradleException(
                "There is no model in $models. Put one there: edgedepth bundle ARTIFACT --android android_demo",
            )
        }
    }
}
tasks.named("preBuild") { dependsOn(requireModels) }
