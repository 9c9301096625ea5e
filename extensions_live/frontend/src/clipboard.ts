// Copies text, even on pages without access to the browser's clipboard.

/** Copies text; resolves to true if that worked. */
export async function copyText(text: string, parent: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, parent);
  }
}

/** Copies by selecting a hidden field, which is the only way on pages that are not secure. */
function copyBySelection(text: string, parent: HTMLElement): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "wb-offscreen";
  field.setAttribute("aria-hidden", "true");
  const before = document.activeElement;
  parent.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on such pages
  const copied = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return copied;
}
