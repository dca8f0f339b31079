/*
 * In which codec publishers send video: the room's first that all who take part decode, as far as they have said what they decode. Viewers and
 * who watches by WHEP change nothing for the others. When somebody comes for whom that is not so, those who publish by a socket are told to
 * change, at most once in PLM_CODEC_PERIOD_MS and room; nobody changes back. An encoder by WHIP stays with its codec. For the files of this folder.
 */
#ifndef PLM_SIGNALING_VIDEO_CODEC_H
#define PLM_SIGNALING_VIDEO_CODEC_H

#include "state.h"

#define PLM_CODEC_PERIOD_MS 60000

/** The room's own list, or the server's. */
const enum plm_codec *plm_codecs_of_room(const struct plm_connection *c);
/**
 * What a publisher's offer is answered with, most wanted first.
 * @param again of a peer connection that was answered before: it goes on with its codec
 */
void plm_codecs_for_publisher(
    const struct plm_connection *c, bool again, enum plm_codec out[PLM_CODEC_COUNT]);
/** A publisher's offer was answered. */
void plm_codecs_on_published(struct plm_connection *c);
/** Somebody said what they decode, or takes part from now on. @param c theirs; NULL: they receive nothing */
void plm_codecs_on_receiver(const struct plm_connection *c);
/** Say once more in which codec m is to publish: it may have missed that. */
void plm_codecs_tell(struct plm_member *m);
/** Let publishers change where that is due. @return when the next is due, UINT64_MAX: none */
uint64_t plm_codecs_poll(struct plm_hub *hub, uint64_t now);
/** The room ends. */
void plm_codecs_forget(struct plm_room *room);

#endif
