// The form that enqueues a job: checked while it is written, by the rules of the service.

import { Problem, post } from "./api.js";
import { byId, bytesText, say } from "./dom.js";
import { mistakeIn, pretty } from "./json_text.js";

const MAX_BYTES = Number(document.documentElement.dataset.maxPayloadBytes) || Infinity;
const encoder = new TextEncoder();

/** Make the form work; `onEnqueued(taskId)` is called when the service has accepted a job. */
export function prepareForm(onEnqueued) {
  const [form, body, button] = ["enqueue-form", "body", "enqueue"].map(byId);
  let place = null;

  function check() {
    const size = encoder.encode(body.value).length;
    const mistake = mistakeIn(body.value);
    place = mistake?.offset ?? null;
    let text = "";
    if (mistake) text = `Line ${mistake.line}, column ${mistake.column}: ${mistake.message}.`;
    else if (size > MAX_BYTES) text = `The job is larger than the limit of ${bytesText(MAX_BYTES)}.`;
    body.setAttribute("aria-invalid", String(text !== ""));
    byId("size").textContent = bytesText(size);
    byId("to-mistake").hidden = place === null;
    byId("format").disabled = mistake !== null;
    tell(text || "A valid job.", text ? "bad" : "good");
    return text === "";
  }

  function toMistake() {
    body.focus();
    if (place !== null) body.setSelectionRange(place, Math.min(place + 1, body.value.length));
  }

  body.addEventListener("input", check);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  byId("to-mistake").addEventListener("click", toMistake);
  byId("format").addEventListener("click", () => {
    body.value = pretty(body.value);
    check();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    if (!check()) {
      toMistake();
      return;
    }
    button.disabled = true;
    try {
      const delay = byId("delay").value;
      const response = await post(`enqueue/${delay ? `?delay=${encodeURIComponent(delay)}` : ""}`, body.value);
      const { task_id: taskId } = await response.json();
      tell("Enqueued: the broker has the job.", "good");
      onEnqueued(taskId);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      tell(`${error.title}. ${error.message}`, "bad");
    } finally {
      button.disabled = false;
    }
  });
  check();
}

function tell(text, kind) {
  const note = byId("body-note");
  say(note, text);
  note.className = `note ${kind}`;
}
