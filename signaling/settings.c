#include "settings.h"

void plm_room_settings_default(struct plm_room_settings *s)
{
    *s = (struct plm_room_settings){.may_speak = true,
        .may_show = true,
        .may_share = true,
        .may_chat = true,
        .may_whisper = true,
        .sounds = true,
        .may_record = true};
}
