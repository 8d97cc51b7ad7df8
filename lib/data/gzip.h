/* Gzip files, which are decompressed whole: most data sets are one stream that fits memory. */
#ifndef DATA_GZIP_H
#define DATA_GZIP_H

#include <socle/base.h>

/* Does a file that begins with these n bytes hold gzip data? */
bool gzip_begins(const uint8_t *start, size_t n);

/* All members of `packed`, one behind the other, in memory of the caller's; what follows the last member is ignored, as
 * gzip does. path is for messages. ERR_IO where the data is corrupt or ends early, checksums included. Memory grows to what
 * the members say they hold, at most 1032 times `bytes`: deflate packs no better. */
socle_status gzip_expand(const char *path, const uint8_t *packed, size_t bytes, uint8_t **data,
                         size_t *count) SOCLE_MUST_USE;

#endif
