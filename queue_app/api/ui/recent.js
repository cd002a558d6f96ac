// The tasks that this browser enqueued: their ids and states, never their payloads.

import { ask, every, Problem, storageName, taskPath } from "./api.js";
import { badge, byId, el, secondsText, timeText } from "./dom.js";

const NAME = storageName("recent");
const MOST = 12;
const ASKED_AT_ONCE = 5;
const EVERY_MS = 2000;
const ENDS = new Set(["SUCCESS", "FAILURE", "REVOKED", "UNKNOWN"]);

function load() {
  try {
    const tasks = JSON.parse(localStorage.getItem(NAME));
    return Array.isArray(tasks) ? tasks.filter(({ id }) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

const save = (tasks) => localStorage.setItem(NAME, JSON.stringify(tasks));

function change(taskId, changes) {
  save(load().map((task) => (task.id === taskId ? { ...task, ...changes } : task)));
  show();
}

let onWatch = () => {};

/** Show the list and keep it up to date; `watch(taskId)` is called for the one to be watched. */
export function showRecent(watch) {
  onWatch = watch;
  byId("forget").addEventListener("click", () => {
    save([]);
    show();
    byId("recent-title").focus();
  });
  addEventListener("storage", show); // another tab
  show();
  every(EVERY_MS, async () => {
    const open = load().filter(({ state }) => !ENDS.has(state));
    await Promise.all(open.slice(0, ASKED_AT_ONCE).map(({ id }) => refresh(id)));
  });
}

/** Remember a task that was enqueued just now. */
export function remember(taskId) {
  const others = load().filter(({ id }) => id !== taskId);
  save([{ id: taskId, at: Date.now(), state: "QUEUED" }, ...others].slice(0, MOST));
  show();
}

/** Ask for the state of a task in the list. */
export async function refresh(taskId) {
  if (!load().some(({ id }) => id === taskId)) return;
  try {
    const task = await (await ask(taskPath(taskId))).json();
    const seconds = (Date.parse(task.ended_at) - Date.parse(task.enqueued_at)) / 1000;
    change(taskId, { state: task.state, seconds: Number.isFinite(seconds) ? seconds : null });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 404) change(taskId, { state: "UNKNOWN", seconds: null });
    else throw error;
  }
}

const rows = new Map();

function show() {
  const tasks = load();
  byId("recent-empty").hidden = tasks.length > 0;
  byId("recent-table").hidden = tasks.length === 0;
  byId("forget").hidden = tasks.length === 0;
  const ids = new Set(tasks.map(({ id }) => id));
  for (const [id, row] of rows) {
    if (!ids.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  const body = byId("recent-rows");
  tasks.forEach((task, index) => {
    const row = rows.get(task.id) ?? newRow(task.id);
    fill(row, task);
    if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
  });
}

function newRow(taskId) {
  const link = el("button", { type: "button", className: "link mono" }, taskId.slice(0, 8));
  link.setAttribute("aria-label", `Watch task ${taskId}`);
  link.title = taskId;
  link.addEventListener("click", () => onWatch(taskId));
  const cells = ["Task", "State", "Enqueued", "Took"].map((name) => el("td", { "data-label": name }));
  cells[0].append(link);
  cells[1].append(badge("QUEUED"));
  const row = el("tr", {}, ...cells);
  rows.set(taskId, row);
  return row;
}

function fill(row, { at, state, seconds }) {
  badge(state, row.cells[1].firstChild);
  row.cells[2].textContent = timeText(at);
  row.cells[3].textContent = typeof seconds === "number" ? secondsText(Math.max(0, seconds)) : "";
}
