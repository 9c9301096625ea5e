// The sentence about the session that trains the model, and what screen readers announce of it: each
// new state, but not each iteration.

import { useEffect, useRef, useState } from "react";

import type { SessionStatus } from "../../messages";
import type { EditorModel } from "../model";
import { useTrait } from "./context";

const NONE: SessionStatus = { session: "", state: "", text: "" };

/** Returns the sentence that Python sent last; empty before the first session. */
export function useStatus(
  model: EditorModel,
  changed: () => void,
): { readonly status: SessionStatus; readonly announced: string } {
  const sent = useTrait(model, "status");
  const status = "state" in sent ? sent : NONE;
  const [announced, announce] = useState("");
  const key = `${status.session} ${status.state}`;
  const before = useRef(key);
  useEffect(() => {
    if (key === before.current) return;
    before.current = key;
    announce(status.text);
    changed();
  }, [key, status.text, changed]);
  return { status, announced };
}
