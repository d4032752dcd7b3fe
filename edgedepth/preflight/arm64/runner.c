/* Runs a .tflite file with LiteRT 2.3's C API and tells the time as LiteRT's classic benchmark_model does.
 *
 * It opens libLiteRt.so at run time, so that it compiles without LiteRT's headers: prototypes and layouts below are
 * those of LiteRT 2.3. The library does not tell its version; entry points that came with this calling convention
 * must be there.
 *
 *   runner --graph=FILE [--library=libLiteRt.so] [--num_threads=1] [--num_runs=50] [--min_secs=1] [--max_secs=150]
 *          [--warmup_runs=1] [--warmup_min_secs=0.5] [--input_file=NAME:FILE]... [--output_file=NAME:FILE]...
 *          [--marks=0]
 *
 * Files hold a tensor's bytes as they are; inputs that none is given for get the same noise in every run. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_TENSORS 1024
#define CPU 1
#define FOR_READING 0
#define FOR_WRITING 1
#define FLOAT32 1
/* Refused by every kernel; icount.c reads it as a mark before and after each inference. */
#define MARK 0x65646765

typedef void *Handle;

/* 72 bytes in LiteRT 2.3: the element's type, then rank, sizes and strides, which only pass through here. */
typedef struct {
  int32_t element;
  uint32_t layout[31];
} TensorType;

static struct {
  int (*CreateEnvironment)(int, const void *, Handle *);
  int (*CreateModelFromFile)(Handle environment, const char *, Handle *);
  int (*CreateModelFromAllocation)(void);
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
} lrt;

typedef struct {
  const char *name;
  Handle buffer;
  size_t bytes;
  int32_t element;
} Tensor;

static void fail(const char *what, const char *which) {
  fprintf(stderr, "ERROR: %s: %s\n", what, which);
  exit(1);
}

static void check(int status, const char *what) {
  char number[32];
  if (!status) return;
  snprintf(number, sizeof number, "LiteRT status %d", status);
  fail(what, number);
}

static void *entry(Handle library, const char *name) {
  char symbol[96];
  snprintf(symbol, sizeof symbol, "LiteRt%s", name);
  void *found = dlsym(library, symbol);
  if (!found) fail("this runner needs libLiteRt.so of LiteRT 2.3, which exports", symbol);
  return found;
}

static void open_library(const char *path) {
  Handle library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (!library) fail("cannot open the library", dlerror());
#define ENTRY(name) *(void **)&lrt.name = entry(library, #name)
  ENTRY(CreateEnvironment);
  ENTRY(CreateModelFromFile);
  ENTRY(CreateModelFromAllocation);
  ENTRY(CreateOptions);
  ENTRY(SetOptionsHardwareAccelerators);
  ENTRY(CreateOpaqueOptions);
  ENTRY(AddOpaqueOptions);
  ENTRY(CreateCompiledModel);
  ENTRY(GetModelSignature);
  ENTRY(GetNumSignatureInputs);
  ENTRY(GetNumSignatureOutputs);
  ENTRY(GetSignatureInputName);
  ENTRY(GetSignatureOutputName);
  ENTRY(GetSignatureInputTensorByIndex);
  ENTRY(GetSignatureOutputTensorByIndex);
  ENTRY(GetRankedTensorType);
  ENTRY(GetCompiledModelInputBufferRequirements);
  ENTRY(GetCompiledModelOutputBufferRequirements);
  ENTRY(CreateManagedTensorBufferFromRequirements);
  ENTRY(GetTensorBufferPackedSize);
  ENTRY(LockTensorBuffer);
  ENTRY(UnlockTensorBuffer);
  ENTRY(RunCompiledModel);
#undef ENTRY
}

/* Options. */

