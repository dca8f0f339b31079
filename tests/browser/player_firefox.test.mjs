/* Playing a recording in Firefox, whose own camera and voice are in it. Firefox does not talk to 127.0.0.1: run by in-namespace.sh. */
import { openFirefox } from "./lib/firefox.mjs";
import { testPlaying } from "./lib/playing.mjs";

/* kB: a long file is not kept whole, and is asked for again where one goes to. */
const CACHE = { "media.cache_size": 8192 };

testPlaying((server, number, name) => openFirefox(server, number, name, CACHE));
