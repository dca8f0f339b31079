/*
 * What a recording asks of the disk: plm_writer's jobs as a table, so that tests put a fake in its place. The functions mean what writer.h says.
 */
#ifndef PLM_RECORDER_DISK_PORT_H
#define PLM_RECORDER_DISK_PORT_H

#include "writer.h"

struct plm_disk_port {
    void *ctx;
    int (*make)(void *ctx, const char *id);
    plm_writer_file (*open)(
        void *ctx, const char *id, const char *name, const struct plm_writer_track_config *config);
    int (*put)(void *ctx, plm_writer_file file, const struct plm_sample *sample);
    void (*close)(void *ctx, plm_writer_file file, int64_t end_us);
    int (*journal)(void *ctx, const char *id, const char *line, size_t len);
    int (*manifest)(void *ctx, const char *id, const char *text, size_t len);
    int (*repair)(void *ctx, const char *id);
    int (*remove)(void *ctx, const char *id);
};

/** The table over a writer, which must outlive it. */
struct plm_disk_port plm_disk_port_of(struct plm_writer *w);

#endif
