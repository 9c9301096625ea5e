// The most important settings of a node in a few characters, such as "784 → 10".

import type { BoardNode, SettingData } from "./shown";

type Named = ReadonlyMap<string, SettingData>;

/** Returns the value that a setting has: the given one, else the inferred one, else the default. */
export function valueOf(setting: SettingData): unknown {
  if (setting.given) return setting.value;
  return setting.inferred ?? setting.default;
}

/** Returns a short text for a value; empty if there is none. */
export function brief(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map((one) => brief(one) || "–").join(", ");
  const [[key, inner] = ["", null]] = Object.entries(value as Record<string, unknown>);
  if (key === "tuple" && Array.isArray(inner)) return inner.map(brief).join(" × ");
  if (key === "use" || key === "dtype" || key === "float") return brief(inner);
  const { type } = (inner ?? {}) as { type?: unknown };
  return typeof type === "string" ? type : "…";
}

/** Returns what is inferred in the gaps of a list, such as "784"; empty if it has none. */
export function filledIn({ given, value, inferred }: SettingData): string {
  if (!given || !Array.isArray(value) || !Array.isArray(inferred)) return "";
  return inferred.flatMap((one, at) => (value[at] === null ? [brief(one)] : [])).join(", ");
}

function number(settings: Named, name: string): string {
  const setting = settings.get(name);
  return setting ? brief(valueOf(setting)) : "";
}

/** Returns the detail of a node; empty if it has no settings of that kind. */
export function detailOf(node: Pick<BoardNode, "kind" | "settings">): string {
  const settings: Named = new Map(node.settings.map((one) => [one.name, one]));
  const dims = settings.get("dims");
  const sizes = dims ? (dims.inferred ?? valueOf(dims)) : null;
  if (Array.isArray(sizes) && sizes.length) {
    return sizes.map((size) => brief(size) || "?").join(" → ");
  }
  const [into, out] = [number(settings, "input_dim"), number(settings, "output_dim")];
  if (settings.has("input_dim") && settings.has("output_dim")) {
    return into || out ? `${into || "?"} → ${out || "?"}` : "";
  }
  const filters = number(settings, "num_filters");
  const size = number(settings, "filter_size") || number(settings, "pooling_size");
  if (filters) return [filters, size].filter(Boolean).join(" filters of ");
  if (size) return size;
  const dim = number(settings, "dim");
  if (dim) return node.kind === "operation" ? `dim ${dim}` : dim;
  const probability = number(settings, "drop_prob");
  if (probability) return `p = ${probability}`;
  if (node.kind !== "operation") return "";
  const given = node.settings.filter((one) => one.given && brief(one.value));
  return given.map((one) => brief(one.value)).join(", ");
}
