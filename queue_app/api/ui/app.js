// What the page does: puts its parts together.

import { ask, every, key, Problem } from "./api.js";
import { byId, say } from "./dom.js";
import { prepareForm } from "./enqueue.js";
import { showLetters } from "./letters.js";
import { showLoad } from "./load.js";
import { refresh, remember, showRecent } from "./recent.js";
import { prepareTask, watch } from "./task.js";

const READY_EVERY_MS = 10_000;

function show(taskId) {
  history.replaceState(null, "", `#${new URLSearchParams({ task: taskId })}`);
  watch(taskId, onChange);
}

function onChange(taskId) {
  refresh(taskId).catch(ignoreProblem); // the next round will tell
}

function ignoreProblem(error) {
  if (!(error instanceof Problem)) throw error;
}

async function tellReadiness() {
  const element = byId("ready");
  try {
    await ask("readyz");
    say(element, "Ready");
    element.className = "badge good";
  } catch (error) {
    ignoreProblem(error);
    say(element, error.status === 503 ? `Not ready: ${error.message}` : error.message);
    element.className = "badge bad";
    throw error;
  }
}

function prepareKey() {
  const [panel, toggle, field] = ["key-panel", "key-toggle", "key"].map(byId);
  const open = (isOpen) => {
    panel.hidden = !isOpen;
    toggle.setAttribute("aria-expanded", String(isOpen));
  };
  const said = () => say(toggle, key.get() ? "API key set" : "API key");
  toggle.addEventListener("click", () => {
    open(panel.hidden);
    if (!panel.hidden) field.focus();
  });
  document.addEventListener("key-needed", () => {
    say(byId("key-note"), key.get() ? "This key is not known here." : "This service asks for a key.");
    open(true);
    field.focus();
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    field.value = "";
    open(false);
    toggle.focus();
    key.set(text);
    said();
  });
  byId("key-forget").addEventListener("click", () => {
    key.set("");
    said();
  });
  said();
}

prepareKey();
prepareForm((taskId) => {
  remember(taskId);
  show(taskId);
});
prepareTask(show);
showRecent(show);
every(READY_EVERY_MS, tellReadiness);

const lookAtLetters = showLetters();
let dead = null;
showLoad((count) => {
  if (count !== dead) lookAtLetters();
  dead = count;
});

const wanted = new URLSearchParams(location.hash.slice(1)).get("task");
if (wanted) show(wanted);
