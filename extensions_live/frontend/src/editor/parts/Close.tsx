// The button that hides a part which lies over the canvas.

import { Sign } from "../images";

export function Close({ what, act }: { what: string; act: () => void }) {
  return (
    <button
      type="button"
      className="wbe-icon wbe-close"
      title={`hide ${what}`}
      aria-label={`hide ${what}`}
      data-testid={`hide-${what.replace("the ", "")}`}
      onClick={act}
    >
      <Sign name="close" />
    </button>
  );
}
