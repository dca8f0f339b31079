/* Playing a recording in Firefox, whose own camera and voice are in it. Firefox does not talk to 127.0.0.1: run by in-namespace.sh. */
import { openFirefox } from "./lib/firefox.mjs";
import { testPlaying } from "./lib/playing.mjs";

testPlaying(openFirefox);
