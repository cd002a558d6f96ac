// Loaded before Azurite, which loads Application Insights even when telemetry is off, and never
// uses it then: two thirds of the time that Azurite takes to start.
"use strict";

const Module = require("node:module");

const load = Module._load;
Module._load = function (name, ...rest) {
  return name === "applicationinsights" ? {} : load.call(this, name, ...rest);
};
