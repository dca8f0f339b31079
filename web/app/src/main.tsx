import { createRoot } from "react-dom/client";
import { App } from "./App.js";
import { LocalMedia } from "./lib/localMedia.js";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/pages.css";
import "./styles/meeting.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App local={new LocalMedia()} />);
