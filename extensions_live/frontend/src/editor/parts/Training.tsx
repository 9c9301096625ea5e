// The live views of the session that trains the model, below the editor.

import { useEffect, useRef } from "react";

import type { EditorModel } from "../model";

const FOLLOWED = 8000; // ms until the curves have their height
const LEAVING = ["wheel", "pointerdown", "keydown"] as const;

/** The part of a widget manager that shows widgets. */
interface Views {
  get_model: (id: string) => Promise<unknown>;
  create_view: (model: unknown) => Promise<{ el: HTMLElement; remove?: () => void }>;
}

export function Training({ model, widgets }: { model: EditorModel; widgets: readonly string[] }) {
  const box = useRef<HTMLDivElement>(null);
  const ids = widgets.join(" ");
  useEffect(() => {
    const manager = model.widget_manager as Partial<Views> | undefined;
    const { get_model, create_view } = manager ?? {};
    const place = box.current;
    if (!ids || !place || !manager || !get_model || !create_view) return;
    let ended = false;
    // The curves become tall after their views are there: follow until the user does something.
    const follow = new ResizeObserver(() => {
      place.scrollIntoView({ block: "nearest", behavior: "smooth" });
    });
    const leave = () => follow.disconnect();
    for (const kind of LEAVING) window.addEventListener(kind, leave, { once: true });
    const views: { el: HTMLElement; remove?: () => void }[] = [];
    const show = async () => {
      for (const id of ids.split(" ")) {
        const view = await create_view.call(manager, await get_model.call(manager, id));
        if (ended) {
          view.remove?.();
          return;
        }
        views.push(view);
        place.append(view.el);
      }
      follow.observe(place);
      setTimeout(leave, FOLLOWED);
    };
    show().catch((error: unknown) => {
      place.textContent = `The live views cannot be shown here: ${String(error)}`;
    });
    return () => {
      ended = true;
      leave();
      for (const kind of LEAVING) window.removeEventListener(kind, leave);
      for (const view of views) view.remove?.();
      place.replaceChildren();
    };
  }, [model, ids]);
  return <div ref={box} className="wbe-training" data-testid="training" hidden={!ids} />;
}
