// A block of the user's own in the palette, with buttons that rename and remove it.

import { useRef, useState, type ReactNode } from "react";

import type { PaletteBlock } from "../../messages";
import { Sign } from "../images";
import { useTools } from "./context";

interface OwnBlockProps {
  readonly block: PaletteBlock;
  /** The button that adds the block to the canvas. */
  readonly children: ReactNode;
}

export function OwnBlock({ block, children }: OwnBlockProps) {
  const { send, say } = useTools();
  const [mode, setMode] = useState<"shown" | "renamed" | "removed">("shown");
  const box = useRef<HTMLDivElement>(null);
  const { name } = block;
  const leave = () => {
    setMode("shown");
    setTimeout(() => box.current?.querySelector<HTMLElement>(".wbe-item")?.focus());
  };
  const rename = (next: string) => {
    if (next && next !== name) {
      send("rename_block", { block: name, name: next });
      say(`renamed ${name} to ${next}`);
    }
    leave();
  };
  const remove = () => {
    send("remove_block", { block: name });
    say(`removed ${name}`);
    leave();
  };
  if (mode === "renamed") {
    return (
      <form
        className="wbe-own wbe-asked"
        onSubmit={(event) => {
          event.preventDefault();
          rename(event.currentTarget.querySelector("input")?.value.trim() ?? "");
        }}
        onKeyDown={(event) => {
          event.stopPropagation(); // arrow keys move in the text
          if (event.key === "Escape") leave();
        }}
      >
        <input
          className="wbe-field"
          data-testid={`new-name-of-${name}`}
          aria-label={`new name of the block ${name}`}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          defaultValue={name}
          onFocus={({ target }) => target.select()}
        />
        <button type="submit" className="wbe-button wbe-small">
          rename
        </button>
      </form>
    );
  }
  if (mode === "removed") {
    return (
      <div
        className="wbe-own wbe-asked"
        role="group"
        aria-label={`remove the block ${name}?`}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          leave();
        }}
      >
        <span className="wbe-detail">
          Remove <b>{name}</b>
          {block.saved ? " from all notebooks?" : "?"}
        </span>
        <button
          type="button"
          className="wbe-button wbe-small"
          data-testid={`really-remove-${name}`}
          autoFocus
          onClick={remove}
        >
          remove
        </button>
        <button type="button" className="wbe-button wbe-small" onClick={leave}>
          keep
        </button>
      </div>
    );
  }
  return (
    <div className="wbe-own" ref={box}>
      {children}
      <span className="wbe-own-tools">
        <button
          type="button"
          className="wbe-icon"
          aria-label={`rename the block ${name}`}
          title="rename this block"
          data-testid={`rename-${name}`}
          onClick={() => setMode("renamed")}
        >
          <Sign name="rename" />
        </button>
        <button
          type="button"
          className="wbe-icon"
          aria-label={`remove the block ${name}`}
          title={block.saved ? "remove this block from all notebooks" : "remove this block"}
          data-testid={`remove-${name}`}
          onClick={() => setMode("removed")}
        >
          <Sign name="bin" />
        </button>
      </span>
    </div>
  );
}
