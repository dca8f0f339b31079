#include "disk_port.h"

static int make(void *ctx, const char *id)
{
    return plm_writer_make(ctx, id);
}

static plm_writer_file open_file(
    void *ctx, const char *id, const char *name, const struct plm_writer_track_config *config)
{
    return plm_writer_open(ctx, id, name, config);
}

static int put(void *ctx, plm_writer_file file, const struct plm_sample *sample)
{
    return plm_writer_put(ctx, file, sample);
}

static void close_file(void *ctx, plm_writer_file file, int64_t end_us)
{
    plm_writer_close(ctx, file, end_us);
}

static int journal(void *ctx, const char *id, const char *line, size_t len)
{
    return plm_writer_journal(ctx, id, line, len);
}

static int manifest(void *ctx, const char *id, const char *text, size_t len)
{
    return plm_writer_manifest(ctx, id, text, len);
}

static int repair(void *ctx, const char *id)
{
    return plm_writer_repair(ctx, id);
}

static int remove_folder(void *ctx, const char *id)
{
    return plm_writer_remove(ctx, id);
}

struct plm_disk_port plm_disk_port_of(struct plm_writer *w)
{
    return (struct plm_disk_port){
        w, make, open_file, put, close_file, journal, manifest, repair, remove_folder};
}
