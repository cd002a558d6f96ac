// The service, as the page sees it.

const ROOT = new URL("..", import.meta.url);
const KEY = "queue-app.key";
const RECONNECT_MS = 1000;

export const storageName = (name) => `queue-app.${name}:${ROOT.pathname}`;

/** What went wrong: the problem details of an answer (RFC 9457), or a service out of reach. */
export class Problem extends Error {
  constructor(status, title, detail, retryAfter) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.retryAfter = retryAfter;
  }
}

let isLocked = false;

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set(text) {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
    isLocked = false;
    document.dispatchEvent(new Event("key-changed"));
  },
};

/** Ask the service; gives the response, throws a Problem. Quiet once a key is known to be missing. */
export async function ask(path, { headers = {}, ...options } = {}) {
  if (isLocked) throw new Problem(401, "A key is needed");
  const secret = key.get();
  if (secret) headers = { ...headers, Authorization: `Bearer ${secret}` };
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) {
    isLocked = true;
    document.dispatchEvent(new Event("key-needed"));
  }
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw new Problem(response.status, problem.title ?? `Status ${response.status}`, problem.detail, retryAfter);
}

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });

export const taskPath = (taskId) => `tasks/${encodeURIComponent(taskId)}`;

/**
 * Follow a task until its end: `tell(event, data)` for each event, with data as text.
 * Read with fetch, as an EventSource sends no key. Connects again after a loss, where it ended.
 */
export async function follow(taskId, tell, signal) {
  let lastId = "";
  for (;;) {
    try {
      const headers = lastId ? { "Last-Event-ID": lastId } : {};
      const response = await ask(`status/${encodeURIComponent(taskId)}/events`, { headers, signal });
      for await (const event of eventsOf(response)) {
        if (event.id) lastId = event.id;
        if (event.name) tell(event.name, event.data);
        if (event.name === "end") return;
      }
    } catch (error) {
      if (signal.aborted) return;
      const isPassing = !(error instanceof Problem) || error.status === 0 || error.status >= 429;
      if (!isPassing) throw error;
    }
    tell("lost", "");
    await pause(RECONNECT_MS, signal);
    if (signal.aborted) return;
  }
}

async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = { name: "", data: "", id: "" };
      for (const line of block.split("\n")) {
        const [, field, content] = /^(\w*): ?(.*)$/.exec(line) ?? [];
        if (field === "event") event.name = content;
        else if (field === "data" || field === "id") event[field] = content;
      }
      yield event;
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Do something now and again, never twice at a time, and not while nobody looks.
 * Waits as long as a Problem says; gives what does it at once.
 */
export function every(milliseconds, work) {
  let timer = 0;
  let isBusy = false;
  async function turn() {
    clearTimeout(timer);
    if (isBusy) return;
    let wait = milliseconds;
    if (!document.hidden) {
      isBusy = true;
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        wait = Math.max(wait, error.retryAfter * 1000);
      } finally {
        isBusy = false;
        timer = setTimeout(turn, wait);
      }
    }
  }
  document.addEventListener("visibilitychange", () => document.hidden || turn());
  document.addEventListener("key-changed", turn);
  turn();
  return turn;
}
