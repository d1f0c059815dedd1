// What pages gain where scripts run. Each part looks for its own marks in a page, and a page works without any of them.
// To come, each in a file of its own and loaded only where its mark is: #map, #timeline, #network, #query-editor.

import { makeCopying } from "./copying.js";
import { makeLive } from "./live.js";
import { makeSuggesting } from "./suggestions.js";

document.documentElement.classList.add("scripted");
document.querySelectorAll("button.copy").forEach(makeCopying);
document.querySelectorAll("form.search[data-suggest]").forEach(makeSuggesting);
document.querySelectorAll("[data-live][id]").forEach(makeLive);
