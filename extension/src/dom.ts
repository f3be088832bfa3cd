/** Elements with text in them. Nothing here or elsewhere makes elements of text: what a server says stays text. */

export type Child = Node | string | null | undefined;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  node.append(...children.filter((child): child is Node | string => child !== null && child !== undefined));
  return node;
}

/** A button; `key` finds it again when its surroundings are made anew, so that it keeps the focus. */
export function button(label: string, key: string, press: () => void, attributes: Record<string, string> = {}) {
  const node = element("button", { type: "button", "data-key": key, ...attributes }, label);
  node.addEventListener("click", press);
  return node;
}

/** Put other children into an element; what had the focus or was unfolded by its key still is. */
export function refill(parent: HTMLElement, ...children: Child[]): void {
  const focused = parent.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const unfolded = new Set(Array.from(parent.querySelectorAll("details[open]"), keyOf));
  parent.replaceChildren(...children.filter((child): child is Node | string => child !== null && child !== undefined));
  for (const details of parent.querySelectorAll("details")) details.open = unfolded.has(keyOf(details));
  if (focused === null) return;
  for (const node of parent.querySelectorAll<HTMLElement>("[data-key]")) if (keyOf(node) === focused) node.focus();
}

function keyOf(node: Element | null): string | null {
  return node?.getAttribute("data-key") ?? null;
}
