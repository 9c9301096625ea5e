// The palette: everything that can be added, in groups, with a search field.

import { memo, useMemo, useRef, useState, type DragEvent, type KeyboardEvent } from "react";

import { grouped, search, TORCH, type Item } from "../entries";
import { familyOfGroup, Sign, Tile } from "../images";
import { usePalette } from "./context";
import { Close } from "./Close";
import { OwnBlock } from "./OwnBlock";

/** The type of what is dragged from the palette onto the canvas. */
export const DRAGGED = "application/x-workbench-item";

const FOLDED = new Set([TORCH]);

interface PaletteProps {
  readonly items: readonly Item[];
  readonly add: (item: Item) => void;
  /** Hides the palette, if it has a button for that. */
  readonly close: (() => void) | null;
}

export const Palette = memo(({ items, add, close }: PaletteProps) => {
  const [query, setQuery] = useState("");
  const [folded, setFolded] = useState<ReadonlySet<string>>(FOLDED);
  const found = useMemo(() => search(items, query), [items, query]);
  const groups = useMemo(
    () => (query.trim() ? new Map([["", found]]) : grouped(found)),
    [found, query],
  );
  const { broken } = usePalette();
  const list = useRef<HTMLDivElement>(null);
  const fold = (group: string) => {
    const next = new Set(folded);
    if (!next.delete(group)) next.add(group);
    setFolded(next);
  };
  // Arrow keys go through the items; only one of them is a stop of the Tab key.
  const walked = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const all = [...(list.current?.querySelectorAll<HTMLElement>(".wbe-item, .wbe-group") ?? [])];
    const at = all.findIndex((one) => one.matches(":focus"));
    all[at + step]?.focus();
    event.preventDefault();
  };
  return (
    <div className="wbe-palette" role="region" aria-label="palette" data-testid="palette">
      <div className="wbe-search">
        <Sign name="search" />
        <input
          className="wbe-field"
          data-testid="palette-search"
          type="search"
          placeholder="Search bricks"
          aria-label="search the palette"
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => {
            const [first] = found;
            if (event.key === "Enter" && first && query.trim()) add(first);
            else if (event.key === "Escape" && query) {
              setQuery("");
              event.stopPropagation();
            } else walked(event);
          }}
        />
        {close && <Close what="the palette" act={close} />}
      </div>
      <div className="wbe-items" ref={list} onKeyDown={walked}>
        {broken.map((text) => (
          <p key={text} className="wbe-broken" data-testid="broken-block">
            {text}
          </p>
        ))}
        {[...groups].map(([group, members]) => {
          const closed = group !== "" && folded.has(group);
          return (
            <section key={group} aria-label={group || "matches"}>
              {group && (
                <button
                  type="button"
                  className="wbe-group"
                  aria-expanded={!closed}
                  onClick={() => fold(group)}
                >
                  <Sign name={closed ? "open" : "down"} />
                  {group}
                  <span>{members.length}</span>
                </button>
              )}
              {!closed &&
                members.map((item) =>
                  item.own ? (
                    <OwnBlock key={keyOf(item)} block={item.own}>
                      <Entry item={item} group={group} add={add} />
                    </OwnBlock>
                  ) : (
                    <Entry key={keyOf(item)} item={item} group={group} add={add} />
                  ),
                )}
            </section>
          );
        })}
        {!found.length && <p className="wbe-nothing">Nothing matches “{query}”.</p>}
      </div>
    </div>
  );
});
Palette.displayName = "Palette";

function keyOf({ kind, type }: Item): string {
  return `${kind}-${type}`;
}

interface EntryProps {
  readonly item: Item;
  /** The group under whose name the item stands; empty among matches of different groups. */
  readonly group: string;
  readonly add: (item: Item) => void;
}

function Entry({ item, group, add }: EntryProps) {
  const started = (event: DragEvent) => {
    const { kind, type } = item;
    event.dataTransfer.setData(DRAGGED, JSON.stringify({ kind, type }));
    event.dataTransfer.effectAllowed = "copy";
  };
  return (
    <button
      type="button"
      className="wbe-item"
      draggable
      data-testid={`add-${item.title ?? item.type}`}
      title={`${item.title ?? item.type}: ${item.text}`}
      onDragStart={started}
      onClick={() => add(item)}
    >
      <Tile type={item.type} family={familyOfGroup(item.group)} />
      <span className="wbe-names">
        <b>{item.title ?? item.type}</b>
        <span className="wbe-detail">{group ? item.text : `${item.group} · ${item.text}`}</span>
      </span>
    </button>
  );
}