static struct {
  const char *graph, *library;
  double num_threads, num_runs, min_secs, max_secs, warmup_runs, warmup_min_secs, marks;
  const char *inputs[MAX_TENSORS], *outputs[MAX_TENSORS];
  int input_count, output_count;
} given = {.library = "libLiteRt.so", .num_threads = 1, .num_runs = 50, .min_secs = 1, .max_secs = 150,
           .warmup_runs = 1, .warmup_min_secs = 0.5};

static const char *value_of(const char *argument, const char *flag) {
  size_t length = strlen(flag);
  if (strncmp(argument, "--", 2) || strncmp(argument + 2, flag, length) || argument[2 + length] != '=') return NULL;
  return argument + 3 + length;
}

static int is_number(const char *argument, const char *flag, double *out) {
  const char *value = value_of(argument, flag);
  char *end;
  if (!value) return 0;
  *out = strtod(value, &end);
  if (end == value || *end || !(*out >= -1 && *out < 1e9)) fail("not a number", argument);
  return 1;
}

static void add(const char **list, int *count, const char *value) {
  if (*count == MAX_TENSORS) fail("too many tensors", value);
  if (!strchr(value, ':')) fail("not of the form NAME:FILE", value);
  list[(*count)++] = value;
}

static void parse(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i], *value;
    if (is_number(a, "num_threads", &given.num_threads) || is_number(a, "num_runs", &given.num_runs) ||
        is_number(a, "min_secs", &given.min_secs) || is_number(a, "max_secs", &given.max_secs) ||
        is_number(a, "warmup_runs", &given.warmup_runs) || is_number(a, "warmup_min_secs", &given.warmup_min_secs) ||
        is_number(a, "marks", &given.marks))
      continue;
    if ((value = value_of(a, "graph"))) given.graph = value;
    else if ((value = value_of(a, "library"))) given.library = value;
    else if ((value = value_of(a, "input_file"))) add(given.inputs, &given.input_count, value);
    else if ((value = value_of(a, "output_file"))) add(given.outputs, &given.output_count, value);
    else fail("unknown flag", a);
  }
  if (!given.graph) fail("a flag is missing", "--graph=FILE");
}

/* Tensors and their files. */

static const char *file_for(const char **list, int count, const char *name) {
  size_t length = strlen(name);
  for (int i = 0; i < count; i++)
    if (!strncmp(list[i], name, length) && list[i][length] == ':') return list[i] + length + 1;
  return NULL;
}

static void all_known(const char **list, int count, const Tensor *tensors, size_t n) {
  for (int i = 0; i < count; i++) {
    size_t known = 0;
    for (size_t t = 0; t < n; t++) known += file_for(list + i, 1, tensors[t].name) != NULL;
    if (!known) fail("the graph has no such tensor", list[i]);
  }
}

static Handle tensor_at(Handle signature, size_t i, int output, const char **name) {
  Handle tensor;
  check((output ? lrt.GetSignatureOutputName : lrt.GetSignatureInputName)(signature, i, name), "tensor name");
  check((output ? lrt.GetSignatureOutputTensorByIndex : lrt.GetSignatureInputTensorByIndex)(signature, i, &tensor),
        "tensor");
  return tensor;
}

static size_t allocate(Handle env, Handle compiled, Handle signature, int output, Tensor *tensors, Handle *buffers) {
  size_t count;
  check((output ? lrt.GetNumSignatureOutputs : lrt.GetNumSignatureInputs)(signature, &count), "tensor count");
  if (count > MAX_TENSORS) fail("too many tensors", given.graph);
  for (size_t i = 0; i < count; i++) {
    Handle needs;
    TensorType type = {0};
    Handle tensor = tensor_at(signature, i, output, &tensors[i].name);
    check(lrt.GetRankedTensorType(tensor, &type), "tensor type");
    check((output ? lrt.GetCompiledModelOutputBufferRequirements : lrt.GetCompiledModelInputBufferRequirements)(
              compiled, 0, i, &needs), "buffer requirements");
    check(lrt.CreateManagedTensorBufferFromRequirements(env, &type, needs, &buffers[i]), "buffer");
    tensors[i].buffer = buffers[i];
    tensors[i].element = type.element;
    check(lrt.GetTensorBufferPackedSize(buffers[i], &tensors[i].bytes), "buffer size");
  }
  return count;
}

