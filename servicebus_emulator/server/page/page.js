// The namespace, live: asks the control interface again and again and shows what it says.
// Text nodes only, never markup from strings: messages may hold anything.

const ROUND_MS = 1000;
const ROWS = 200; // of a table; more would only slow the page down
const PAGE = 50;
const DEAD = "/$deadletterqueue";

const byId = (id) => document.getElementById(id);

function el(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const whole = (count) => count.toLocaleString("en");
const sizeText = (bytes) => (bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`);
const timeText = (time) => (time ? new Date(time).toLocaleString() : "");

/** Ask the emulator; its answer, or an Error that says what it says. */
async function ask(method, path, document_) {
  let response;
  try {
    const body = document_ && JSON.stringify(document_);
    response = await fetch(`/emulator/${path}`, { method, body });
  } catch {
    throw new Error("The emulator does not answer.");
  }
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/** Keep the children of an element in step with items: made once for each key, filled each time. */
function keep(parent, items, keyOf, make, fill) {
  const known = (parent.known ??= new Map());
  const keys = new Set(items.map(keyOf));
  for (const [key, child] of known) {
    if (!keys.has(key)) {
      child.remove();
      known.delete(key);
    }
  }
  items.forEach((item, index) => {
    const key = keyOf(item);
    const child = known.get(key) ?? make(item);
    known.set(key, child);
    fill(child, item);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

function tellRest(id, count) {
  byId(id).hidden = count <= ROWS;
  say(byId(id), `and ${whole(count - ROWS)} more`);
}

function cells(...names) {
  return names.map((name) => {
    const cell = el("td");
    if (name) cell.dataset.label = name;
    return cell;
  });
}

// -- entities ---------------------------------------------------------------------------------------

const COUNTS = { active: "Active", locked: "Locked", scheduled: "Scheduled", deferred: "Deferred", dead_letter: "Dead" };

function showEntities(entities) {
  byId("entities").hidden = entities.length === 0;
  byId("entities-empty").hidden = entities.length > 0;
  tellRest("entities-more", entities.length);
  keep(byId("entity-rows"), entities.slice(0, ROWS), ({ path }) => path, newEntity, fillEntity);
}

function newEntity({ path, kind }) {
  const name = kind === "subscription" ? path.split("/").at(-1) : path;
  const title = kind === "topic" ? el("strong", {}, name) : el("button", { type: "button", className: "link" }, name);
  if (kind !== "topic") title.addEventListener("click", () => choose(path));
  const row = el("tr", { className: kind }, ...cells("", "Status", ...Object.values(COUNTS), "Size"));
  row.cells[0].append(title, " ", el("span", { className: "muted" }, kind));
  return row;
}

function fillEntity(row, entity) {
  row.classList.toggle("chosen", entity.path === chosen.path);
  say(row.cells[1], entity.status);
  Object.keys(COUNTS).forEach((name, index) => {
    const cell = row.cells[index + 2];
    say(cell, whole(entity[name]));
    cell.classList.toggle("none", entity[name] === 0);
    cell.classList.toggle("bad", name === "dead_letter" && entity[name] > 0);
  });
  say(row.cells[7], sizeText(entity.size_in_bytes));
}

// -- messages ---------------------------------------------------------------------------------------

const chosen = { path: null, isDead: false, from: 0, next: null };

const placeOf = () => `messages/${encodeURIComponent(chosen.path + (chosen.isDead ? DEAD : ""))}`;

function choose(path, isDead = false, from = 0) {
  Object.assign(chosen, { path, isDead, from });
  say(byId("messages-title"), `Messages of ${path}`);
  byId("show-main").setAttribute("aria-pressed", String(!isDead));
  byId("show-dead").setAttribute("aria-pressed", String(isDead));
  byId("messages-tools").hidden = false;
  byId("first-page").hidden = from === 0;
  byId("messages-title").focus();
  round();
}

async function showMessages() {
  if (chosen.path === null) return;
  const asked = { ...chosen };
  let messages = [];
  let note = "";
  try {
    ({ messages } = await ask("GET", `${placeOf()}?from=${asked.from}&count=${PAGE}`));
  } catch (error) {
    note = error.message;
  }
  if (asked.path !== chosen.path || asked.isDead !== chosen.isDead || asked.from !== chosen.from) return;
  chosen.next = messages.length === PAGE ? messages.at(-1).sequence_number + 1 : null;
  byId("next-page").hidden = chosen.next === null;
  byId("purge").disabled = messages.length === 0;
  if (!messages.length && !note) note = chosen.isDead ? "There are no dead letters." : "There are no messages.";
  byId("messages-note").hidden = note === "";
  say(byId("messages-note"), note);
  const keyOf = ({ sequence_number: number }) => `${chosen.path} ${chosen.isDead} ${number}`;
  keep(byId("messages"), messages, keyOf, newMessage, fillMessage);
}

function newMessage() {
  const summary = ["number", "id", "state badge", "muted"].map((className) => el("span", { className }));
  return el("details", {}, el("summary", {}, ...summary), el("dl"), el("pre", { tabIndex: 0 }));
}

function fillMessage(details, message) {
  const [number, id, state, time] = details.querySelectorAll("summary span");
  say(number, `#${message.sequence_number}`);
  say(id, message.message_id ?? "");
  say(state, message.state);
  state.className = `state badge ${message.state === "active" ? "good" : "busy"}`;
  say(time, `${sizeText(message.size)} · ${timeText(message.enqueued_at)}`);
  const { lock } = message;
  const facts = {
    Subject: message.subject,
    "Content type": message.content_type,
    "Correlation id": message.correlation_id,
    Session: message.session_id,
    Deliveries: message.delivery_count,
    "Scheduled for": timeText(message.scheduled_for),
    Expires: timeText(message.expires_at),
    "Dead letter": [message.dead_letter_reason, message.dead_letter_description].filter(Boolean).join(": "),
    "Locked until": lock && timeText(lock.until),
    "Locked by": lock?.holder && `${lock.holder.container_id}, link ${lock.holder.link}`,
    ...message.application_properties,
  };
  const told = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined && value !== "");
  keep(
    details.querySelector("dl"), told, ([name]) => name,
    ([name]) => el("div", {}, el("dt", {}, name), el("dd")),
    (row, [, value]) => say(row.lastChild, String(value)),
  );
  say(details.querySelector("pre"), message.body ?? message.content ?? "");
}

