/*
 * plenum-recorder: the command line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "log.h"
#include "serve.h"

static const char help[] =
    "Usage: plenum-recorder serve --dir DIR --socket PATH [--log-level LEVEL] [--log-format FORMAT] "
    "[--stay]\n"
    "       plenum-recorder list [--json] DIR\n"
    "       plenum-recorder repair | verify [--json] DIR [ID]\n"
    "       plenum-recorder --version | --help\n"
    "\n"
    "Records meetings: one file for each participant's camera and microphone and for each shared screen.\n"
    "\n"
    "  serve            record what a plenum-server feeds; it starts this by itself\n"
    "    --dir DIR      the folder of all recordings\n"
    "    --socket PATH  where the server connects to: a Unix socket\n"
    "    --log-level    error, warn, info or debug [info]\n"
    "    --log-format   text or json [text]\n"
    "    --stay         do not end when there was no server and nothing to record for a minute\n"
    "  list             say what recordings lie in DIR\n"
    "  repair           make files whole that a crash left behind; not while a recorder runs\n"
    "  verify           read every file and say whether it is whole\n"
    "\n"
    "Exit status: 0 good, 1 something is damaged or failed, 2 a wrong command line, 3 another recorder has "
    "DIR,\n"
    "or it or a file in it cannot be read or written.\n"
    "SIGTERM and SIGINT end it: files are finished, recordings go on when it is started again within a "
    "minute.\n";

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "plenum-recorder: %s: %s\n", what, why);
    return 2;
}

/* The text behind an option. */
static const char *value(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static int serve(int argc, char **argv)
{
    struct plm_serve_config config = {0};
    enum plm_log_level level = PLM_LOG_INFO;
    enum plm_log_format format = PLM_LOG_TEXT;

    for (int i = 0; i < argc; i++) {
        const char *option = argv[i], *text = NULL;
        if (!strcmp(option, "--stay")) {
            config.stay = true;
            continue;
        }
        if (strcmp(option, "--dir") && strcmp(option, "--socket") && strcmp(option, "--log-level") &&
            strcmp(option, "--log-format"))
            return complain(option, "no such option, see --help");
        if (!(text = value(argc, argv, &i)))
            return complain(option, "needs a value");
        if (!strcmp(option, "--dir"))
            config.dir = text;
        else if (!strcmp(option, "--socket"))
            config.socket = text;
        else if (!strcmp(option, "--log-level") && !plm_rec_log_level_from(text, &level))
            return complain(text, "no such level");
        else if (!strcmp(option, "--log-format") && strcmp(text, "text") && strcmp(text, "json"))
            return complain(text, "no such format");
        else if (!strcmp(option, "--log-format"))
            format = strcmp(text, "json") ? PLM_LOG_TEXT : PLM_LOG_JSON;
    }
    if (!config.dir || !config.socket)
        return complain("serve", "needs --dir and --socket");
    plm_rec_log_configure(level, format);
    return plm_serve(&config);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (!strcmp(command, "--version")) {
        puts("plenum-recorder " PLM_VERSION);
        return EXIT_SUCCESS;
    }
    if (!strcmp(command, "--help") || !strcmp(command, "-h")) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (!strcmp(command, "serve"))
        return serve(argc - 2, argv + 2);
    return plm_cli_main(argc, argv);
}
