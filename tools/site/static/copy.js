// The buttons that outputs bring along (labkit/show/cards.py): each copies the line beside it.
addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".labkit-copy")) {
    const line = button.closest(".labkit-command")?.querySelector(".labkit-line");
    if (!line || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
});
