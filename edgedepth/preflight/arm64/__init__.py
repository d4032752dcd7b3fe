"""Running .tflite files on an emulated ARM64 processor: QEMU's user mode under LiteRT's own ARM64 build."""
