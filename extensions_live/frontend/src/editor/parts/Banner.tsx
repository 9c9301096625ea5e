// What is wrong with the kernel, above the canvas, and the buttons that keep the drawing.

import { Sign } from "../images";
import { KEEP, type Notice } from "./useKernel";

interface BannerProps {
  readonly notice: Notice;
  /** Inserts the code of the drawing as a cell; null where the page cannot do that. */
  readonly insert: (() => void) | null;
  /** Copies the code of the drawing; null if there is none. */
  readonly copy: (() => void) | null;
}

export function Banner({ notice, insert, copy }: BannerProps) {
  const keeps = notice.loses && copy !== null;
  return (
    <div className="wbe-notice" data-testid="notice">
      <span role="alert">{keeps ? `${notice.text} ${KEEP}` : notice.text}</span>
      {keeps && (
        <>
          {insert && (
            <button
              type="button"
              className="wbe-button wbe-small"
              data-testid="keep-cell"
              onClick={insert}
            >
              <Sign name="cell" /> insert its code as a cell
            </button>
          )}
          <button
            type="button"
            className="wbe-button wbe-small"
            data-testid="keep-code"
            onClick={copy}
          >
            <Sign name="copy" /> copy the code
          </button>
        </>
      )}
    </div>
  );
}
