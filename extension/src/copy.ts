/** The buttons that outputs bring along (labkit/show/cards.py): without the panel nobody serves them, and they are hidden. */

const COPIED_MILLISECONDS = 2000;

/** Serve every button of an output that copies the line beside it. */
export function serveCopyButtons(): void {
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLButtonElement>(".labkit-copy") : null;
    const line = pressed?.closest(".labkit-command")?.querySelector(".labkit-line")?.textContent;
    if (pressed && line) void copy(pressed, line);
  });
}

/** Copy a text, and say so on the button. */
export async function copy(pressed: HTMLButtonElement, text: string): Promise<void> {
  const before = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = "Copied";
  } catch {
    pressed.textContent = "Select it, and copy it by keyboard";
  }
  window.setTimeout(() => {
    pressed.textContent = before;
  }, COPIED_MILLISECONDS);
}
