/** The document that JupyterLab's address names: it comes to the front whenever it is loaded, whatever was opened since. */
import { JupyterFrontEnd } from "@jupyterlab/application";

/** What JupyterLab opens the address' document with (jupyterlab: packages/filebrowser-extension/src/index.ts). */
const OPENS = "filebrowser:open-path";
/** Without a list of files nobody opens it. */
const MOST_MILLISECONDS = 20_000;

/** Settled once the document that the address names is open, or cannot be; at once if it names none. */
export async function addressOpened(
  app: JupyterFrontEnd,
  tree: JupyterFrontEnd.ITreeResolver | null,
): Promise<unknown> {
  const opening = new Promise<unknown>((settle) => {
    app.commands.commandExecuted.connect(function see(_, { id, result }) {
      if (id !== OPENS) return;
      app.commands.commandExecuted.disconnect(see);
      result.then(settle, settle);
    });
  });
  await app.restored;
  if (!(await tree?.paths)?.file) return null;
  return Promise.race([opening, new Promise((settle) => setTimeout(settle, MOST_MILLISECONDS))]);
}
