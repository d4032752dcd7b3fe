/* LiteRT 2.3's C API behind io.edgedepth.demo.desktop.Native, for tests on Linux.
 *
 * libLiteRt.so is opened at run time, so that this compiles without LiteRT's headers: prototypes and layouts below are
 * those of LiteRT 2.3. Failures become IllegalStateException with one line. */
#include <dlfcn.h>
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU 1
#define FOR_READING 0
#define FOR_WRITING 1
#define MAX_RANK 8
#define MAX_OUTPUTS 8

typedef void *Handle;

/* 72 bytes: the element's type; rank in the lowest 7 bits of the next word; sizes; strides. */
typedef struct {
  int32_t element;
  uint32_t rank;
  int32_t sizes[MAX_RANK];
  uint32_t strides[MAX_RANK];
} TensorType;

static struct {
  int (*CreateEnvironment)(int, const void *, Handle *);
  int (*CreateModelFromBuffer)(Handle environment, const void *, size_t, Handle *);
  int (*CreateOptions)(Handle *);
  int (*SetOptionsHardwareAccelerators)(Handle, int);
  int (*CreateOpaqueOptions)(const char *, void *, void (*)(void *), Handle *);
  int (*AddOpaqueOptions)(Handle, Handle);
  int (*CreateCompiledModel)(Handle, Handle, Handle, Handle *);
  int (*GetModelSignature)(Handle, size_t, Handle *);
  int (*GetNumSignatureInputs)(Handle, size_t *);
  int (*GetNumSignatureOutputs)(Handle, size_t *);
  int (*GetSignatureInputName)(Handle, size_t, const char **);
  int (*GetSignatureOutputName)(Handle, size_t, const char **);
  int (*GetSignatureInputTensorByIndex)(Handle, size_t, Handle *);
  int (*GetSignatureOutputTensorByIndex)(Handle, size_t, Handle *);
  int (*GetRankedTensorType)(Handle, TensorType *);
  int (*GetCompiledModelInputBufferRequirements)(Handle, size_t, size_t, Handle *);
  int (*GetCompiledModelOutputBufferRequirements)(Handle, size_t, size_t, Handle *);
  int (*CreateManagedTensorBufferFromRequirements)(Handle, const TensorType *, Handle, Handle *);
  int (*GetTensorBufferPackedSize)(Handle, size_t *);
  int (*LockTensorBuffer)(Handle, void **, int);
  int (*UnlockTensorBuffer)(Handle);
  int (*RunCompiledModel)(Handle, size_t, size_t, Handle *, size_t, Handle *);
  void (*DestroyTensorBuffer)(Handle);
  void (*DestroyCompiledModel)(Handle);
  void (*DestroyOptions)(Handle);
  void (*DestroyModel)(Handle);
} lrt;

/* One for all graphs: every environment holds memory that it never gives back. */
static Handle environment;

typedef struct {
  const char *name;
  TensorType type;
  Handle buffer;
  size_t bytes;
} Tensor;

/* Every output has a buffer, because a run fills them all; only the wanted one is read. */
typedef struct {
  Handle model, options, compiled;
  Tensor input, outputs[MAX_OUTPUTS];
  size_t output_count, wanted;
} Engine;

