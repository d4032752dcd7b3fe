/* A plugin for QEMU's user-mode emulator that counts the guest's instructions.
 *
 * qemu-aarch64 -plugin ./icount.so,out=FILE program
 *
 * FILE gets one line for each time that the program said where it is (see MARK), and one for its end: the number of
 * instructions so far. They are counted per translated block when it begins to run; a system call ends its block.
 * The prototypes are QEMU's plugin interface as far as it is used here: no distribution packages its header. API is
 * the interface's version that QEMU asks for. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define NO_REGISTERS 0
/* getpriority(MARK, 0) is refused by every kernel, and nobody else would ask. */
#define MARK 0x65646765
#define GETPRIORITY_AARCH64 141

typedef uint64_t Plugin;
typedef struct qemu_plugin_tb Block;

size_t qemu_plugin_tb_n_insns(const Block *block);
void qemu_plugin_register_vcpu_tb_trans_cb(Plugin id, void (*translated)(Plugin, Block *));
void qemu_plugin_register_vcpu_tb_exec_cb(Block *block, void (*runs)(unsigned, void *), int flags, void *data);
void qemu_plugin_register_vcpu_syscall_cb(Plugin id, void (*called)(Plugin, unsigned, int64_t, uint64_t, uint64_t,
                                                                    uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                                                    uint64_t));
void qemu_plugin_register_atexit_cb(Plugin id, void (*ended)(Plugin, void *), void *data);

EXPORT int qemu_plugin_version = API;

static uint64_t instructions;
static FILE *file;

static void runs(unsigned cpu, void *count) {
  (void)cpu;
  __atomic_fetch_add(&instructions, (uintptr_t)count, __ATOMIC_RELAXED);
}

static void translated(Plugin id, Block *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(block, runs, NO_REGISTERS, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void tell(void) {
  fprintf(file, "%" PRIu64 "\n", __atomic_load_n(&instructions, __ATOMIC_RELAXED));
}

static void called(Plugin id, unsigned cpu, int64_t number, uint64_t first, uint64_t b, uint64_t c, uint64_t d,
                   uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
  (void)id, (void)cpu, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
  if (number == GETPRIORITY_AARCH64 && first == MARK) tell();
}

static void ended(Plugin id, void *data) {
  (void)id, (void)data;
  tell();
  fclose(file);
}

EXPORT int qemu_plugin_install(Plugin id, const void *info, int argc, char **argv) {
  (void)info;
  if (argc != 1 || strncmp(argv[0], "out=", 4) || !(file = fopen(argv[0] + 4, "w"))) return 1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_vcpu_syscall_cb(id, called);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