// -- faults -----------------------------------------------------------------------------------------

function showFaults(faults) {
  byId("faults-empty").hidden = faults.length > 0;
  byId("clear-faults").hidden = faults.length === 0;
  keep(byId("faults"), faults, ({ id }) => id, newFault, fillFault);
}

function newFault({ id }) {
  const button = el("button", { type: "button", className: "small", ariaLabel: `Mend fault ${id}` }, "Mend");
  button.addEventListener("click", async () => {
    await attempt("fault-note", () => ask("DELETE", `faults/${id}`));
    byId("faults-title").focus();
  });
  return el("li", {}, el("span", {}, el("strong"), " ", el("span", { className: "muted" })), el("span", { className: "hits" }), button);
}

function fillFault(item, fault) {
  const [what, hits] = item.children;
  say(what.children[0], `${fault.operation} → ${fault.action}`);
  const limits = ["entity", "connection", "link", "name"].filter((name) => fault[name] !== "*");
  const told = limits.map((name) => `${name} ${fault[name]}`);
  if (fault.stage === "after") told.push("after it was done");
  if (fault.after) told.push(`after ${fault.after}`);
  if (fault.times !== null) told.push(fault.hits < fault.times ? `${fault.times}×` : "over");
  if (fault.probability < 1) told.push(`p = ${fault.probability}`);
  if (fault.condition) told.push(fault.condition);
  say(what.children[1], told.join(" · "));
  say(hits, `${whole(fault.hits)} of ${whole(fault.seen)}`);
  hits.title = "how often it happened, of the operations that matched";
}

async function prepareFaults() {
  const form = byId("fault-form");
  const { operation, action } = form.elements;
  const { actions } = await ask("GET", "actions");
  const options = (values) => values.map((value) => el("option", {}, value));
  const showDelay = () => {
    byId("delay-field").hidden = action.value !== "delay";
  };
  const offer = () => {
    action.replaceChildren(...options(actions[operation.value]));
    showDelay();
  };
  operation.replaceChildren(...options(Object.keys(actions)));
  operation.value = "send";
  operation.addEventListener("change", offer);
  action.addEventListener("change", showDelay);
  offer();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt("fault-note", async () => {
      const { id } = await ask("POST", "faults", faultIn(form));
      return `Fault ${id} was added.`;
    });
  });
}

function faultIn(form) {
  const fault = {};
  for (const field of form.elements) {
    const isOther = field.name === "delay" && form.elements.action.value !== "delay";
    if (!field.name || field.value === "" || isOther) continue;
    fault[field.name] = field.type === "number" ? Number(field.value) : field.value;
  }
  if (fault.delay !== undefined && fault.delay !== "cloud") {
    try {
      fault.delay = JSON.parse(fault.delay);
    } catch {
      throw new Error('delay is seconds, "cloud", or an object such as {"min": 0.1, "max": 0.5}');
    }
  }
  return fault;
}

// -- clock and connections --------------------------------------------------------------------------

