// How busy the service is: depths of the queue, throughput and latency, out of /metrics.

import { ask, every } from "./api.js";
import { Chart } from "./chart.js";
import { byId, say } from "./dom.js";

const EVERY_MS = 2000;
const SPAN_SECONDS = 300;
const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/gm;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Prometheus' text format: a list of {name, labels, value}. */
export function samplesIn(text) {
  return Array.from(text.matchAll(SAMPLE), ([, name, labels, value]) => ({
    name,
    labels: Object.fromEntries(Array.from((labels ?? "").matchAll(LABEL), ([, key, one]) => [key, one])),
    value: Number(value.replace("Inf", "Infinity")),
  }));
}

function reading(text) {
  const found = { time: Date.now(), accepted: 0, refused: 0, messages: {}, buckets: new Map() };
  for (const { name, labels, value } of samplesIn(text)) {
    if (name === "queue_app_jobs_total") {
      found[labels.outcome === "accepted" ? "accepted" : "refused"] += value;
    } else if (name === "queue_app_messages") {
      found.messages[labels.state] = value;
    } else if (
      name === "http_request_duration_seconds_bucket" &&
      labels.method === "POST" &&
      /^\/enqueue\/?$/.test(labels.route)
    ) {
      const limit = Number(labels.le.replace("+Inf", "Infinity"));
      found.buckets.set(limit, (found.buckets.get(limit) ?? 0) + value);
    }
  }
  return found;
}

/** Below which seconds a share of the requests between two readings was; null without requests. */
export function quantile(share, before, after) {
  const counts = [...after].sort(([a], [b]) => a - b).map(([limit, n]) => [limit, n - (before.get(limit) ?? 0)]);
  const wanted = share * (counts.at(-1)?.[1] ?? 0);
  if (!(wanted > 0)) return null;
  let [lower, below] = [0, 0];
  for (const [limit, count] of counts) {
    if (count >= wanted) {
      if (limit === Infinity) return lower;
      return lower + ((limit - lower) * (wanted - below)) / (count - below);
    }
    [lower, below] = [limit, count];
  }
  return null;
}

const whole = (value) => Math.round(value).toLocaleString("en");
const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : whole(value));
const millis = (value) => `${rate(value)} ms`;

/** Draw and tell, now and again; `onDeadLetters` is called with the number of dead letters. */
export function showLoad(onDeadLetters) {
  const throughput = new Chart(byId("chart-throughput"), ["accepted", "refused"], rate, SPAN_SECONDS);
  const latency = new Chart(byId("chart-latency"), ["median", "p95"], millis, SPAN_SECONDS, 10);
  const depth = new Chart(byId("chart-depth"), ["waiting", "scheduled"], whole, SPAN_SECONDS, 10);
  let before = null;

  return every(EVERY_MS, async () => {
    let now;
    try {
      now = reading(await (await ask("metrics")).text());
    } catch (error) {
      before = null;
      throw error;
    }
    const { active = null, scheduled = null, dead_letter: dead = null } = now.messages;
    for (const [id, count] of [["active", active], ["scheduled", scheduled], ["dead", dead]]) {
      say(byId(`count-${id}`), count === null ? "–" : whole(count));
    }
    byId("count-unknown").hidden = active !== null;
    depth.add(now.time, [active, scheduled]);
    onDeadLetters(dead);
    // Counters that went back are those of another process, or of a new one.
    const isSame = before && now.accepted >= before.accepted && now.refused >= before.refused;
    if (isSame && now.time > before.time) {
      const seconds = (now.time - before.time) / 1000;
      const inMillis = (share) => {
        const value = quantile(share, before.buckets, now.buckets);
        return value === null ? null : value * 1000;
      };
      throughput.add(now.time, [
        (now.accepted - before.accepted) / seconds,
        (now.refused - before.refused) / seconds,
      ]);
      latency.add(now.time, [inMillis(0.5), inMillis(0.95)]);
    }
    before = now;
  });
}
