// Loaded before Azurite. What it answers is the same; it is quicker.
"use strict";

const Module = require("node:module");

// Application Insights is loaded even when telemetry is off, and never used then: most of the time
// that Azurite takes to start.
const withoutTelemetry = () => ({});

// For each request, the same few templates of paths are parsed and compared with the same three
// paths, once for each operation that Azurite knows.
const remembering = (answer) => {
  const known = new Map();
  return (question, ...rest) => {
    if (!known.has(question)) known.set(question, answer(question, ...rest));
    return known.get(question);
  };
};
const parsingOnce = (parse) =>
  remembering((template) => {
    const parsed = parse(template);
    parsed.fromUri = remembering(parsed.fromUri);
    return parsed;
  });

let templates;
const load = Module._load;
Module._load = function (name, ...rest) {
  if (name === "applicationinsights") return withoutTelemetry();
  if (name === "uri-templates") return (templates ??= parsingOnce(load.call(this, name, ...rest)));
  return load.call(this, name, ...rest);
};
