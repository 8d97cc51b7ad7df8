/* Weights in files: the safetensors format (https://github.com/huggingface/safetensors), with PyTorch's names. */
#ifndef SOCLE_IO_H
#define SOCLE_IO_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes every parameter and buffer under its path, row-major, F32 or F64. Waits for the device. The file appears whole
 * or not at all (temporary file, then rename). ERR_IO names the file and the system's reason. */
SOCLE_API socle_status socle_save(socle_module *m, const char *path) SOCLE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
