// What can lie on the canvas: the list of keys, the hints of an empty canvas, and short messages.

import { useEffect, useRef } from "react";

import type { PalettePayload, SourceExample } from "../../messages";
import { blockTitle } from "../entries";
import { Sign, Tile } from "../images";
import { OTHER_KEYS, SHORTCUTS } from "../shortcuts";
import { useTools } from "./context";

/** The list of keys. */
export function Help({ close }: { close: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  const row = (keys: string, text: string) => (
    <div role="listitem" key={keys}>
      <kbd>{keys}</kbd>
      <span>{text}</span>
    </div>
  );
  return (
    <div
      ref={box}
      className="wbe-help"
      role="dialog"
      aria-label="list of keys"
      data-testid="keys"
      tabIndex={-1}
    >
      <header>
        <b>Keys</b>
        <span className="wbe-space" />
        <button type="button" className="wbe-icon" aria-label="close" onClick={close}>
          <Sign name="close" />
        </button>
      </header>
      <div className="wbe-columns">
        {(["Build", "Edit", "Look"] as const).map((part) => (
          <section key={part}>
            <h4>{part}</h4>
            <div role="list" aria-label={part}>
              {SHORTCUTS.filter((one) => one.part === part).map(({ shown, text }) =>
                row(shown, text),
              )}
              {part === "Edit" && OTHER_KEYS.map(([keys, text]) => row(keys, text))}
            </div>
          </section>
        ))}
      </div>
    </div>
  );
}

interface EmptyProps {
  readonly palette: PalettePayload;
  readonly begin: () => void;
}

/** The first example of a stream that is an image, else the tile of data. */
function StartImage({ examples }: { examples: readonly SourceExample[] }) {
  const image = examples.find((one) => one.image !== null)?.image;
  return image ? (
    <img className="wbe-image" src={image} alt="" />
  ) : (
    <Tile type="Input" family="data" />
  );
}

/** What to do on an empty canvas. */
export function Empty({ palette, begin }: EmptyProps) {
  const { send } = useTools();
  return (
    <div className="wbe-empty" data-testid="empty">
      <h2>Build a model</h2>
      <p>
        <button type="button" className="wbe-link" data-testid="begin" onClick={begin}>
          Choose a brick from a list
        </button>{" "}
        <kbd>A</kbd>, or drag one here from the palette, which the button “bricks” shows. Connect
        the dot below one node to the dot above another.
      </p>
      {palette.streams.length > 0 && (
        <>
          <h4>Start with the data of this notebook</h4>
          <div className="wbe-starts">
            {palette.streams.map(({ name, note, sources, examples }) => (
              <button
                type="button"
                className="wbe-start"
                key={name}
                data-testid={`stream-${name}`}
                title={sources.map((one) => one.name).join(", ")}
                onClick={() => send("add_stream", { stream: name })}
              >
                <StartImage examples={Object.values(examples)} />
                <span className="wbe-names">
                  <b>{name}</b>
                  <span className="wbe-detail">{note}</span>
                </span>
              </button>
            ))}
          </div>
        </>
      )}
      {palette.blocks.length > 0 && (
        <>
          <h4>Or with a ready block</h4>
          <div className="wbe-starts">
            {palette.blocks.map((block) => (
              <button
                type="button"
                className="wbe-start"
                key={block.name}
                data-testid={`block-${block.name}`}
                title={block.text}
                onClick={() => send("add_block", { block: block.name })}
              >
                <Tile type="Sequence" family="container" />
                <span className="wbe-names">
                  <b>{blockTitle(block)}</b>
                  <span className="wbe-detail">{block.text}</span>
                </span>
              </button>
            ))}
          </div>
        </>
      )}
      <p className="wbe-hint">
        You can also drop an image here that was saved from an editor, paste copied nodes, or write
        code below.
      </p>
    </div>
  );
}

export interface Toast {
  readonly number: number;
  readonly text: string;
  readonly kind: "refused" | "done";
}

interface ToastsProps {
  readonly toasts: readonly Toast[];
  readonly close: (number: number) => void;
}

/** Short messages in the corner of the canvas. */
export function Toasts({ toasts, close }: ToastsProps) {
  return (
    <div className="wbe-toasts">
      {toasts.map(({ number, text, kind }) => (
        <div
          key={number}
          className="wbe-toast"
          data-kind={kind}
          data-testid="toast"
          role={kind === "refused" ? "alert" : "status"}
        >
          <p>{text}</p>
          <button
            type="button"
            className="wbe-icon"
            aria-label="close this message"
            onClick={() => close(number)}
          >
            <Sign name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
