/** What the kit does in open notebooks: no dot where nobody has changed anything, and a solution put into its cell. */
import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";

const MINE = { kernelspec: undefined, language_info: undefined };

/** JupyterLab writes the kernel's language into each notebook that it opens; that alone is no change to be saved. */
export function keepClean(tracker: INotebookTracker): void {
  tracker.widgetAdded.connect((_, panel) => void watch(panel));
  tracker.forEach((panel) => void watch(panel));
}

async function watch(panel: NotebookPanel): Promise<void> {
  await panel.context.ready;
  const model = panel.context.model;
  const opened = contentOf(panel);
  const look = (): void => {
    if (!model.dirty) return;
    if (contentOf(panel) === opened) model.dirty = false;
    else model.stateChanged.disconnect(look);
  };
  model.stateChanged.connect(look);
  look();
}

function contentOf(panel: NotebookPanel): string {
  const notebook = panel.context.model.toJSON() as { metadata?: object };
  return JSON.stringify({ ...notebook, metadata: { ...notebook.metadata, ...MINE } });
}

/** Serve the buttons below solutions (labkit/course/check_views.py): each puts its code into the exercise's cell. */
export function servePutButtons(tracker: INotebookTracker): void {
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest<HTMLButtonElement>(".labkit-put") : null;
    const solution = pressed?.closest(".labkit-solution");
    const exercise = solution?.querySelector(".labkit-exercise")?.textContent;
    const code = solution?.querySelector(".labkit-code")?.textContent;
    if (pressed && exercise && code) pressed.textContent = put(tracker, exercise, code);
  });
}

/** Put code into the cell of an exercise; gives the sentence that says so. What stood there comes back by Ctrl+Z. */
function put(tracker: INotebookTracker, exercise: string, code: string): string {
  const notebook = tracker.currentWidget?.content;
  const cells = notebook?.widgets ?? [];
  const index = cells.findIndex((cell) => {
    const metadata = cell.model.getMetadata("labkit") as { exercise?: string } | undefined;
    return metadata?.exercise === exercise;
  });
  const cell = cells[index];
  if (!notebook || !cell) return `This notebook has no cell of ${exercise}: copy it`;
  cell.model.sharedModel.setSource(code);
  notebook.activeCellIndex = index;
  void notebook.scrollToItem(index);
  return "It is in the cell; Ctrl+Z there brings yours back";
}
