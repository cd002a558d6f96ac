// A line chart over the last minutes, as SVG: values over time, gaps where nothing is known.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 50;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

const draw = (name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};

const dot = (index, cx, cy, r) => draw("circle", { class: `dot series-${index}`, cx, cy, r });
const polyline = (index, points) =>
  draw("polyline", { class: `line series-${index}`, points: points.join(" ") });

/** The next of 1, 2, 5, 10, 20 … that is not below. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((step) => step * power >= value * 0.999);
}

export class Chart {
  /**
   * @param figure holds an `svg` and, for each series, an element with `data-series`, in which the
   *   last value is told; or the one under the pointer.
   * @param series names of the series, at most two.
   * @param spell from a value to its text.
   * @param seconds how far back the chart goes.
   */
  constructor(figure, series, spell, seconds, least = 1) {
    this.svg = figure.querySelector("svg");
    this.label = figure.querySelector("figcaption").textContent;
    this.outputs = series.map((name) => figure.querySelector(`[data-series="${name}"]`));
    this.series = series;
    this.spell = spell;
    this.span = seconds * 1000;
    this.least = least;
    this.samples = [];
    this.pointed = null;
    new ResizeObserver(() => this.draw()).observe(this.svg);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  /** Add values of a moment, in the order of the series; null for one that is not known. */
  add(time, values) {
    this.samples.push({ time, values });
    while (this.samples[0].time < time - this.span) this.samples.shift();
    this.draw();
  }

  point(event) {
    this.pointed = event && event.clientX - this.svg.getBoundingClientRect().left;
    this.draw();
  }

  draw() {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width) return;
    const end = this.samples.at(-1)?.time ?? 0;
    const known = this.samples.flatMap(({ values }) => values.filter((value) => value !== null));
    const top = ceiling(Math.max(this.least, ...known));
    const x = (time) => width - RIGHT - ((end - time) / this.span) * (width - LEFT - RIGHT);
    const y = (value) => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
    const sample = this.shown(x);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(
      ...this.grid(width, height, top, y),
      ...this.series.flatMap((_, index) => this.lines(index, x, y)),
      ...(this.pointed !== null && sample ? this.marks(sample, x, y, height) : []),
    );
    this.tell(sample);
  }

  /** The sample under the pointer, else the last one. */
  shown(x) {
    if (this.pointed === null) return this.samples.at(-1);
    const distance = ({ time }) => Math.abs(x(time) - this.pointed);
    return this.samples.reduce(
      (best, one) => (best && distance(best) <= distance(one) ? best : one),
      undefined,
    );
  }

  grid(width, height, top, y) {
    const rows = [0, top / 2, top].flatMap((value) => [
      draw("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      draw("text", { class: "tick end", x: LEFT - 6, y: y(value) + 4 }, this.spell(value)),
    ]);
    const minutes = Math.round(this.span / 60_000);
    return [
      ...rows,
      draw("text", { class: "tick", x: LEFT, y: height - 4 }, `${minutes} min ago`),
      draw("text", { class: "tick end", x: width - RIGHT, y: height - 4 }, "now"),
    ];
  }

  lines(index, x, y) {
    const lines = [];
    let points = [];
    for (const { time, values } of [...this.samples, { time: 0, values: [] }]) {
      const value = values[index] ?? null;
      if (value !== null) points.push(`${x(time).toFixed(1)},${y(value).toFixed(1)}`);
      else if (points.length) {
        if (index === 0 && points.length > 1) lines.push(this.area(points, y));
        lines.push(points.length > 1 ? polyline(index, points) : dot(index, ...points[0].split(","), 2));
        points = [];
      }
    }
    return lines;
  }

  area(points, y) {
    const foot = (point) => `${point.split(",")[0]},${y(0).toFixed(1)}`;
    const outline = [foot(points[0]), ...points, foot(points.at(-1))].join(" ");
    return draw("polygon", { class: "area series-0", points: outline });
  }

  marks({ time, values }, x, y, height) {
    const at = x(time);
    const dots = values.map((value, index) =>
      value === null ? [] : [dot(index, at, y(value), 3.5)],
    );
    return [draw("line", { class: "pointer", x1: at, x2: at, y1: TOP, y2: height - BOTTOM }), ...dots.flat()];
  }

  tell(sample) {
    const texts = this.series.map((_, index) => {
      const value = sample?.values[index] ?? null;
      return value === null ? "–" : this.spell(value);
    });
    texts.forEach((text, index) => {
      this.outputs[index].textContent = text;
    });
    const told = this.series.map((name, index) => `${name} ${texts[index]}`).join(", ");
    this.svg.setAttribute("aria-label", `${this.label}: ${told}`);
  }
}
