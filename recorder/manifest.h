/*
 * manifest.json of a recording from its journal (base/recording_format.h). A pure function of text: any program can do the same.
 */
#ifndef PLM_RECORDER_MANIFEST_H
#define PLM_RECORDER_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

/** What repair or finishing found out about a file; overrides what the journal says of it. */
struct plm_manifest_file {
    const char *name;
    int64_t duration_us;
    uint64_t bytes;
    const char *sha256; /**< "" unknown */
    int usable;
};

/**
 * @param journal the file's text; a torn last line is left out, and so is one that is malformed
 * @param files what is known of the files on the disk; those that the journal names and this does not are left out
 * @return text to free(), NULL: no memory, or the first line is not that of a recording
 */
char *plm_manifest_build(
    const char *journal, size_t len, const struct plm_manifest_file *files, size_t n_files);

#endif