function showClock({ now, frozen, next_change_in: next }) {
  say(byId("now"), new Date(now).toLocaleString());
  say(byId("clock-state"), frozen ? "frozen" : "running");
  say(byId("freeze"), frozen ? "Let it run" : "Freeze");
  say(byId("next-change"), next === null ? "Nothing is to happen by itself." : `Something happens in ${next.toFixed(0)} s.`);
  byId("next").disabled = next === null;
}

function showConnections(connections) {
  const rows = connections.flatMap((connection) =>
    (connection.links.length ? connection.links : [null]).map((link, index) => ({ connection, link, index })),
  );
  byId("connections").hidden = rows.length === 0;
  byId("connections-empty").hidden = rows.length > 0;
  tellRest("connections-more", rows.length);
  keep(
    byId("connection-rows"), rows.slice(0, ROWS),
    ({ connection, link, index }) => `${connection.id} ${index} ${link?.name}`,
    () => el("tr", {}, ...cells("", "State", "Link", "Entity", "Credit", "Deliveries", "Unsettled")),
    fillConnection,
  );
}

function fillConnection(row, { connection, link, index }) {
  row.classList.toggle("again", index > 0);
  const texts = [
    index ? "" : `${connection.id} ${connection.container_id ?? ""}`,
    index ? "" : connection.fate ?? connection.state,
    ...(link
      ? [`${link.client_is} ${link.name}`, link.entity, whole(link.credit), whole(link.deliveries), whole(link.unsettled)]
      : ["none", "", "", "", ""]),
  ];
  texts.forEach((text, column) => say(row.cells[column], text));
}

// -- what people do, and rounds -----------------------------------------------------------------------

/** Do something, tell what came of it, and look again. */
async function attempt(noteId, work) {
  const note = byId(noteId);
  try {
    const text = await work();
    say(note, typeof text === "string" ? text : "");
    note.className = "note good";
  } catch (error) {
    say(note, error.message);
    note.className = "note bad";
  }
  await round();
}

function whenSure(text, verb, work) {
  const dialog = byId("sure");
  say(byId("sure-what"), text);
  say(byId("sure-yes"), verb);
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "yes" && work();
  dialog.showModal();
}

function prepareButtons() {
  const on = (id, work) => byId(id).addEventListener("click", work);
  on("show-main", () => choose(chosen.path, false));
  on("show-dead", () => choose(chosen.path, true));
  on("first-page", () => choose(chosen.path, chosen.isDead));
  on("next-page", () => choose(chosen.path, chosen.isDead, chosen.next));
  on("purge", () =>
    whenSure(`Remove all ${chosen.isDead ? "dead letters" : "messages"} of ${chosen.path}?`, "Remove", () =>
      attempt("note", () => ask("DELETE", placeOf())),
    ),
  );
  on("clear-faults", async () => {
    await attempt("fault-note", () => ask("DELETE", "faults"));
    byId("faults-title").focus();
  });
  on("reset", () =>
    whenSure("Begin anew, without messages, faults and entities that were created since the start?", "Reset", () =>
      attempt("note", () => ask("POST", "reset")),
    ),
  );
  on("freeze", ({ target }) =>
    attempt("clock-note", () => ask("POST", target.textContent === "Freeze" ? "clock/freeze" : "clock/unfreeze")),
  );
  on("next", () => attempt("clock-note", () => ask("POST", "clock/next")));
  byId("clock-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const { value } = event.target.elements.seconds;
    attempt("clock-note", () => ask("POST", `clock/advance?seconds=${encodeURIComponent(value)}`));
  });
}

let timer = 0;
let running = null;

/** Look once; a round that is asked for while one runs begins after it. */
function round() {
  running = (running ?? Promise.resolve()).then(look);
  return running;
}

async function look() {
  clearTimeout(timer);
  const began = performance.now();
  const live = byId("live");
  try {
    const names = ["entities", "connections", "faults", "clock"];
    const [entities, connections, faults, clock] = await Promise.all(names.map((name) => ask("GET", name)));
    showEntities(entities.entities);
    showConnections(connections.connections);
    showFaults(faults.faults);
    showClock(clock);
    await showMessages();
    say(live, "Live");
    live.className = "badge good";
  } catch (error) {
    say(live, error.message);
    live.className = "badge bad";
  }
  // A large namespace is asked less often, so that looking at it does not keep it busy.
  const wait = Math.max(ROUND_MS, 10 * (performance.now() - began));
  clearTimeout(timer);
  timer = setTimeout(() => document.hidden || round(), wait);
}

document.addEventListener("visibilitychange", () => document.hidden || round());
prepareButtons();
round();
await attempt("fault-note", prepareFaults);