static int thrown(JNIEnv *env, const char *what, const char *which) {
  char line[512];
  snprintf(line, sizeof line, "%s: %s", what, which);
  (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/IllegalStateException"), line);
  return 1;
}

/* Whether a call failed; then an exception is on its way. */
static int failed(JNIEnv *env, int status, const char *what) {
  char number[32];
  if (!status) return 0;
  snprintf(number, sizeof number, "LiteRT status %d", status);
  return thrown(env, what, number);
}

#define TRY(call, what) \
  if (failed(env, lrt.call, what)) return 1

JNIEXPORT void JNICALL Java_io_edgedepth_demo_desktop_Native_load(JNIEnv *env, jclass type, jstring path) {
  (void)type;
  if (environment) return;
  const char *name = (*env)->GetStringUTFChars(env, path, NULL);
  Handle library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  (*env)->ReleaseStringUTFChars(env, path, name);
  if (!library) {
    thrown(env, "cannot open the library", dlerror());
    return;
  }
#define ENTRY(name)                                                                                   \
  if (!(*(void **)&lrt.name = dlsym(library, "LiteRt" #name))) {                                      \
    thrown(env, "the library is no libLiteRt.so of LiteRT 2.3, which exports", "LiteRt" #name);       \
    return;                                                                                           \
  }
  ENTRY(CreateEnvironment)
  ENTRY(CreateModelFromBuffer)
  ENTRY(CreateOptions)
  ENTRY(SetOptionsHardwareAccelerators)
  ENTRY(CreateOpaqueOptions)
  ENTRY(AddOpaqueOptions)
  ENTRY(CreateCompiledModel)
  ENTRY(GetModelSignature)
  ENTRY(GetNumSignatureInputs)
  ENTRY(GetNumSignatureOutputs)
  ENTRY(GetSignatureInputName)
  ENTRY(GetSignatureOutputName)
  ENTRY(GetSignatureInputTensorByIndex)
  ENTRY(GetSignatureOutputTensorByIndex)
  ENTRY(GetRankedTensorType)
  ENTRY(GetCompiledModelInputBufferRequirements)
  ENTRY(GetCompiledModelOutputBufferRequirements)
  ENTRY(CreateManagedTensorBufferFromRequirements)
  ENTRY(GetTensorBufferPackedSize)
  ENTRY(LockTensorBuffer)
  ENTRY(UnlockTensorBuffer)
  ENTRY(RunCompiledModel)
  ENTRY(DestroyTensorBuffer)
  ENTRY(DestroyCompiledModel)
  ENTRY(DestroyOptions)
  ENTRY(DestroyModel)
#undef ENTRY
  failed(env, lrt.CreateEnvironment(0, NULL, &environment), "environment");
}

static void destroy(Engine *engine) {
  for (size_t i = 0; i < engine->output_count; i++)
    if (engine->outputs[i].buffer) lrt.DestroyTensorBuffer(engine->outputs[i].buffer);
  if (engine->input.buffer) lrt.DestroyTensorBuffer(engine->input.buffer);
  if (engine->compiled) lrt.DestroyCompiledModel(engine->compiled);
  if (engine->options) lrt.DestroyOptions(engine->options);
  if (engine->model) lrt.DestroyModel(engine->model);
  free(engine);
}

static int set_options(JNIEnv *env, Engine *engine, int threads) {
  char text[64];
  Handle cpu;
  TRY(CreateOptions(&engine->options), "options");
  TRY(SetOptionsHardwareAccelerators(engine->options, CPU), "options");
  snprintf(text, sizeof text, "num_threads = %d\n", threads);
  TRY(CreateOpaqueOptions("xnnpack", strdup(text), free, &cpu), "thread count");
  TRY(AddOpaqueOptions(engine->options, cpu), "thread count");
  return 0;
}

static int allocate(JNIEnv *env, Handle tensor, Handle needs, Tensor *found) {
  TRY(GetRankedTensorType(tensor, &found->type), "tensor type");
  TRY(CreateManagedTensorBufferFromRequirements(environment, &found->type, needs, &found->buffer), "buffer");
  TRY(GetTensorBufferPackedSize(found->buffer, &found->bytes), "buffer size");
  return 0;
}

static int allocate_input(JNIEnv *env, Engine *engine, Handle signature) {
  size_t count;
  Handle tensor, needs;
  TRY(GetNumSignatureInputs(signature, &count), "tensor count");
  if (count != 1) return thrown(env, "this graph has not one input", "input");
  TRY(GetSignatureInputName(signature, 0, &engine->input.name), "tensor name");
  TRY(GetSignatureInputTensorByIndex(signature, 0, &tensor), "tensor");
  TRY(GetCompiledModelInputBufferRequirements(engine->compiled, 0, 0, &needs), "buffer requirements");
  return allocate(env, tensor, needs, &engine->input);
}

/* NULL: the first output; of a single one the name does not matter. */
static int allocate_outputs(JNIEnv *env, Engine *engine, Handle signature, const char *wanted) {
  size_t count, i;
  Handle tensor, needs;
  TRY(GetNumSignatureOutputs(signature, &count), "tensor count");
  if (count < 1 || count > MAX_OUTPUTS) return thrown(env, "this graph has not 1 to 8 outputs", "output");
  engine->output_count = count;
  engine->wanted = wanted && count > 1 ? count : 0;
  for (i = 0; i < count; i++) {
    Tensor *found = &engine->outputs[i];
    TRY(GetSignatureOutputName(signature, i, &found->name), "tensor name");
    TRY(GetSignatureOutputTensorByIndex(signature, i, &tensor), "tensor");
    TRY(GetCompiledModelOutputBufferRequirements(engine->compiled, 0, i, &needs), "buffer requirements");
    if (allocate(env, tensor, needs, found)) return 1;
    if (wanted && !strcmp(found->name, wanted)) engine->wanted = i;
  }
  if (engine->wanted == count) return thrown(env, "none of its outputs is called", wanted);
  return 0;
}

static int fill(JNIEnv *env, Engine *engine, const void *model, size_t bytes, int threads, const char *wanted) {
  Handle signature;
  TRY(CreateModelFromBuffer(environment, model, bytes, &engine->model), "this is no model");
  if (set_options(env, engine, threads)) return 1;
  TRY(CreateCompiledModel(environment, engine->model, engine->options, &engine->compiled), "it does not compile");
  TRY(GetModelSignature(engine->model, 0, &signature), "signature");
  return allocate_input(env, engine, signature) || allocate_outputs(env, engine, signature, wanted);
}

JNIEXPORT jlong JNICALL Java_io_edgedepth_demo_desktop_Native_open(JNIEnv *env, jclass type, jobject model, jint threads,
                                                                   jstring output) {
  (void)type;
  Engine *engine = calloc(1, sizeof *engine);
  if (!engine) return thrown(env, "memory", "none is left"), 0;
  const void *bytes = (*env)->GetDirectBufferAddress(env, model);
  const char *wanted = output ? (*env)->GetStringUTFChars(env, output, NULL) : NULL;
  int status = fill(env, engine, bytes, (*env)->GetDirectBufferCapacity(env, model), threads, wanted);
  if (wanted) (*env)->ReleaseStringUTFChars(env, output, wanted);
  if (status) {
    destroy(engine);
    return 0;
  }
  return (jlong)(intptr_t)engine;
}

static Tensor *tensor_of(jlong engine, jboolean output) {
  Engine *opened = (Engine *)(intptr_t)engine;
  return output ? &opened->outputs[opened->wanted] : &opened->input;
}

JNIEXPORT jstring JNICALL Java_io_edgedepth_demo_desktop_Native_name(JNIEnv *env, jclass type, jlong engine, jboolean output) {
  (void)type;
  return (*env)->NewStringUTF(env, tensor_of(engine, output)->name);
}

/* The number of the element's type, then the sizes. */
JNIEXPORT jintArray JNICALL Java_io_edgedepth_demo_desktop_Native_shape(JNIEnv *env, jclass type, jlong engine, jboolean output) {
  (void)type;
  const Tensor *tensor = tensor_of(engine, output);
  jsize rank = tensor->type.rank & 0x7f;
  jintArray found = (*env)->NewIntArray(env, rank + 1);
  if (!found) return NULL;
  (*env)->SetIntArrayRegion(env, found, 0, 1, &tensor->type.element);
  (*env)->SetIntArrayRegion(env, found, 1, rank < MAX_RANK ? rank : MAX_RANK, tensor->type.sizes);
  return found;
}

JNIEXPORT jint JNICALL Java_io_edgedepth_demo_desktop_Native_bytes(JNIEnv *env, jclass type, jlong engine, jboolean output) {
  (void)env;
  (void)type;
  return (jint)tensor_of(engine, output)->bytes;
}

static int run(JNIEnv *env, Engine *engine, const void *in, void *out) {
  const Tensor *wanted = &engine->outputs[engine->wanted];
  Handle outputs[MAX_OUTPUTS];
  void *data;
  for (size_t i = 0; i < engine->output_count; i++) outputs[i] = engine->outputs[i].buffer;
  TRY(LockTensorBuffer(engine->input.buffer, &data, FOR_WRITING), "writing the input");
  memcpy(data, in, engine->input.bytes);
  TRY(UnlockTensorBuffer(engine->input.buffer), "writing the input");
  TRY(RunCompiledModel(engine->compiled, 0, 1, &engine->input.buffer, engine->output_count, outputs), "inference");
  TRY(LockTensorBuffer(wanted->buffer, &data, FOR_READING), "reading the output");
  memcpy(out, data, wanted->bytes);
  TRY(UnlockTensorBuffer(wanted->buffer), "reading the output");
  return 0;
}

JNIEXPORT void JNICALL Java_io_edgedepth_demo_desktop_Native_run(JNIEnv *env, jclass type, jlong engine, jobject in, jobject out) {
  (void)type;
  run(env, (Engine *)(intptr_t)engine, (*env)->GetDirectBufferAddress(env, in), (*env)->GetDirectBufferAddress(env, out));
}

JNIEXPORT void JNICALL Java_io_edgedepth_demo_desktop_Native_close(JNIEnv *env, jclass type, jlong engine) {
  (void)env;
  (void)type;
  destroy((Engine *)(intptr_t)engine);
}
