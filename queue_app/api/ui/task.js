// One task, watched live: status, progress, log lines, result, and all that is known of it.

import { ask, follow, Problem, taskPath } from "./api.js";
import { badge, byId, bytesText, el, say, secondsText, timeText } from "./dom.js";
import { memberText, pretty } from "./json_text.js";

const MAX_LOG = 200_000; // characters shown; the whole log is at /status/{id}/logs
const LOST = "The connection was lost; trying again.";
const ENDS = new Set(["SUCCESS", "FAILURE"]);

let watching = null;

/** Show a task and follow it; `onChange(taskId)` is called when its status is another one. */
export async function watch(taskId, onChange) {
  watching?.abort();
  const stop = (watching = new AbortController());
  reset(taskId);
  try {
    await follow(taskId, (name, data) => stop.signal.aborted || tell(taskId, name, data, onChange), stop.signal);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!stop.signal.aborted) note(error.message, true);
  }
}

function reset(taskId) {
  byId("task-empty").hidden = true;
  byId("task-shown").hidden = false;
  byId("task-id").textContent = taskId;
  badge("PENDING", byId("task-status"));
  byId("task-facts").replaceChildren();
  byId("task-log").textContent = "";
  for (const id of ["task-progress", "task-log-part", "task-result-part"]) byId(id).hidden = true;
  byId("task-cancel").hidden = false;
  byId("task-cancel").dataset.task = taskId;
  note("");
}

function tell(taskId, name, data, onChange) {
  if (name === "lost") {
    note(LOST, true);
    return;
  }
  if (byId("task-note").textContent === LOST) note("");
  if (name === "status") {
    showStatus(data);
    showFacts(taskId);
    onChange(taskId);
  } else if (name === "progress") {
    showProgress(JSON.parse(data));
  } else if (name === "log") {
    showLog(JSON.parse(data).text);
  } else if (name === "end") {
    showFacts(taskId);
  }
}

function showStatus(data) {
  const { status } = JSON.parse(data);
  badge(status, byId("task-status"));
  const hasEnded = ENDS.has(status);
  byId("task-cancel").hidden = hasEnded;
  if (!hasEnded) return;
  byId("task-progress").hidden = true;
  byId("task-result-part").hidden = false;
  byId("task-result-name").textContent = status === "SUCCESS" ? "Result" : "Error";
  byId("task-result").textContent = pretty(memberText(data, "result"));
}

function showProgress({ done, total, message }) {
  const bar = byId("task-bar");
  if (total === null) bar.removeAttribute("value");
  else [bar.max, bar.value] = [total || 1, done];
  const share = total === null ? `${done}` : `${done} of ${total}`;
  say(byId("task-progress-text"), message ? `${share} · ${message}` : share);
  byId("task-progress").hidden = false;
}

function showLog(text) {
  const log = byId("task-log");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 20;
  byId("task-log-part").hidden = false;
  log.append(text);
  if (log.textContent.length > MAX_LOG) log.textContent = log.textContent.slice(-MAX_LOG / 2);
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

async function showFacts(taskId) {
  let task;
  try {
    task = await (await ask(taskPath(taskId))).json();
  } catch (error) {
    if (error instanceof Problem) return; // not issued here, or away: the status tells enough
    throw error;
  }
  if (byId("task-id").textContent !== taskId) return;
  const seconds = (from, to) => secondsText((Date.parse(to) - Date.parse(from)) / 1000);
  const { enqueued_at: enqueued, started_at: started, ended_at: ended } = task;
  if (task.state === "REVOKED" || task.state === "RETRY") badge(task.state, byId("task-status"));
  const facts = [
    ["Enqueued", enqueued && timeText(enqueued)],
    ["Waited", enqueued && started && started > enqueued && seconds(enqueued, started)],
    ["Ran", started && ended && seconds(started, ended)],
    ["Ended", ended && timeText(ended)],
    ["Attempt", task.attempts],
    ["Worker", task.worker],
    ["Queue", task.queue],
    ["Payload", task.payload_bytes !== null && bytesText(task.payload_bytes)],
    ["Result", task.result_bytes !== null && bytesText(task.result_bytes)],
  ];
  byId("task-facts").replaceChildren(
    ...facts
      .filter(([, value]) => value)
      .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, `${value}`))),
  );
}

function note(text, isBad = false) {
  const element = byId("task-note");
  say(element, text);
  element.classList.toggle("bad", isBad);
}

/** Make the buttons work; `onWanted(taskId)` is called for a task to be watched. */
export function prepareTask(onWanted) {
  byId("task-cancel").addEventListener("click", async ({ currentTarget: button }) => {
    const taskId = button.dataset.task;
    button.disabled = true;
    try {
      const response = await ask(taskPath(taskId), { method: "DELETE" });
      note(response.status === 202 ? "The worker was asked to stop it." : "It will not run.");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      note(error.message, true);
    } finally {
      button.disabled = false;
    }
  });
  byId("watch-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const taskId = byId("watch-id").value.trim();
    if (taskId) onWanted(taskId);
  });
}
