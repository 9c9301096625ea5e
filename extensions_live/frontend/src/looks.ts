// Notices when the page looks different: another theme, forced colours, or another zoom.

const LATE = 400; // ms after which the colours of a new theme are in effect
const COLOURS = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

/** Calls `changed` now and later whenever colours change; returns a function that stops this. */
export function followColours(changed: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const themed = () => {
    changed();
    clearTimeout(timer);
    timer = setTimeout(changed, LATE);
  };
  const watcher = new MutationObserver(themed);
  watcher.observe(document.body, { attributes: true });
  const media = COLOURS.map((query) => window.matchMedia(query));
  for (const one of media) one.addEventListener("change", themed);
  changed();
  return () => {
    clearTimeout(timer);
    watcher.disconnect();
    for (const one of media) one.removeEventListener("change", themed);
  };
}

/** Calls `changed` whenever the zoom changes, or the page moves to a screen with other pixels. */
export function followZoom(changed: () => void): () => void {
  let media: MediaQueryList | null = null;
  const watch = () => {
    media = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    media.addEventListener("change", zoomed, { once: true });
  };
  const zoomed = () => {
    changed();
    watch();
  };
  watch();
  return () => {
    media?.removeEventListener("change", zoomed);
  };
}
