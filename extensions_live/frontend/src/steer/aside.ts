// The refusals that the user has put aside, which stay aside when the page is loaded again.

const KEY = "workbench-refusals-aside";
const MOST = 50;

function read(): string[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return []; // the page may not use the store
  }
}

/** Keeps the id of a request whose refusal was put aside. */
export function putAside(request: string): void {
  const kept = [...read().filter((one) => one !== request), request].slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A full or closed store only means that the refusal returns with the page.
  }
}

/** Returns true if the refusal of a request was put aside in this tab. */
export function isAside(request: string): boolean {
  return request !== "" && read().includes(request);
}
