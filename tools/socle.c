/* socle: what devices there are, whether they do what they should, and what is fastest on them. */
#include "socle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int cmd_version(int argc, char **argv)
{
    if (!options_take("version", argc, argv, NULL, 0))
        return BAD_USAGE;
    puts("socle " SOCLE_TOOL_VERSION);
    return DONE;
}

static int cmd_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "devices", cmd_devices,
      "devices\n"
      "    Every device of this machine: what it is, its limits, and whether it can be used.\n" },
    { "selftest", cmd_selftest,
      "selftest [--device SPEC] [--family NAME] [--threads N] [--long]\n"
      "    Compares everything a device computes with a reference in double precision. Ends in a table, one line "
      "of\n"
      "    verdict, and exit code 0 or 1.\n"
      "    --device SPEC    cpu, cl:0, part of an OpenCL device's name as in cl:nvidia, ... (the default device)\n"
      "    --family NAME    one family of functions only\n"
      "    --threads N      CPU threads, 1 to 4: each number up to N must give the same bits (1; with --long 3)\n"
      "    --long           all sizes and memory layouts: minutes\n" },
    { "tune", cmd_tune,
      "tune [--device SPEC]\n"
      "    Times the kernels a device can choose from on the shapes that matter in training, and keeps the winners "
      "for\n"
      "    later programs, beside the compiled kernels. Nothing becomes slower: a choice changes only where "
      "another "
      "kernel\n"
      "    is faster every time. Minutes.\n" },
    { "version", cmd_version, "version\n" },
    { "help", cmd_help, "help\n" },
};

static int cmd_help(int argc, char **argv)
{
    if (!options_take("help", argc, argv, NULL, 0))
        return BAD_USAGE;
    puts("usage: socle COMMAND [OPTION]...\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("socle %s", commands[i].help);
    puts("\nThe default device is the first GPU, else cpu; the environment's SOCLE_DEVICE names another.");
    return DONE;
}

void complain(const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    fputs("socle: ", stderr);
    vfprintf(stderr, fmt, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int complain_error(void)
{
    int code = socle_error_status() == SOCLE_ERR_ARG ? BAD_USAGE : FAILED;
    complain("%s", socle_error());
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        complain("say what: devices, selftest, tune, version or help");
        return BAD_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    complain("\"%s\" is no command (see socle help)", argv[1]);
    return BAD_USAGE;
}
