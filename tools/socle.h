/* The commands of the program, and what they share: complaints, options, exit codes. */
#ifndef TOOLS_SOCLE_H
#define TOOLS_SOCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <socle/base.h>

enum { DONE = 0, FAILED = 1, BAD_USAGE = 2 }; /* exit codes */

/* One line on stderr: "socle: ...". */
void complain(const char *fmt, ...) SOCLE_PRINTF(1, 2);
/* The library's last error as that line. Returns the exit code: BAD_USAGE for what the user asked for in vain (ERR_ARG),
 * else FAILED. */
int complain_error(void);

/* An option of a command; exactly one of the three says where it goes. */
typedef struct option_slot {
    const char *name; /* "--device" */
    const char **text;
    int *number; /* 1 to `most` */
    bool *given; /* takes no value */
    int most;
} option_slot;
/* All of argv into the slots (argv[0] is the first argument after the command). False: complained. */
bool options_take(const char *command, int argc, char **argv, const option_slot *slots, size_t n);

/* Each gets the arguments after its name and returns the exit code. */
int cmd_devices(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_tune(int argc, char **argv);

#endif
