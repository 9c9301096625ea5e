// Making elements.

/** Returns a new element, the last one in `parent`. */
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

/** Names an element for tests, and returns it. */
export function named<Part extends HTMLElement>(name: string, element: Part): Part {
  element.dataset.testid = name;
  return element;
}