static void noise(const Tensor *tensor, unsigned char *data) {
  uint32_t state = 1;
  if (tensor->element == FLOAT32) {
    float *values = (float *)data;
    for (size_t i = 0; i < tensor->bytes / 4; i++) {
      state = state * 1664525u + 1013904223u;
      values[i] = (state >> 8) / 16777216.0f;
    }
    return;
  }
  /* Wider integers are indices or sizes: 0 is always one. */
  memset(data, 0, tensor->bytes);
  if (tensor->element == 3 || tensor->element == 9)
    for (size_t i = 0; i < tensor->bytes; i++) {
      state = state * 1664525u + 1013904223u;
      data[i] = state >> 24;
    }
}

static void fill(const Tensor *tensor) {
  void *data;
  const char *path = file_for(given.inputs, given.input_count, tensor->name);
  check(lrt.LockTensorBuffer(tensor->buffer, &data, FOR_WRITING), "writing an input");
  if (path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path, strerror(errno));
    size_t got = fread(data, 1, tensor->bytes, file);
    if (got != tensor->bytes || fgetc(file) != EOF) fail("an input file has another size than its tensor", path);
    fclose(file);
  } else {
    noise(tensor, data);
  }
  check(lrt.UnlockTensorBuffer(tensor->buffer), "writing an input");
}

static void save(const Tensor *tensor) {
  void *data;
  const char *path = file_for(given.outputs, given.output_count, tensor->name);
  if (!path) return;
  FILE *file = fopen(path, "wb");
  if (!file) fail(path, strerror(errno));
  check(lrt.LockTensorBuffer(tensor->buffer, &data, FOR_READING), "reading an output");
  if (fwrite(data, 1, tensor->bytes, file) != tensor->bytes) fail(path, strerror(errno));
  check(lrt.UnlockTensorBuffer(tensor->buffer), "reading an output");
  if (fclose(file)) fail(path, strerror(errno));
}

/* Time and memory. */

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static double resident_mb(const char *key) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  double kib = 0;
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, key, strlen(key))) kib = strtod(line + strlen(key), NULL);
  if (file) fclose(file);
  return kib / 1024;
}

typedef struct {
  long count;
  double first, last, least, most, sum, squares;
} Stat;

static Stat repeat(Handle compiled, size_t inputs, Handle *in, size_t outputs, Handle *out, double runs, double secs) {
  Stat s = {0};
  double began = microseconds();
  while (s.count < runs || microseconds() - began < secs * 1e6) {
    if (microseconds() - began > given.max_secs * 1e6) break;
    if (given.marks) syscall(SYS_getpriority, MARK, 0);
    double start = microseconds(), took;
    check(lrt.RunCompiledModel(compiled, 0, inputs, in, outputs, out), "inference");
    took = microseconds() - start;
    if (given.marks) syscall(SYS_getpriority, MARK, 0);
    if (!s.count) s.first = s.least = s.most = took;
    s.least = fmin(s.least, took);
    s.most = fmax(s.most, took);
    s.last = took;
    s.sum += took;
    s.squares += took * took;
    s.count++;
  }
  return s;
}

static Stat stage(Handle compiled, size_t inputs, Handle *in, size_t outputs, Handle *out, double runs, double secs) {
  printf("INFO: Running benchmark for at least %.0f iterations and at least %g seconds but terminate if exceeding %g "
         "seconds.\n", runs, secs, given.max_secs);
  Stat s = repeat(compiled, inputs, in, outputs, out, runs, secs);
  double mean = s.count ? s.sum / s.count : 0;
  double variance = s.count ? s.squares / s.count - mean * mean : 0;
  if (s.count > 1)
    printf("INFO: count=%ld first=%.0f curr=%.0f min=%.0f max=%.0f avg=%g std=%.0f\n", s.count, s.first, s.last,
           s.least, s.most, mean, sqrt(fmax(variance, 0)));
  else
    printf("INFO: count=%ld curr=%.0f\n", s.count, s.last);
  printf("\n");
  return s;
}

