/*
 * What a person does with recordings at the command line:
 *
 *   plenum-recorder list DIR            what is there
 *   plenum-recorder repair DIR [ID]     make whole what a crash left behind, and its manifest
 *   plenum-recorder verify DIR [ID]     check that every sample of every file is where it should be, and the manifest against the files
 *
 * --json: one object a line. Exit status: 0 good, 1 something is broken, 2 wrong usage, 3 the folder or a file cannot be read or written.
 */
#ifndef PLM_RECORDER_CLI_H
#define PLM_RECORDER_CLI_H

#include <stdbool.h>

enum plm_cli_status {
    PLM_CLI_GOOD = 0,
    PLM_CLI_BROKEN = 1,
    PLM_CLI_USAGE = 2,
    PLM_CLI_IO = 3,
};

/** Is this the name of one of these commands, or a wish for help? */
bool plm_cli_is_command(const char *word);
/** @param argv as main got it: argv[1] is the command @return exit status, enum plm_cli_status */
int plm_cli_main(int argc, char **argv);

#endif
