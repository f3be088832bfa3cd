/** The plugin: the panel on the left, commands for all it does, a launcher's card, an item in the status bar. */
import { ILabShell, ILayoutRestorer, JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { IEditorExtensionRegistry, IEditorLanguageRegistry } from "@jupyterlab/codemirror";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker, type NotebookPanel } from "@jupyterlab/notebook";
import { IStateDB } from "@jupyterlab/statedb";
import { IStatusBar } from "@jupyterlab/statusbar";
import { Widget } from "@lumino/widgets";

import { addressOpened } from "./address";
import { serveCopyButtons } from "./copy";
import { button, element } from "./dom";
import { colourMagics } from "./magics";
import { keepClean, servePutButtons } from "./notebooks";
import { CoursePanel } from "./panel";
import { Server } from "./server";
import style from "./style.css";

const CATEGORY = "Course";
const SEEN = "labkit-panel:seen";
/** On a narrower window, as at 200 %, the panel leaves the page to the notebook until it is asked for. */
const NARROW_PIXELS = 900;

const plugin: JupyterFrontEndPlugin<void> = {
  id: "labkit-panel:plugin",
  description: "The course, the lab, and the lesson's pods as they come.",
  autoStart: true,
  requires: [ILabShell],
  optional: [
    ILayoutRestorer,
    ICommandPalette,
    ILauncher,
    IStatusBar,
    IStateDB,
    INotebookTracker,
    IEditorExtensionRegistry,
    IEditorLanguageRegistry,
    JupyterFrontEnd.ITreeResolver,
  ],
  activate,
};

function activate(
  app: JupyterFrontEnd,
  shell: ILabShell,
  restorer: ILayoutRestorer | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  statusBar: IStatusBar | null,
  state: IStateDB | null,
  notebooks: INotebookTracker | null,
  editors: IEditorExtensionRegistry | null,
  languages: IEditorLanguageRegistry | null,
  tree: JupyterFrontEnd.ITreeResolver | null,
): void {
  const start = performance.now();
  document.head.append(element("style", {}, style));
  serveCopyButtons();
  if (notebooks) {
    keepClean(notebooks);
    servePutButtons(notebooks);
  }
  if (editors && languages) colourMagics(editors, languages);
  const { commands } = app;
  const started = addressOpened(app, tree);
  const status = button("Lab", "status", () => void commands.execute("labkit:panel"), { class: "lk-status" });
  const panel = new CoursePanel(new Server(), {
    currentPath: () => shell.currentPath ?? null,
    isOpen: (path) => openContext(shell, path) !== undefined,
    open: (path) => started.then(() => commands.execute("docmanager:open", { path })),
    openTerminal: () => commands.execute("terminal:create-new"),
    save: async (path) => {
      const context = openContext(shell, path);
      if (context?.model.dirty) await context.save();
    },
    reload: async (path) => openContext(shell, path)?.revert(),
    tell: (text) => {
      status.textContent = text;
    },
  });
  panel.title.iconClass = "lk-icon jp-SideBar-tabIcon";
  shell.add(panel, "left", { rank: 10, type: "Course" });
  restorer?.add(panel, panel.id);
  shell.currentPathChanged.connect(() => panel.refresh());

  const actions: [string, string, () => unknown][] = [
    ["labkit:panel", "Course: lessons, lab and pods", () => shell.activateById(panel.id)],
    ["labkit:next", "Go on with the course", () => panel.openLesson(panel.following)],
    ["labkit:hint", "Hint for the next exercise of this lesson", () => shown(panel.hint())],
    ["labkit:hand", "Raise your hand, or lower it", () => shown(panel.hand())],
    ["labkit:terminal", "Terminal of the lab", () => commands.execute("terminal:create-new")],
    ["labkit:reset-lesson", "Reset this lesson…", () => shown(panel.change("reset"))],
    ["labkit:restore-lesson", "Restore this lesson's notebook…", () => shown(panel.change("restore"))],
  ];
  const shown = (done: Promise<void>): Promise<void> => {
    if (!panel.isVisible) shell.activateById(panel.id);
    return done;
  };
  for (const [id, label, execute] of actions) {
    commands.addCommand(id, { label, iconClass: id === "labkit:next" ? "lk-icon" : "", execute });
    palette?.addItem({ command: id, category: CATEGORY });
  }
  commands.addKeyBinding({ command: "labkit:panel", keys: ["Accel Alt C"], selector: "body" });
  launcher?.add({ command: "labkit:next", category: CATEGORY, rank: 0 });
  if (statusBar) {
    const item = new Widget({ node: element("div", {}, status) });
    statusBar.registerStatusItem("labkit-panel:status", { item, align: "left", rank: 1 });
  }

  void app.restored.then(async () => {
    // The first time the panel stands in the place of the list of files; afterwards the participant's choice stays.
    if ((await state?.fetch(SEEN)) !== true) {
      if (window.innerWidth >= NARROW_PIXELS) shell.activateById(panel.id);
      else shell.collapseLeft();
      await state?.save(SEEN, true);
    }
    panel.refresh();
  });
  performance.measure("labkit-panel", { start });
}

type Context = NotebookPanel["context"];

/** What is behind a document's tab; undefined for any other tab. */
function contextOf(widget: Widget): Context | undefined {
  return (widget as Widget & { context?: Context }).context;
}

/** What is behind the tab of a document that is open; undefined if it is not. */
function openContext(shell: ILabShell, path: string): Context | undefined {
  return [...shell.widgets("main")].map(contextOf).find((context) => context?.path === path);
}

export default plugin;
