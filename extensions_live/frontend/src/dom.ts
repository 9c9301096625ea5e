// Creation of elements.

/** Appends a new element to `parent`, and returns it. */
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

/** Gives an element a test id, and returns it. */
export function named<Part extends HTMLElement>(name: string, element: Part): Part {
  element.dataset.testid = name;
  return element;
}
