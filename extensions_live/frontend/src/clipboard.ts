// Copying of text, also in pages without access to the clipboard of the browser.

/** Copies text; resolves to true if that worked. */
export async function copyText(text: string, parent: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, parent);
  }
}

/** Copies by the selection of a hidden field: pages that are not secure have no other way. */
function copyBySelection(text: string, parent: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "wb-offscreen";
  field.setAttribute("aria-hidden", "true");
  const before = document.activeElement;
  parent.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way in such pages
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}
