// Reads values that people type into the fields of a form, and writes values as text.

/** A value that was read, or why it cannot be. */
export type Read = { readonly value: unknown } | { readonly wrong: string };

export interface Limits {
  readonly least: number | null;
  readonly below: number | null;
}

/** Reads a number within limits; `whole` if it must be whole. */
export function readNumber(text: string, whole: boolean, { least, below }: Limits): Read {
  const plain = text.trim().replaceAll("_", "").replaceAll(",", "");
  const value = Number(plain);
  if (!plain || !Number.isFinite(value)) return { wrong: `${text.trim() || "this"} is no number` };
  if (whole && !Number.isSafeInteger(value)) return { wrong: `${plain} is no whole number` };
  if (least !== null && value < least) return { wrong: `must be at least ${least}` };
  if (below !== null && value >= below) return { wrong: `must be below ${below}` };
  return { value };
}

/** Reads a list of numbers, such as "784, 500, 10"; "?" or "none" is a number that is missing. */
export function readNumbers(text: string, whole: boolean, limits: Limits): Read {
  const parts = text
    .replace(/^\s*[[(]|[\])]\s*$/g, "")
    .split(/[\s,;→x×]+/)
    .filter(Boolean);
  const values: unknown[] = [];
  for (const part of parts) {
    if (/^(\?|none|null)$/i.test(part)) {
      values.push(null);
      continue;
    }
    const one = readNumber(part, whole, limits);
    if ("wrong" in one) return one;
    values.push(one.value);
  }
  return { value: values };
}

/** Reads two whole numbers, such as "3 × 3"; one number stands for both. */
export function readPair(text: string, limits: Limits): Read {
  const read = readNumbers(text, true, limits);
  if ("wrong" in read) return read;
  const values = read.value as unknown[];
  if (values.some((value) => value === null)) return { wrong: "both numbers are needed" };
  if (values.length === 1) return { value: { tuple: [values[0], values[0]] } };
  return values.length === 2 ? { value: { tuple: values } } : { wrong: "two numbers are needed" };
}

/** Reads any value: JSON, or numbers and words of Python. */
export function readAny(text: string): Read {
  const plain = text.trim();
  const words: Record<string, unknown> = { None: null, True: true, False: false };
  if (plain in words) return { value: words[plain] };
  if (/^\(.*\)$/.test(plain) || /^-?\d+(\s*,\s*-?\d+)+,?$/.test(plain)) {
    const inner = plain.replace(/^\(|,?\s*\)$|,$/g, "");
    const read = readJson(`[${inner}]`);
    return read ? { value: { tuple: read.value } } : { value: plain };
  }
  return readJson(plain) ?? { value: plain };
}

function readJson(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

/** Returns a value as the text that the functions above read. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map((one) => written(one) || "?").join(", ");
  const { tuple } = value as { tuple?: unknown };
  if (Array.isArray(tuple)) return tuple.map((one) => written(one) || "?").join(", ");
  return JSON.stringify(value);
}

/** A brick, scheme or module as a value: `{"brick": {"type": ..., "settings": ...}}`. */
export interface Part {
  readonly type: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export type PartKind = "brick" | "scheme" | "module";

/** Returns the part in a value, or null. */
export function partOf(value: unknown, kind: PartKind): Part | null {
  if (typeof value !== "object" || value === null) return null;
  const part = (value as Record<string, unknown>)[kind];
  if (typeof part !== "object" || part === null) return null;
  const { type, settings = {} } = part as { type?: unknown; settings?: unknown };
  return typeof type === "string" ? { type, settings: settings as Part["settings"] } : null;
}

/** Returns an object without a key. */
export function without(object: object, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** Returns the value of a part; what else the old value has, such as a name, is kept. */
export function partValue(kind: PartKind, part: Part, old: unknown = null): unknown {
  const before = partOf(old, kind);
  const rest =
    before?.type === part.type ? ((old as Record<string, object>)[kind] ?? {}) : undefined;
  const filled = Object.keys(part.settings).length ? { settings: part.settings } : {};
  return { [kind]: { ...without(rest ?? {}, "settings"), type: part.type, ...filled } };
}
