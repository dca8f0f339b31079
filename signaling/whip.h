/*
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) resources: members of a room that have no socket. HTTP is the caller's;
 * here is what its requests mean. A WHIP publisher is a participant with the role speaker; a WHEP receiver is a viewer,
 * counted but not in the roster. Main thread; nothing blocks.
 */
#ifndef PLM_SIGNALING_WHIP_H
#define PLM_SIGNALING_WHIP_H

#include "hub.h"

#define PLM_RESOURCE_ID_SIZE 33 /**< 128 random bits as hex, with the NUL */
#define PLM_WHEP_MAX_NAMES   25

enum plm_resource_kind {
    PLM_RESOURCE_WHIP = 0,
    PLM_RESOURCE_WHEP,
};

/** What a POST brings. All borrowed for the call; texts are UTF-8 as they come out of the URL, unchecked. */
struct plm_resource_request {
    enum plm_resource_kind kind;
    const char *room;
    const char *token;  /**< the bearer's; NULL: none */
    const char *source; /**< address of the peer without port; NULL: not known */
    const char *const
        *names; /**< WHIP: the participant's name, none: one is made. WHEP: whom to show, none: following */
    size_t n_names;
    const char *sdp; /**< the offer */
    size_t len;
};

struct plm_resource_reply {
    unsigned status;               /**< of HTTP */
    char id[PLM_RESOURCE_ID_SIZE]; /**< 201: of the new resource */
    char etag[40];                 /**< with its quotes; empty: none */
    char *body;                    /**< the answer (201) or fragment (200), NUL-terminated; else NULL */
    char error[200];               /**< for people, when status is 400 or above */
};

/**
 * Make a resource; its meeting begins if need be. Status 201 (body: application/sdp); 400 (name, room or SDP refused), 401 (a token
 * is needed, or this one is not good), 403 (not with this one, or not now), 404 (no room has this number), 429 (wrong tokens too
 * often), 503 (a limit), 500.
 * @param reply always filled; free with plm_resource_reply_clear
 * @return 0 for a status below 400, else PLM_EINVAL, PLM_EAUTH, PLM_ENOENT, PLM_ELIMIT, PLM_ENOMEM
 */
int plm_resource_post(
    struct plm_hub *hub, const struct plm_resource_request *request, struct plm_resource_reply *reply);
/**
 * Trickle or ICE restart (RFC 9725 section 4.3). Status 204 (candidates noted), 200 (restarted; body:
 * application/trickle-ice-sdpfrag, new ETag), 400, 404, 412 (not the present ETag), 428 (no If-Match).
 * @param if_match the header's value, NULL: there was none. "*" asks for a restart when the fragment has new credentials
 */
int plm_resource_patch(struct plm_hub *hub, const char *id, const char *if_match, const char *body,
    size_t len, struct plm_resource_reply *reply);
/** End it. Status 200 or 404. */
int plm_resource_delete(struct plm_hub *hub, const char *id, struct plm_resource_reply *reply);
/** Free what reply owns. */
void plm_resource_reply_clear(struct plm_resource_reply *reply);

#endif
