// A list to choose from, with a search field: bricks that fit, inputs, nodes.

import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { score } from "../entries";
import { Tile, type Family } from "../images";

export interface Choice {
  readonly key: string;
  readonly title: string;
  readonly text: string;
  /** A short remark at the right. */
  readonly note?: string;
  /** More words by which it is found. */
  readonly words?: string;
  readonly tile?: { readonly type: string; readonly family: Family };
  /** How well a query matches; otherwise that of the title and the words. */
  readonly rank?: (query: string) => number;
  readonly act: () => void;
}

export interface ChooserRequest {
  readonly title: string;
  readonly hint: string;
  readonly choices: readonly Choice[];
  /** A place within the canvas, in pixels; null for its middle. */
  readonly at: readonly [x: number, y: number] | null;
  /** Called if the user leaves without a choice. */
  readonly left?: () => void;
}

const WIDTH = 300;
const HEIGHT = 330;

interface ChooserProps {
  readonly request: ChooserRequest;
  readonly room: { readonly width: number; readonly height: number };
  readonly close: () => void;
}

/** Returns the choices that match, the best first. */
export function matching(choices: readonly Choice[], query: string): Choice[] {
  if (!query.trim()) return [...choices];
  return choices
    .map((choice) => ({
      choice,
      points:
        choice.rank?.(query) ?? score(query, choice.title, `${choice.words ?? ""} ${choice.text}`),
    }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .map(({ choice }) => choice);
}

export function Chooser({ request, room, close }: ChooserProps) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const found = useMemo(() => matching(request.choices, query), [request, query]);
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => {
    field.current?.focus({ preventScroll: true });
    setQuery("");
    setAt(0);
  }, [request]);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const act = (choice: Choice | undefined) => {
    if (!choice) return;
    close();
    choice.act();
  };
  const leave = () => {
    close();
    request.left?.();
  };
  const pressed = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };
    const step = steps[event.key];
    if (step !== undefined) setAt(Math.max(0, Math.min(found.length - 1, chosen + step)));
    else if (event.key === "Enter") act(found[chosen]);
    else if (event.key === "Escape") leave();
    else if (event.key !== "Tab") return;
    event.preventDefault();
    event.stopPropagation();
  };
  const [x, y] = request.at ?? [(room.width - WIDTH) / 2, 40];
  const left = Math.max(8, Math.min(x, room.width - WIDTH - 8));
  const top = Math.max(8, Math.min(y, room.height - HEIGHT - 8));
  return (
    <div
      className="wbe-chooser"
      data-testid="chooser"
      style={{ left, top, width: WIDTH, maxHeight: Math.min(HEIGHT, room.height - 16) }}
      role="dialog"
      aria-label={request.title}
      onBlur={({ relatedTarget, currentTarget }) => {
        if (relatedTarget && !currentTarget.contains(relatedTarget)) leave();
      }}
    >
      <label className="wbe-chooser-title" htmlFor="wbe-chooser-field">
        {request.title}
      </label>
      <input
        ref={field}
        id="wbe-chooser-field"
        className="wbe-field"
        data-testid="chooser-field"
        placeholder={request.hint}
        value={query}
        autoComplete="off"
        spellCheck={false}
        role="combobox"
        aria-expanded="true"
        aria-controls="wbe-chooser-list"
        aria-activedescendant={chosen < 0 ? undefined : `wbe-choice-${chosen}`}
        onChange={(event) => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={pressed}
      />
      <ul ref={list} id="wbe-chooser-list" role="listbox" aria-label={request.title}>
        {found.map((choice, place) => (
          <li
            key={choice.key}
            id={`wbe-choice-${place}`}
            role="option"
            aria-selected={place === chosen}
            data-testid={`choice-${choice.key}`}
            onPointerMove={() => setAt(place)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => act(choice)}
          >
            {choice.tile && <Tile {...choice.tile} />}
            <span className="wbe-names">
              <b>{choice.title}</b>
              <span className="wbe-detail">{choice.text}</span>
            </span>
            {choice.note && <span className="wbe-note">{choice.note}</span>}
          </li>
        ))}
      </ul>
      {!found.length && <p className="wbe-nothing">Nothing matches “{query}”.</p>}
    </div>
  );
}
