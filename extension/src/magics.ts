/** A cell that begins with a magic of another language, such as %%bash, is coloured as that language. */
import { Compartment, Prec, type EditorState, type Extension } from "@codemirror/state";
import { ViewPlugin, type EditorView, type PluginValue, type ViewUpdate } from "@codemirror/view";
import type { IEditorExtensionRegistry, IEditorLanguageRegistry } from "@jupyterlab/codemirror";

/** The name of a language as the first line with something on it: `%%bash`, `%%script bash`; not the help, `%%bash?`. */
const MAGIC = /^\s*%%(?:script\s+)?(\w+)(?=\s|$)/;
/** The language of one editor. Of several, CodeMirror takes the first: this one stands above JupyterLab's own. */
const LANGUAGE = new Compartment();

/**
 * Colour cells by their magic, in editors that are made from now on.
 *
 * JupyterLab colours all cells of a notebook as the kernel's language (jupyterlab/jupyterlab#15324). To give a cell
 * another MIME type does not last: the kernel's is set again, both languages are loaded at once, and the last one to
 * arrive wins. So JupyterLab's language is left as it is, and another one put above it.
 */
export function colourMagics(extensions: IEditorExtensionRegistry, languages: IEditorLanguageRegistry): void {
  const extension: Extension = [
    Prec.highest(LANGUAGE.of([])),
    ViewPlugin.define((view) => new MagicLanguage(view, languages)),
  ];
  extensions.addExtension({
    name: "labkit-panel:magics",
    factory: () => ({ instance: () => extension, reconfigure: () => null }),
  });
}

class MagicLanguage implements PluginValue {
  private name = "";

  constructor(
    view: EditorView,
    private readonly languages: IEditorLanguageRegistry,
  ) {
    this.follow(view);
  }

  update(update: ViewUpdate): void {
    if (update.docChanged) this.follow(update.view);
  }

  destroy(): void {
    this.name = "destroyed";
  }

  private follow(view: EditorView): void {
    const name = magicOf(view.state);
    if (name === this.name) return;
    this.name = name;
    void this.load(name).then((support) => {
      if (this.name === name) view.dispatch({ effects: LANGUAGE.reconfigure(support) });
    });
  }

  /** Nothing for a magic that is no language, such as %%time: the kernel's language is below. */
  private async load(name: string): Promise<Extension> {
    const language = this.languages.findByName(name);
    return (language && (await this.languages.getLanguage(language))?.support) ?? [];
  }
}

function magicOf(state: EditorState): string {
  for (let number = 1; number <= state.doc.lines; number++) {
    const { text } = state.doc.line(number);
    if (text.trim()) return MAGIC.exec(text)?.[1] ?? "";
  }
  return "";
}
