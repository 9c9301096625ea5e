// The controls of a form, one for each kind of value.

import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";

import type { FieldData, PaletteEntry } from "../../messages";
import { bricksFor, entryOf, schemesOf } from "../entries";
import { Sign } from "../images";
import { words } from "../labels";
import {
  partOf,
  partValue,
  readAny,
  readNumber,
  readNumbers,
  readPair,
  without,
  written,
  type PartKind,
  type Read,
} from "../values";
import { usePalette } from "./context";

const PAUSE = 250; // ms without a key before a value is sent

export interface ControlProps {
  readonly field: FieldData;
  /** The value that is set, or undefined. */
  readonly value: unknown;
  /** What is used while nothing is set, as a text. */
  readonly instead: string;
  readonly id: string;
  readonly disabled: boolean;
  /** Sets a value, or with undefined goes back to none. */
  readonly change: (value: unknown) => void;
}

/** Reads the text of a field of its kind. */
function readerOf({ kind, many, least, below }: FieldData): (text: string) => Read {
  const limits = { least, below };
  const whole = kind === "whole" || kind === "size";
  if (kind === "pair") return (text) => readPair(text, limits);
  if (whole || kind === "number") {
    return many
      ? (text) => readNumbers(text, whole, limits)
      : (text) => readNumber(text, whole, limits);
  }
  if (kind === "text") return (text) => ({ value: text });
  return readAny;
}

