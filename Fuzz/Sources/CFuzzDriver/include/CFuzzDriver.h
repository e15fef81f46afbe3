#ifndef HAWSER_FUZZ_DRIVER_H
#define HAWSER_FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>

// libFuzzer's entry, which no header of the toolchain declares.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

#endif
