// Answers compared with the types that Stripe generates from its own description of the API: every field that is always there must be there, of a kind that
// may be, and there must be none that Stripe does not know.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'node_modules', 'stripe', 'esm', 'resources');
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts') && statSync(join(folder, name)).isFile());
const shapes = new Map();

// The interface whose `object` is the name, with its fields: { name, optional, type }.
for (const file of files) {
  const text = readFileSync(join(folder, file), 'utf8');
  for (const found of text.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = [...found[2].replace(/\/\*\*[\s\S]*?\*\//g, '').matchAll(/^ {4}(\w+)(\?)?: ([^;]*);/gm)].map(([, name, optional, type]) => ({ name, optional: !!optional, type }));
    const object = fields.find((field) => field.name === 'object')?.type.match(/^'([\w.]+)'$/)?.[1];
    if (object && !found[1].startsWith('Deleted') && !shapes.has(object)) shapes.set(object, fields);
  }
}

const kindOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

const fits = (value, type) => {
  const parts = type.split('|').map((part) => part.trim()).filter(Boolean);
  const kind = kindOf(value);
  return parts.some((part) =>
    part === kind
    || (kind === 'string' && /^'|OtherString|^Decimal$/.test(part))
    || (kind === 'string' && /^[A-Z]\w*\.\w+$/.test(part)) // an enum of the namespace
    || (kind === 'array' && /^Array<|\[\]$/.test(part))
    || (kind === 'object' && !/^(string|number|boolean|null|undefined)$|^'|^Array</.test(part))
    || (['true', 'false'].includes(part) && String(value) === part)
    || ['any', 'unknown'].includes(part));
};

/** What is wrong with an answer, as sentences. */
export function misfits(answer) {
  const shape = shapes.get(answer.object);
  assert.ok(shape, `Stripe has no object '${answer.object}'`);
  const known = new Map(shape.map((field) => [field.name, field]));
  return [
    ...shape.filter((field) => !field.optional && answer[field.name] === undefined).map((field) => `${answer.object}.${field.name} is missing`),
    ...Object.keys(answer).filter((name) => name !== 'lastResponse' && !known.has(name)).map((name) => `${answer.object}.${name} is not Stripe's`),
    ...Object.entries(answer).filter(([name, value]) => known.has(name) && value !== undefined && !fits(value, known.get(name).type)).map(([name, value]) => `${answer.object}.${name} is ${kindOf(value)}, not ${known.get(name).type}`),
  ];
}
