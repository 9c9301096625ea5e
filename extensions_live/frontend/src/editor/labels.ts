// Short texts for shapes, numbers and names.

const UNITS: readonly (readonly [size: number, unit: string])[] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Returns a whole number with at most three significant digits, such as "1.24 M". */
export function short(count: number): string {
  for (const [size, unit] of UNITS) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return String(count);
}

/** Returns a number with separators between thousands. */
export function long(count: number): string {
  return count.toLocaleString("en");
}

/** Returns "1 brick" or "3 bricks". */
export function counted(count: number, noun: string): string {
  return `${long(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Returns the number of dimensions in a text such as "batch × 784", or null. */
export function dimensions(shape: string | null): number | null {
  if (shape === null) return null;
  const text = shape.trim();
  if (!text || text === "scalar" || text === "()") return 0;
  return text.split("×").length;
}

/** Returns the name of an argument as words: "input_dim" becomes "input dim". */
export function words(name: string): string {
  return name.replaceAll("_", " ").trim();
}

/** Returns a type as a word; the type of a transpose is a single letter. */
export function typeWords(type: string): string {
  return type === "T" ? "transpose" : type;
}

const OF_COSTS: Readonly<Record<string, string>> = { y: "targets", y_hat: "predictions" };

/** Returns the name of an input as words; those of a cost say what they are. */
export function portWords(name: string, inputs: readonly { readonly name: string }[]): string {
  const known = inputs.some((one) => one.name === "y_hat") ? OF_COSTS[name] : undefined;
  return known ?? words(name);
}

/** Returns the label of an edge. */
export function edgeLabel(shape: string | null, dtype: string | null): string {
  if (shape === null) return "";
  const text = shape || "scalar";
  return dtype && !/^float(32|64)?$/.test(dtype) ? `${text} ${dtype}` : text;
}

/** Returns a number of floating-point operations, such as "1.2 MFLOP". */
export function flopLabel(count: number): string {
  const [number = "", unit = ""] = short(count).split(" ");
  return `${number} ${unit}FLOP`;
}

/** Returns the short label of the counts of a node; empty if there are none. */
export function countLabel(parameters: number | null, flops: number | null): string {
  const parts: string[] = [];
  if (parameters) parts.push(`${short(parameters)} param${parameters === 1 ? "" : "s"}`);
  if (flops) parts.push(flopLabel(flops));
  return parts.join(" · ");
}
