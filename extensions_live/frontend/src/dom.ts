// Functions that create elements.

/** Appends a new element to `parent`, and returns the element. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  parent: HTMLElement,
  text = "",
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

/** Returns the element in focus, also within the shadow root of a dashboard. */
export function focusOf(element: Element): HTMLElement | null {
  const root = element.getRootNode();
  const { activeElement } = root instanceof ShadowRoot ? root : element.ownerDocument;
  return activeElement as HTMLElement | null;
}

/** Sets the test id of an element, and returns the element. */
export function named<Part extends HTMLElement>(name: string, element: Part): Part {
  element.dataset.testid = name;
  return element;
}
