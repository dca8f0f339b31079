import * as sdk from "@plenum/sdk";
import { createRoot } from "react-dom/client";
import { App } from "./App.js";
import { LocalMedia } from "./lib/localMedia.js";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/pages.css";
import "./styles/meeting.css";
import "./styles/people.css";
import "./styles/page.css";

/* For the console and for tests: everything that the SDK has, and later the meeting. */
if (new URLSearchParams(location.search).has("debug")) Object.assign(window, { plenum: { sdk } });

const root = document.getElementById("root");
if (root) createRoot(root).render(<App local={new LocalMedia()} />);
