// The parts of the editor that are shown, which depend on its width and on what the user chose.

import { useCallback, useLayoutEffect, useState, type RefObject } from "react";

import {
  keepPanels,
  keptPanels,
  storeOf,
  WIDE,
  type Panels,
  type Part,
  type Room,
} from "../panels";

export interface Parts {
  readonly shown: Panels;
  readonly narrow: boolean;
  readonly show: (part: Part, on: boolean) => void;
}

export function usePanels(box: RefObject<HTMLElement | null>): Parts {
  const [room, setRoom] = useState<Room>("wide");
  const [panels, setPanels] = useState(() => ({
    wide: keptPanels(storeOf(window), "wide"),
    narrow: keptPanels(storeOf(window), "narrow"),
  }));
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      const width = element.clientWidth;
      if (width) setRoom(width < WIDE ? "narrow" : "wide");
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => {
      observer.disconnect();
    };
  }, [box]);
  const show = useCallback(
    (part: Part, on: boolean) => {
      if (panels[room][part] === on) return;
      const next = { ...panels[room], [part]: on };
      keepPanels(storeOf(window), room, next);
      setPanels((old) => ({ ...old, [room]: next }));
    },
    [panels, room],
  );
  return { shown: panels[room], narrow: room === "narrow", show };
}
