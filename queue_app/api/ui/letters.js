// Dead letters: with their reasons, to be shown, requeued and deleted.

import { ask, every, post, Problem } from "./api.js";
import { byId, bytesText, el, plural, say, timeText } from "./dom.js";
import { memberText, pretty } from "./json_text.js";

const PAGE = 20;
const LONGEST_PAGE = 250; // that the service gives
const AT_ONCE = 1000; // letters that one call settles
const EVERY_MS = 15_000;

const rows = new Map(); // by sequence number
let after = "0"; // the page shown is that behind this number, a text: it may have 63 bits
let following = null;

/** Show the letters and keep them up to date; gives what looks again at once. */
export function showLetters() {
  byId("letters-requeue").addEventListener("click", () => settle("requeue", chosen()));
  byId("letters-delete").addEventListener("click", () => confirmDeletion(chosen()));
  byId("letters-requeue-all").addEventListener("click", () => settle("requeue", null));
  byId("letters-next").addEventListener("click", () => turn(following));
  byId("letters-first").addEventListener("click", () => turn("0"));
  byId("letters-all").addEventListener("change", ({ target }) => {
    for (const { box } of rows.values()) box.checked = target.checked;
    countChosen();
  });
  return every(EVERY_MS, look);
}

async function turn(place) {
  after = place;
  await guarded(look);
  byId("letters-title").focus();
}

async function look() {
  let page;
  try {
    page = await (await ask(`dead-letters?limit=${PAGE}&after=${after}`)).json();
  } catch (error) {
    if (error instanceof Problem) note(error.message, true);
    throw error;
  }
  if (byId("letters-note").classList.contains("bad")) note("");
  following = behind(page);
  show(page.items);
}

/** Where the next page begins, as a text; null at the end. */
function behind(page) {
  return page.next === null ? null : page.items.at(-1).id;
}

function show(letters) {
  const numbers = new Set(letters.map((letter) => letter.id));
  for (const [number, { row, more }] of rows) {
    if (!numbers.has(number)) {
      row.remove();
      more.remove();
      rows.delete(number);
    }
  }
  for (const letter of letters) {
    if (!rows.has(letter.id)) add(letter);
  }
  byId("letters-empty").hidden = letters.length > 0;
  byId("letters-shown").hidden = letters.length === 0;
  byId("letters-next").hidden = following === null;
  byId("letters-first").hidden = after === "0";
  countChosen();
}

function add(letter) {
  const number = letter.id;
  const box = el("input", { type: "checkbox", "aria-label": `Choose dead letter ${number}` });
  box.addEventListener("change", countChosen);
  const payload = el("pre", { tabIndex: 0, "aria-label": `Payload of dead letter ${number}` });
  const more = el("tr", { hidden: true, className: "more" }, el("td", { colSpan: 6 }, payload));
  const toggle = button("Payload", `Show the payload of dead letter ${number}`, () => open(number));
  toggle.setAttribute("aria-expanded", "false");
  const again = button("Requeue", `Requeue dead letter ${number}`, () => settle("requeue", [number]));
  const gone = button("Delete", `Delete dead letter ${number}`, () => confirmDeletion([number]));
  gone.classList.add("danger");
  const reason = [el("strong", {}, letter.reason ?? "no reason given")];
  if (letter.description) reason.push(el("span", { className: "muted" }, letter.description));
  const row = el(
    "tr",
    {},
    el("td", { className: "pick" }, box),
    el("td", { "data-label": "Letter", className: "mono" }, `${number}`),
    el("td", { "data-label": "Reason", className: "reason" }, ...reason),
    el("td", { "data-label": "Task", className: "mono" }, letter.task_id?.slice(0, 8) ?? "–"),
    el("td", { "data-label": "Since" }, letter.enqueued_at ? timeText(letter.enqueued_at) : "–"),
    el("td", { className: "buttons" }, toggle, again, gone),
  );
  row.title = `${plural(letter.delivery_count, "delivery", "deliveries")}, ${bytesText(letter.message_bytes)}`;
  rows.set(number, { row, more, box, payload, toggle });
  byId("letters-rows").append(row, more);
}

async function open(number) {
  const { more, payload, toggle } = rows.get(number);
  const opens = more.hidden;
  if (opens && !payload.textContent) {
    await guarded(async () => {
      const text = await (await ask(`dead-letters/${number}`)).text();
      const claim = JSON.parse(text).claim;
      payload.textContent = claim ? `in the blob ${claim}` : pretty(memberText(text, "payload"));
    });
  }
  more.hidden = !opens;
  toggle.setAttribute("aria-expanded", String(opens));
}

/** Requeue or delete some letters, or for null all that are there now. */
async function settle(verb, numbers) {
  await guarded(async () => {
    let done = 0;
    // A letter that fails again comes back under another number, and is not asked a second time.
    const wanted = numbers ?? (await everyNumber());
    for (let start = 0; start < wanted.length; start += AT_ONCE) {
      const body = JSON.stringify({ sequence_numbers: wanted.slice(start, start + AT_ONCE) });
      done += (await (await post(`dead-letters/${verb}`, body)).json()).done.length;
    }
    const verbs = { requeue: "requeued", delete: "deleted" };
    after = "0";
    await look();
    note(`${plural(done, "dead letter")} ${verbs[verb]}.`);
  });
  byId("letters-title").focus(); // the button that had the focus may be gone
}

async function everyNumber() {
  const numbers = [];
  for (let place = "0"; place !== null; ) {
    const page = await (await ask(`dead-letters?limit=${LONGEST_PAGE}&after=${place}`)).json();
    numbers.push(...page.items.map((letter) => letter.id));
    place = behind(page);
  }
  return numbers;
}

function confirmDeletion(numbers) {
  const dialog = byId("delete-dialog");
  say(byId("delete-what"), `Delete ${plural(numbers.length, "dead letter")} for ever?`);
  dialog.onclose = () => dialog.returnValue === "yes" && settle("delete", numbers);
  dialog.returnValue = "";
  dialog.showModal();
}

function chosen() {
  return Array.from(rows).flatMap(([number, { box }]) => (box.checked ? [number] : []));
}

function countChosen() {
  const count = chosen().length;
  const all = byId("letters-all");
  all.checked = count > 0 && count === rows.size;
  all.indeterminate = count > 0 && count < rows.size;
  for (const id of ["letters-requeue", "letters-delete"]) byId(id).disabled = count === 0;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    note(error.message, true);
  }
}

function note(text, isBad = false) {
  say(byId("letters-note"), text);
  byId("letters-note").classList.toggle("bad", isBad);
}

function button(text, label, onclick) {
  return el("button", { type: "button", className: "small", "aria-label": label, onclick }, text);
}
