// What every program here prints: one JSON object a line for each step, {"step", "saw"} or {"step", "error"}. "saw" is what
// the library made of a reply, for the Go test to compare between a server and the proxy before it.
import { readFileSync, writeSync } from 'node:fs';

const [protocol, portText] = process.argv.slice(2);
export const resp = Number(protocol.slice(-1)); // of resp2 and resp3
export const port = Number(portText);
export { protocol };

// tls is what tls.connect() needs if the target speaks TLS; undefined if it does not.
const { COMPAT_TLS_CA: ca, COMPAT_TLS_CERT: cert, COMPAT_TLS_KEY: key } = process.env;
export const tls = ca && { ca: readFileSync(ca), ...(cert && { cert: readFileSync(cert), key: readFileSync(key) }) };

const stepLimit = 10_000; // ms; a library that waits longer for a reply on loopback waits in vain
const exitLimit = 5_000; // ms after the last step, by when nothing may keep the process alive

function print(line) {
  writeSync(1, JSON.stringify(line) + '\n');
}

function describe(err) {
  const cause = err.errors ?? (err.cause ? [err.cause] : []);
  return [`${err.name}: ${err.message}`, ...cause.map(describe)].join('; ');
}

function limited(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${stepLimit / 1000} s`)), stepLimit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// version prints that of a package from npm which is installed beside the program.
export function version(name, from = import.meta.url) {
  print({ version: JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, from))).version });
}

// run runs the steps, pairs of a name and an async function, in their order. The first one connects: nothing is tried
// after it failed. Otherwise a step that fails does not keep the next from running.
export async function run(steps) {
  for (const [i, [step, body]] of steps.entries()) {
    try {
      const saw = await limited(body());
      print({ step, saw: typeof saw === 'string' ? saw : '' });
    } catch (err) {
      print({ step, error: describe(err) });
      if (i === 0) process.exit(1);
    }
  }
  // The process ends by itself unless the library left something open. Then, and only then, does this timer fire.
  setTimeout(() => {
    print({ step: 'exit', error: 'the library keeps the process alive after its client was closed' });
    process.exit(1);
  }, exitLimit).unref();
}

// show renders a value with its types, so that a Map is not taken for an Array or an Object, nor a number for a string.
export function show(v) {
  if (v === null || v === undefined) return String(v);
  if (v instanceof Error) return `${v.name}: ${v.message}`;
  if (v instanceof Map) return `Map{${[...v].map(([k, w]) => `${show(k)}: ${show(w)}`).join(', ')}}`;
  if (v instanceof Set) return `Set{${[...v].map(show).join(', ')}}`;
  if (Array.isArray(v)) return `[${v.map(show).join(', ')}]`;
  if (Buffer.isBuffer(v)) return `Buffer ${v.toString('hex')}`;
  if (typeof v === 'object') return `{${Object.entries(v).map(([k, w]) => `${k}: ${show(w)}`).join(', ')}}`;
  return typeof v === 'string' ? JSON.stringify(v) : String(v);
}
