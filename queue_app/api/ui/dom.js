// Building the page: elements and text nodes only, never markup from strings.

export const byId = (id) => document.getElementById(id);

/** Make an element; `properties` are set on it, those with a hyphen as attributes. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Set text only when it is another one, so that screen readers are not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const plural = (count, one, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export function bytesText(count) {
  if (count < 1024) return plural(count, "byte");
  return count < 1_048_576 ? `${(count / 1024).toFixed(1)} KB` : `${(count / 1_048_576).toFixed(1)} MB`;
}

export function secondsText(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A time of today by its hour, another one with its date. */
export function timeText(time) {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString() : date.toLocaleString();
}

const KINDS = {
  PENDING: "waits", QUEUED: "waits", RETRY: "runs", STARTED: "runs", SUCCESS: "good", FAILURE: "bad",
  REVOKED: "bad",
};

/** Show a state as a badge: its word, and a colour beside it. */
export function badge(state, element = el("span")) {
  say(element, state);
  element.className = `badge ${KINDS[state] ?? "waits"}`;
  return element;
}