int main(int argc, char **argv) {
  static Tensor ins[MAX_TENSORS], outs[MAX_TENSORS];
  static Handle in[MAX_TENSORS], out[MAX_TENSORS];
  static char threads[64];
  Handle env, model, options, cpu, compiled, signature;

  setvbuf(stdout, NULL, _IOLBF, 0);
  parse(argc, argv);
  printf("INFO: STARTING!\nINFO: Log parameter values verbosely: [0]\n");
  printf("INFO: Min num runs: [%.0f]\nINFO: Min runs duration (seconds): [%g]\n", given.num_runs, given.min_secs);
  printf("INFO: Num threads: [%.0f]\nINFO: Min warmup runs: [%.0f]\n", given.num_threads, given.warmup_runs);
  printf("INFO: Min warmup runs duration (seconds): [%g]\nINFO: Graph: [%s]\n", given.warmup_min_secs, given.graph);
  open_library(given.library);

  double before = resident_mb("VmRSS:"), began = microseconds();
  check(lrt.CreateEnvironment(0, NULL, &env), "environment");
  check(lrt.CreateModelFromFile(env, given.graph, &model), "this file is no model");
  printf("INFO: Loaded model %s\n", given.graph);
  check(lrt.CreateOptions(&options), "options");
  check(lrt.SetOptionsHardwareAccelerators(options, CPU), "options");
  snprintf(threads, sizeof threads, "num_threads = %.0f\n", given.num_threads < 0 ? 0 : given.num_threads);
  check(lrt.CreateOpaqueOptions("xnnpack", strdup(threads), free, &cpu), "thread count");
  check(lrt.AddOpaqueOptions(options, cpu), "thread count");
  check(lrt.CreateCompiledModel(env, model, options, &compiled), "this model does not compile");
  check(lrt.GetModelSignature(model, 0, &signature), "signature");
  size_t inputs = allocate(env, compiled, signature, 0, ins, in);
  size_t outputs = allocate(env, compiled, signature, 1, outs, out);
  double init = microseconds() - began, init_mb = resident_mb("VmRSS:") - before;

  all_known(given.inputs, given.input_count, ins, inputs);
  all_known(given.outputs, given.output_count, outs, outputs);
  for (size_t i = 0; i < inputs; i++) fill(&ins[i]);
  FILE *file = fopen(given.graph, "rb");
  if (file && !fseek(file, 0, SEEK_END)) printf("INFO: The input model file size (MB): %g\n", ftell(file) / 1e6);
  if (file) fclose(file);
  printf("INFO: Initialized session in %gms.\n", init / 1e3);

  Stat warm = {0};
  if (given.warmup_runs > 0 || given.warmup_min_secs > 0)
    warm = stage(compiled, inputs, in, outputs, out, given.warmup_runs, given.warmup_min_secs);
  Stat timed = stage(compiled, inputs, in, outputs, out, given.num_runs, given.min_secs);
  printf("INFO: Inference timings in us: Init: %.0f, First inference: %.0f, Warmup (avg): %g, Inference (avg): %g\n",
         init, warm.count ? warm.first : timed.first, warm.count ? warm.sum / warm.count : 0,
         timed.count ? timed.sum / timed.count : 0);
  printf("INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the "
         "actual memory footprint of the model at runtime. Take the information at your discretion.\n");
  printf("INFO: Memory footprint delta from the start of the tool (MB): init=%g overall=%g\n", init_mb,
         resident_mb("VmHWM:") - before);
  for (size_t i = 0; i < outputs; i++) save(&outs[i]);
  return timed.count ? 0 : 1;
}
