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

/** Sets the test id of an element, and returns the element. */
export function named<Part extends HTMLElement>(name: string, element: Part): Part {
  element.dataset.testid = name;
  return element;
}
