import * as sdk from "@plenum/sdk";
import { createRoot } from "react-dom/client";
import { App } from "./App.js";
import { showAppearance } from "./lib/appearance.js";
import { speak } from "./lib/language.js";
import { LocalMedia } from "./lib/localMedia.js";
import { settings } from "./lib/settings.js";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/pages.css";
import "./styles/meeting.css";
import "./styles/people.css";
import "./styles/page.css";
import "./styles/recording.css";
import "./styles/player.css";

/* For the console and for tests: everything that the SDK has, and later the meeting. */
if (new URLSearchParams(location.search).has("debug")) Object.assign(window, { plenum: { sdk } });

showAppearance(settings.get().appearance);
/* Where the words of a language cannot be fetched, English stays. */
await speak(settings.get().language).catch(() => undefined);

const root = document.getElementById("root");
if (root) createRoot(root).render(<App local={new LocalMedia()} />);
