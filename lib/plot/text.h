/* UTF-8 as it is shown. */
#ifndef PLOT_TEXT_H
#define PLOT_TEXT_H

#include <stddef.h>

/* In place: bytes that are no UTF-8 become '?', control characters blanks. */
void text_clean(char *text);
/* Bytes of the character that starts at text (clean, not empty). */
size_t text_step(const char *text);
/* Characters of clean text: its columns on a terminal, near enough. */
size_t text_count(const char *text);

#endif