/** A field for text that becomes a value; it is sent as one types. */
function TextControl({ field, value, instead, id, disabled, change }: ControlProps) {
  const [text, setText] = useState(written(value));
  const [wrong, setWrong] = useState("");
  const typing = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const known = JSON.stringify(value);
  useEffect(() => {
    if (typing.current) return;
    setText(written(value));
    setWrong("");
  }, [known]);
  const send = (next: string, late: boolean) => {
    clearTimeout(timer.current);
    const read: Read = next.trim() ? readerOf(field)(next) : { value: undefined };
    if ("wrong" in read) {
      setWrong(read.wrong);
      return;
    }
    setWrong("");
    if (JSON.stringify(read.value) === known) return;
    const act = () => change(read.value);
    if (late) timer.current = setTimeout(act, PAUSE);
    else act();
  };
  const step = (event: KeyboardEvent) => {
    if (event.key === "Enter") send(text, false);
    const size = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const number = Number(text.trim() || instead.replace(/\D.*$/, ""));
    if (!size || field.many || !/^(whole|size)$/.test(field.kind ?? "")) return;
    if (!Number.isInteger(number)) return;
    event.preventDefault();
    const next = String(Math.max(field.least ?? 0, number + size));
    setText(next);
    send(next, true);
  };
  const numeric = /^(whole|size|number)$/.test(field.kind ?? "") && !field.many;
  return (
    <>
      <input
        id={id}
        className="wbe-field"
        type="text"
        inputMode={numeric ? "decimal" : "text"}
        autoComplete="off"
        spellCheck={false}
        disabled={disabled}
        placeholder={instead}
        value={text}
        aria-invalid={Boolean(wrong)}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        data-testid={`field-${field.name}`}
        onChange={({ target }) => {
          typing.current = true;
          setText(target.value);
          send(target.value, true);
        }}
        onKeyDown={step}
        onBlur={() => {
          typing.current = false;
          send(text, false);
        }}
      />
      {wrong && (
        <span className="wbe-wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </>
  );
}

function FlagControl({ field, value, id, disabled, change }: ControlProps) {
  const on = typeof value === "boolean" ? value : field.default === true;
  return (
    <input
      id={id}
      type="checkbox"
      className="wbe-check"
      checked={on}
      disabled={disabled}
      data-testid={`field-${field.name}`}
      onChange={({ target }) => change(target.checked)}
    />
  );
}

function ChoiceControl({ field, value, instead, id, disabled, change }: ControlProps) {
  const now = typeof value === "string" ? value : "";
  const other = value !== undefined && value !== null && !field.choices.includes(now);
  return (
    <select
      id={id}
      className="wbe-field"
      value={other ? "\0" : now}
      disabled={disabled}
      data-testid={`field-${field.name}`}
      onChange={({ target }) => change(target.value || undefined)}
    >
      <option value="">{instead || "default"}</option>
      {other && (
        <option value="\0" disabled>
          {written(value)}
        </option>
      )}
      {field.choices.map((choice) => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}

interface PartControlProps {
  readonly kind: PartKind;
  readonly entries: readonly PaletteEntry[];
  readonly value: unknown;
  readonly instead: string;
  readonly id: string;
  readonly label: string;
  readonly disabled: boolean;
  readonly testid: string;
  readonly change: (value: unknown) => void;
}

/** A brick or scheme: its type, and below it the form of its own arguments. */
function PartControl(props: PartControlProps) {
  const { kind, entries, value, instead, id, label, disabled, testid, change } = props;
  const part = partOf(value, kind);
  const entry = entries.find(({ type }) => type === part?.type);
  const other = part === null && value !== undefined && value !== null;
  const settings = part?.settings ?? {};
  return (
    <>
      <select
        id={id}
        className="wbe-field"
        aria-label={label}
        value={part?.type ?? (other ? "\0" : "")}
        disabled={disabled}
        data-testid={testid}
        onChange={({ target }) =>
          change(
            target.value ? partValue(kind, { type: target.value, settings: {} }, value) : undefined,
          )
        }
      >
        <option value="">{instead}</option>
        {other && (
          <option value="\0" disabled>
            {written(value)}
          </option>
        )}
        {part && !entry && <option>{part.type}</option>}
        {entries.map(({ type, text }) => (
          <option key={type} title={text}>
            {type}
          </option>
        ))}
      </select>
      {part && entry && entry.fields.some(isShown) && (
        <div className="wbe-inner-form">
          {entry.fields.filter(isShown).map((field) => (
            <Row
              key={field.name}
              field={field}
              value={settings[field.name]}
              instead={written(field.default)}
              disabled={disabled}
              change={(next) => {
                const rest = without(settings, field.name);
                const filled = next === undefined ? rest : { ...rest, [field.name]: next };
                change(partValue(kind, { type: part.type, settings: filled }, value));
              }}
            />
          ))}
        </div>
      )}
    </>
  );
}

/** Returns true for fields that a form within a form shows. */
function isShown({ kind, lazy }: FieldData): boolean {
  return !(lazy && kind === "scheme");
}

/** A list of bricks, each of which can be none. */
function PartsControl({ field, value, id, disabled, change }: ControlProps) {
  const palette = usePalette();
  const entries = bricksFor(palette, field.accepts);
  const list: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [];
  const put = (place: number, next: unknown) =>
    change(list.map((one, i) => (i === place ? (next ?? null) : one)));
  return (
    <div className="wbe-parts" id={id} role="group">
      {list.map((one, place) => (
        <div className="wbe-part" key={place}>
          <span className="wbe-number">{place + 1}</span>
          <div>
            <PartControl
              kind="brick"
              entries={entries}
              value={one ?? undefined}
              instead="none"
              id={`${id}-${place}`}
              label={`${words(field.name)} ${place + 1}`}
              disabled={disabled}
              testid={`field-${field.name}-${place}`}
              change={(next) => put(place, next)}
            />
          </div>
          <button
            type="button"
            className="wbe-icon"
            disabled={disabled}
            aria-label={`remove ${words(field.name)} ${place + 1}`}
            title="remove"
            onClick={() => change(list.filter((_, i) => i !== place))}
          >
            <Sign name="close" />
          </button>
        </div>
      ))}
      <button
        type="button"
        className="wbe-button wbe-small"
        disabled={disabled}
        data-testid={`more-${field.name}`}
        onClick={() => change([...list, list.at(-1) ?? null])}
      >
        <Sign name="plus" /> add
      </button>
    </div>
  );
}

/** The control of a field, for its kind. */
function Control(props: ControlProps) {
  const { field, value, instead, id, disabled, change } = props;
  const palette = usePalette();
  if (field.kind === "flag") return <FlagControl {...props} />;
  if (field.kind === "choice" || field.choices.length) return <ChoiceControl {...props} />;
  if (field.kind === "brick" && field.many) return <PartsControl {...props} />;
  if (field.kind === "brick" || field.kind === "scheme" || field.kind === "module") {
    const entries = {
      brick: () => bricksFor(palette, field.accepts),
      scheme: () => schemesOf(palette),
      module: () => modulesIn(palette.groups.flatMap((group) => group.entries)),
    }[field.kind]();
    const none = field.kind === "scheme" ? "none" : "choose…";
    return (
      <PartControl
        kind={field.kind}
        entries={entries}
        value={value}
        instead={instead || (field.optional ? "none" : none)}
        id={id}
        label={words(field.name)}
        disabled={disabled}
        testid={`field-${field.name}`}
        change={change}
      />
    );
  }
  return <TextControl {...props} />;
}

function modulesIn(entries: readonly PaletteEntry[]): PaletteEntry[] {
  return entries.filter(({ kind }) => kind === "module");
}

/** Returns a scheme's entry, for its description. */
export function useSchemeText(value: unknown): string {
  const palette = usePalette();
  const part = partOf(value, "scheme");
  return part ? (entryOf(palette, "scheme", part.type)?.text ?? "") : "";
}

interface RowProps {
  readonly field: FieldData;
  readonly value: unknown;
  readonly instead: string;
  readonly inferred?: string;
  /** What is inferred for the gaps of a value that is set. */
  readonly filled?: string;
  /** Whether the value is wrong, or still to be set. */
  readonly fault?: "wrong" | "waits" | undefined;
  readonly disabled: boolean;
  readonly change: (value: unknown) => void;
}

/** A field with its label, and the button that goes back to the default. */
export function Row(props: RowProps) {
  const { field, value, instead, inferred = "", filled = "", fault, disabled, change } = props;
  const id = useId();
  const wide = field.kind === "brick" || field.kind === "scheme" || field.kind === "module";
  const given = value !== undefined;
  return (
    <div
      className={`wbe-row ${wide ? "wbe-wide" : ""} ${fault ? "wbe-row-fault" : ""} ${fault === "waits" ? "wbe-row-waits" : ""}`}
      data-testid={`row-${field.name}`}
    >
      <label htmlFor={id} title={field.text}>
        {field.name}
        {field.required && !given && (
          <span className="wbe-required" title="must be set">
            *
          </span>
        )}
      </label>
      <div className="wbe-control">
        <Control
          field={field}
          value={value}
          instead={inferred || instead}
          id={id}
          disabled={disabled}
          change={change}
        />
        {filled && (
          <span className="wbe-hint" title="what stands for ? follows from the inputs">
            {filled} (inferred)
          </span>
        )}
        {inferred && !given && (
          <span className="wbe-inferred" title="follows from the other settings and inputs">
            inferred
          </span>
        )}
      </div>
      {given && !disabled && !field.required ? (
        <button
          type="button"
          className="wbe-icon wbe-reset"
          aria-label={`reset ${words(field.name)}`}
          title={inferred ? `reset; ${inferred} is inferred` : "reset to the default"}
          onClick={() => change(undefined)}
        >
          <Sign name="reset" />
        </button>
      ) : (
        <span />
      )}
    </div>
  );
}
