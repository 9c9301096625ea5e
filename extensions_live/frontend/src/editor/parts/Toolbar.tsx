// The bar above the canvas.

import { useEffect, useRef, useState, type ReactNode } from "react";

import type { BoardPayload } from "../shown";
import { Sign, type SignName } from "../images";
import type { Panels } from "../panels";

export type Command =
  | "undo"
  | "redo"
  | "arrange"
  | "group"
  | "search"
  | "fit"
  | "code"
  | "palette"
  | "settings"
  | "help"
  | "full"
  | "save png"
  | "save svg"
  | "open image"
  | "align left"
  | "align centre"
  | "align top"
  | "align middle";

interface ButtonProps {
  readonly name: string;
  readonly sign: SignName;
  readonly title: string;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly expanded?: boolean;
  readonly act: () => void;
  readonly children?: ReactNode;
}

function Button(props: ButtonProps) {
  const { name, sign, title, disabled = false, pressed, expanded, act, children } = props;
  return (
    <button
      type="button"
      className={`wbe-tool ${children ? "wbe-texted" : ""}`}
      data-testid={name}
      title={title}
      aria-label={children ? undefined : title}
      aria-pressed={pressed}
      aria-expanded={expanded}
      disabled={disabled}
      onClick={(event) => {
        // After a click, keys are for the canvas, or for the part that `act` opens.
        if (event.detail && expanded === undefined) {
          event.currentTarget.closest<HTMLElement>(".wbe")?.focus({ preventScroll: true });
        }
        act();
      }}
    >
      <Sign name={sign} />
      {children}
    </button>
  );
}

type Entry = readonly [command: Command, text: string];

const SAVE_IMAGE: readonly Entry[] = [
  ["save svg", "save as an SVG image"],
  ["save png", "save as a PNG image"],
];
const OPEN_IMAGE: Entry = ["open image", "open an image…"];

interface MenuProps {
  readonly name: string;
  readonly sign: SignName;
  readonly title: string;
  readonly disabled?: boolean;
  readonly entries: readonly Entry[];
  readonly act: (command: Command) => void;
}

/** A button with a list of commands. */
function Menu({ name, sign, title, disabled = false, entries, act }: MenuProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (open) box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, [open]);
  return (
    <span
      ref={box}
      className="wbe-menu"
      onBlur={({ relatedTarget, currentTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setOpen(false);
      }}
      onKeyDown={(event) => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        const items = [...(box.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
        if (event.key === "Escape" && open) {
          setOpen(false);
          box.current?.querySelector("button")?.focus();
        } else if (step && items.length) {
          const at = items.findIndex((one) => one.matches(":focus"));
          items[(at + step + items.length) % items.length]?.focus();
        } else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <Button
        name={name}
        sign={sign}
        title={title}
        disabled={disabled}
        expanded={open}
        act={() => setOpen(!open)}
      />
      {open && (
        <ul role="menu" aria-label={title}>
          {entries.map(([command, text]) => (
            <li key={command} role="none">
              <button
                type="button"
                role="menuitem"
                data-testid={command.replace(" ", "-")}
                onClick={() => {
                  setOpen(false);
                  act(command);
                }}
              >
                {text}
              </button>
            </li>
          ))}
        </ul>
      )}
    </span>
  );
}

interface ToolbarProps {
  readonly board: BoardPayload;
  readonly selected: number;
  readonly shown: Panels;
  readonly act: (command: Command) => void;
  readonly train: ReactNode;
}

export function Toolbar({ board, selected, shown, act, train }: ToolbarProps) {
  const { undo, redo, nodes } = board;
  const empty = nodes.length === 0;
  const few = selected < 2;
  return (
    <div className="wbe-toolbar" role="toolbar" aria-label="editor">
      <Button
        name="show-palette"
        sign="palette"
        title={shown.palette ? "hide the palette" : "show the palette"}
        pressed={shown.palette}
        act={() => act("palette")}
      >
        bricks
      </Button>
      <span className="wbe-rule" />
      <Button
        name="undo"
        sign="undo"
        title={undo === null ? "nothing to undo" : `undo: ${undo} (Ctrl+Z)`}
        disabled={undo === null}
        act={() => act("undo")}
      />
      <Button
        name="redo"
        sign="redo"
        title={redo === null ? "nothing to redo" : `redo: ${redo} (Ctrl+Shift+Z)`}
        disabled={redo === null}
        act={() => act("redo")}
      />
      <span className="wbe-rule" />
      <Button
        name="arrange"
        sign="arrange"
        title="arrange all nodes (L)"
        disabled={empty}
        act={() => act("arrange")}
      />
      <Menu
        name="align"
        sign="align"
        title="align the selected nodes"
        disabled={few}
        entries={[
          ["align left", "left edges"],
          ["align centre", "centres, one below the other"],
          ["align top", "top edges"],
          ["align middle", "middles, side by side"],
        ]}
        act={act}
      />
      <Button
        name="group"
        sign="group"
        title="group the selected nodes (Ctrl+G)"
        disabled={few}
        act={() => act("group")}
      />
      <span className="wbe-rule" />
      <Button
        name="search"
        sign="search"
        title="find a node (/)"
        disabled={empty}
        act={() => act("search")}
      />
      <Button
        name="fit"
        sign="fit"
        title="show everything (F)"
        disabled={empty}
        act={() => act("fit")}
      />
      <span className="wbe-space" />
      {train}
      <Menu
        name="save-image"
        sign="image"
        title="save as an image, or open a saved image"
        entries={empty ? [OPEN_IMAGE] : [...SAVE_IMAGE, OPEN_IMAGE]}
        act={act}
      />
      <span className="wbe-rule" />
      <Button
        name="show-code"
        sign="code"
        title={shown.code ? "hide the code" : "show the code (E)"}
        pressed={shown.code}
        act={() => act("code")}
      />
      <Button
        name="show-settings"
        sign="panel"
        title={shown.settings ? "hide the settings" : "show the settings"}
        pressed={shown.settings}
        act={() => act("settings")}
      />
      <Button name="full" sign="full" title="full screen" act={() => act("full")} />
      <button
        type="button"
        className="wbe-tool"
        data-testid="help"
        title="list of keys (?)"
        aria-label="list of keys"
        onClick={() => act("help")}
      >
        <b>?</b>
      </button>
    </div>
  );
}
