/* Playing a recording in Chromium. */
import { openParticipant } from "./lib/participant.mjs";
import { testPlaying } from "./lib/playing.mjs";

testPlaying(openParticipant);
