// JSON as text, by the strict rules of the service (queue_app/payload.py): numbers are never
// parsed into JavaScript's, so that what is shown and sent is what was written.

const MAX_DEPTH = 100;
const MAX_INTEGER_DIGITS = 4300;
const SHOWN = 40;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /-?[\p{L}_$][\p{L}\p{N}_$]*/uy;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS = new Set(["true", "false", "null"]);
const HINTS = {
  True: "true", False: "false", None: "null", undefined: "null", nil: "null", TRUE: "true",
  FALSE: "false", NULL: "null",
};

class Mistake extends Error {
  constructor(message, offset) {
    super(message);
    this.offset = offset;
  }
}

/** Read a JSON object; throws a Mistake, gives the place of each member: name → [start, end]. */
class Reader {
  constructor(text) {
    this.text = text;
    this.at = text.startsWith("\ufeff") ? 1 : 0;
    this.depth = 0;
  }

  document() {
    this.space();
    if (this.at === this.text.length) throw new Mistake("a JSON object is expected", this.at);
    const start = this.at;
    const members = this.value();
    this.space();
    if (this.at < this.text.length) throw new Mistake("nothing may follow the object", this.at);
    if (this.text[start] !== "{") {
      throw new Mistake(`this is ${nameOf(this.text[start])}; a JSON object is expected`, start);
    }
    return members;
  }

  space() {
    this.match(SPACE);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found?.[0];
  }

  value() {
    const first = this.text[this.at];
    if (first === "{") return this.nested(() => this.members());
    if (first === "[") return this.nested(() => this.items());
    if (first === '"') return this.string();
    return this.scalar();
  }

  nested(read) {
    if (++this.depth > MAX_DEPTH) {
      throw new Mistake(`nested deeper than ${MAX_DEPTH} levels`, this.at);
    }
    this.at++;
    const found = read();
    this.depth--;
    return found;
  }

  /** Whether the list goes on: reads what stands between two of its parts, or its end. */
  next(close, isFirst) {
    this.space();
    const here = this.text[this.at];
    if (here === close) {
      this.at++;
      return false;
    }
    if (isFirst) return true;
    if (here !== ",") throw new Mistake(`"," or "${close}" is expected`, this.at);
    const comma = this.at++;
    this.space();
    if (this.text[this.at] === close) throw new Mistake("a comma before the end", comma);
    return true;
  }

  members() {
    const members = new Map();
    while (this.next("}", members.size === 0)) {
      const start = this.at;
      if (this.text[start] !== '"') {
        throw new Mistake(
          this.text[start] === "'" ? "keys stand in double quotes" : 'a key in double quotes, or "}", is expected',
          start,
        );
      }
      const key = this.string();
      if (members.has(key)) throw new Mistake(`the key ${shorten(key)} stands twice`, start);
      this.space();
      if (this.text[this.at] !== ":") throw new Mistake('":" is expected after the key', this.at);
      this.at++;
      this.space();
      const begin = this.at;
      this.value();
      members.set(key, [begin, this.at]);
    }
    return members;
  }

  items() {
    let isFirst = true;
    while (this.next("]", isFirst)) {
      isFirst = false;
      this.value();
    }
    return null;
  }

  string() {
    const start = this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (Number.isNaN(code)) throw new Mistake("this string has no end", start);
      if (code === 0x22) break;
      if (code < 0x20) {
        throw new Mistake(
          code === 0x0a || code === 0x0d
            ? "a line break in a string is written \\n"
            : "a control character in a string is written as an escape",
          this.at,
        );
      }
      if (code === 0x5c) {
        if (!this.match(ESCAPE)) throw new Mistake("this escape is none that JSON knows", this.at);
      } else {
        this.at++;
      }
    }
    const value = JSON.parse(this.text.slice(start, ++this.at));
    if (!value.isWellFormed()) throw new Mistake("the string holds a lone surrogate", start);
    return value;
  }

  scalar() {
    const start = this.at;
    const number = this.match(NUMBER);
    if (number !== undefined) return checkNumber(number, start);
    const word = this.match(WORD);
    if (LITERALS.has(word)) return null;
    if (word !== undefined) {
      const hint = HINTS[word] ? `; write ${HINTS[word]}` : "";
      throw new Mistake(`${shorten(word, false)} is not JSON${hint}`, start);
    }
    if (start === this.text.length) throw new Mistake("the end is missing", start);
    if (this.text[start] === "'") throw new Mistake("strings stand in double quotes", start);
    throw new Mistake("a value is expected", start);
  }
}

function checkNumber(literal, start) {
  if (!/[.eE]/.test(literal)) {
    const digits = literal.replace("-", "").length;
    if (digits > MAX_INTEGER_DIGITS) {
      throw new Mistake(`an integer of ${digits} digits; the limit is ${MAX_INTEGER_DIGITS}`, start);
    }
    return;
  }
  const value = Number(literal);
  const is = (what) => `the number ${shorten(literal, false)} is too ${what} for a 64-bit float`;
  if (!Number.isFinite(value)) throw new Mistake(is("large"), start);
  if (value === 0 && /^-?[0.]*[1-9]/.test(literal)) throw new Mistake(is("small"), start);
}

function shorten(text, isKey = true) {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  return isKey ? JSON.stringify(shown) : shown;
}

function nameOf(first) {
  if (first === "[") return "an array";
  if (first === '"') return "a string";
  if (first === "n") return "null";
  return first === "t" || first === "f" ? "a boolean" : "a number";
}

/** What is wrong with a job, or null: {message, offset, line, column}, both counted from 1. */
export function mistakeIn(text) {
  try {
    new Reader(text).document();
    return null;
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const lines = text.slice(0, error.offset).split("\n");
    const column = [...lines.at(-1)].length + 1;
    return { message: error.message, offset: error.offset, line: lines.length, column };
  }
}

/** The text of a member of a JSON object, as it stands there. */
export function memberText(text, name) {
  const [start, end] = new Reader(text).document().get(name) ?? [0, 0];
  return text.slice(start, end);
}

/** Valid JSON with line breaks and indents; every value stays as it is written. */
export function pretty(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gu) ?? [];
  let out = "";
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((token, index) => {
    const isEmpty = (open, close) => "[{".includes(open) && "]}".includes(close);
    if (token === "}" || token === "]") {
      if (!isEmpty(tokens[index - 1], token)) {
        depth--;
        out += newLine();
      }
      out += token;
    } else if (token === "{" || token === "[") {
      out += token;
      if (!isEmpty(token, tokens[index + 1])) {
        depth++;
        out += newLine();
      }
    } else if (token === ",") {
      out += token + newLine();
    } else {
      out += token === ":" ? ": " : token;
    }
  });
  return out;
}
