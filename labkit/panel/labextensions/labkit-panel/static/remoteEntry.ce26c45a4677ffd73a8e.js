(() => {
let scope;
const load = async (name) => {
  const [version] = Object.values(scope[name] ?? {});
  if (!version) throw new Error("labkit's panel: this JupyterLab shares no " + name);
  return [name, (await version.get())()];
};
(window._JUPYTERLAB ??= {})["labkit-panel"] = {
  init: (sharedScope) => { scope = sharedScope; },
  get: async () => {
    const modules = Object.fromEntries(await Promise.all(["@codemirror/state","@codemirror/view","@jupyterlab/application","@jupyterlab/apputils","@jupyterlab/codemirror","@jupyterlab/launcher","@jupyterlab/notebook","@jupyterlab/services","@jupyterlab/statedb","@jupyterlab/statusbar","@lumino/widgets"].map(load)));
    const module = { exports: {} };
    const start = performance.now();
    ((require, module, exports) => {
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// src/index.ts
var index_exports = {};
__export(index_exports, {
  default: () => index_default
});
module.exports = __toCommonJS(index_exports);
var import_application2 = require("@jupyterlab/application");
var import_apputils2 = require("@jupyterlab/apputils");
var import_codemirror = require("@jupyterlab/codemirror");
var import_launcher = require("@jupyterlab/launcher");
var import_notebook = require("@jupyterlab/notebook");
var import_statedb = require("@jupyterlab/statedb");
var import_statusbar = require("@jupyterlab/statusbar");
var import_widgets2 = require("@lumino/widgets");

// src/address.ts
var import_application = require("@jupyterlab/application");
var OPENS = "filebrowser:open-path";
var MOST_MILLISECONDS = 2e4;
async function addressOpened(app, tree) {
  const opening = new Promise((settle) => {
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

// src/copy.ts
var COPIED_MILLISECONDS = 2e3;
function serveCopyButtons() {
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest(".labkit-copy") : null;
    const line = pressed?.closest(".labkit-command")?.querySelector(".labkit-line")?.textContent;
    if (pressed && line) void copy(pressed, line);
  });
}
async function copy(pressed, text) {
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

// src/dom.ts
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  node.append(...children.filter((child) => child !== null && child !== void 0));
  return node;
}
function button(label, key, press, attributes = {}) {
  const node = element("button", { type: "button", "data-key": key, ...attributes }, label);
  node.addEventListener("click", press);
  return node;
}
function refill(parent, ...children) {
  const focused = parent.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const unfolded = new Set(Array.from(parent.querySelectorAll("details[open]"), keyOf));
  parent.replaceChildren(...children.filter((child) => child !== null && child !== void 0));
  for (const details of parent.querySelectorAll("details")) details.open = unfolded.has(keyOf(details));
  if (focused === null) return;
  for (const node of parent.querySelectorAll("[data-key]")) if (keyOf(node) === focused) node.focus();
}
function keyOf(node) {
  return node?.getAttribute("data-key") ?? null;
}

// src/magics.ts
var import_state = require("@codemirror/state");
var import_view = require("@codemirror/view");
var MAGIC = /^\s*%%(?:script\s+)?(\w+)(?=\s|$)/;
var LANGUAGE = new import_state.Compartment();
function colourMagics(extensions, languages) {
  const extension = [
    import_state.Prec.highest(LANGUAGE.of([])),
    import_view.ViewPlugin.define((view) => new MagicLanguage(view, languages))
  ];
  extensions.addExtension({
    name: "labkit-panel:magics",
    factory: () => ({ instance: () => extension, reconfigure: () => null })
  });
}
var MagicLanguage = class {
  constructor(view, languages) {
    this.languages = languages;
    this.follow(view);
  }
  languages;
  name = "";
  update(update) {
    if (update.docChanged) this.follow(update.view);
  }
  destroy() {
    this.name = "destroyed";
  }
  follow(view) {
    const name = magicOf(view.state);
    if (name === this.name) return;
    this.name = name;
    void this.load(name).then((support) => {
      if (this.name === name) view.dispatch({ effects: LANGUAGE.reconfigure(support) });
    });
  }
  /** Nothing for a magic that is no language, such as %%time: the kernel's language is below. */
  async load(name) {
    const language = this.languages.findByName(name);
    return (language && (await this.languages.getLanguage(language))?.support) ?? [];
  }
};
function magicOf(state) {
  for (let number = 1; number <= state.doc.lines; number++) {
    const { text } = state.doc.line(number);
    if (text.trim()) return MAGIC.exec(text)?.[1] ?? "";
  }
  return "";
}

// src/notebooks.ts
var MINE = { kernelspec: void 0, language_info: void 0 };
function keepClean(tracker) {
  tracker.widgetAdded.connect((_, panel) => void watch(panel));
  tracker.forEach((panel) => void watch(panel));
}
async function watch(panel) {
  await panel.context.ready;
  const model = panel.context.model;
  const opened = contentOf(panel);
  const look = () => {
    if (!model.dirty) return;
    if (contentOf(panel) === opened) model.dirty = false;
    else model.stateChanged.disconnect(look);
  };
  model.stateChanged.connect(look);
  look();
}
function contentOf(panel) {
  const notebook = panel.context.model.toJSON();
  return JSON.stringify({ ...notebook, metadata: { ...notebook.metadata, ...MINE } });
}
function servePutButtons(tracker) {
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest(".labkit-put") : null;
    const solution = pressed?.closest(".labkit-solution");
    const exercise = solution?.querySelector(".labkit-exercise")?.textContent;
    const code = solution?.querySelector(".labkit-code")?.textContent;
    if (pressed && exercise && code) pressed.textContent = put(tracker, exercise, code);
  });
}
function put(tracker, exercise, code) {
  const notebook = tracker.currentWidget?.content;
  const cells = notebook?.widgets ?? [];
  const index = cells.findIndex((cell2) => {
    const metadata = cell2.model.getMetadata("labkit");
    return metadata?.exercise === exercise;
  });
  const cell = cells[index];
  if (!notebook || !cell) return `This notebook has no cell of ${exercise}: copy it`;
  cell.model.sharedModel.setSource(code);
  notebook.activeCellIndex = index;
  void notebook.scrollToItem(index);
  return "It is in the cell; Ctrl+Z there brings yours back";
}

// src/panel.ts
var import_apputils = require("@jupyterlab/apputils");
var import_services2 = require("@jupyterlab/services");
var import_widgets = require("@lumino/widgets");

// src/server.ts
var import_services = require("@jupyterlab/services");
var FORMAT = 1;
var LabProblem = class extends Error {
  constructor(problem) {
    super(`${problem.tried}: ${problem.came_back}`);
    this.problem = problem;
  }
  problem;
};
var NoKit = class extends Error {
};
var Server = class {
  settings = import_services.ServerConnection.makeSettings();
  course() {
    return this.ask("course", "GET", (answer) => isList(answer.lessons) && isRecord(answer.lab));
  }
  pods(lesson) {
    return this.ask(`${of(lesson)}/pods`, "GET", (answer) => isList(answer.rows));
  }
  hint(lesson, exercise) {
    const body = JSON.stringify({ exercise });
    return this.ask(`${of(lesson)}/hint`, "POST", (answer) => typeof answer.text === "string", body);
  }
  /** Reset or restore a lesson; the sentence that says what was done. */
  async change(lesson, action) {
    const isWhole = (answer) => typeof answer.sentence === "string";
    return (await this.ask(`${of(lesson)}/${action}`, "POST", isWhole, "{}")).sentence;
  }
  /** Say whose notebook has come to the front: terminals follow to that lesson, if it is open. */
  async front(lesson) {
    await this.ask(`${of(lesson)}/front`, "POST", (answer) => typeof answer.followed === "boolean", "{}");
  }
  /** Raise the hand, or lower it; the sentence that says who sees it. */
  async hand(down, text) {
    const isWhole = (answer) => typeof answer.sentence === "string";
    const body = JSON.stringify({ down, text });
    return (await this.ask("hand", "POST", isWhole, body)).sentence;
  }
  async ask(path, method, isWhole, body) {
    const init = { method, ...body === void 0 ? {} : { body } };
    const response = await import_services.ServerConnection.makeRequest(`${this.settings.baseUrl}labkit/${path}`, init, this.settings);
    if (response.status === 404) {
      throw new NoKit("This JupyterLab was started without labkit's part of the server.");
    }
    if (response.status === 401 || response.status === 403) {
      throw new NoKit("The server does not know this page any more: open the address that `labkit lab` has printed.");
    }
    let answer;
    try {
      answer = await response.json();
    } catch {
      throw new NoKit(`labkit's part of the server is broken: it answered ${response.status} without JSON.`);
    }
    if (!isRecord(answer) || answer.format !== FORMAT) {
      const format = isRecord(answer) && answer.format !== void 0 ? `format ${String(answer.format)}` : "no format";
      const status = response.ok ? "" : ` It answered ${response.status}.`;
      throw new NoKit(`labkit's part of the server is of another version: ${format}, and not ${FORMAT}.${status}`);
    }
    if (!response.ok && isRecord(answer.problem)) throw new LabProblem(answer.problem);
    if (!response.ok || !isWhole(answer)) {
      throw new NoKit(`labkit's part of the server is broken: its answer to ${path} makes no sense.`);
    }
    return answer;
  }
};
function of(lesson) {
  return `lessons/${encodeURIComponent(lesson)}`;
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function isList(value) {
  return Array.isArray(value) && value.every(isRecord);
}

// src/views.ts
var SIGNS = {
  up: "✓",
  running: "✓",
  succeeded: "✓",
  refused: "✗",
  failed: "✗",
  broken: "✗",
  pending: "…"
};
function signed(word) {
  const sign = SIGNS[word] ?? "–";
  return [element("span", { "aria-hidden": "true", class: "lk-sign" }, sign), document.createTextNode(` ${word}`)];
}
function labWord(lab) {
  if (lab.making?.at_work) return `being made, ${lab.making.percent} %`;
  return lab.engine.reachable ? lab.state : "no engine";
}
function labView(lab) {
  const versions = [
    lab.engine.version ? `${lab.engine.name} ${lab.engine.version}` : "",
    lab.cluster.ready ? `Kubernetes ${lab.cluster.kubernetes ?? ""}` : "no cluster yet"
  ];
  const parts = [
    element(
      "p",
      { "data-verdict": lab.problem ? "broken" : lab.state },
      element("strong", {}, ...signed(labWord(lab))),
      element("small", {}, ` · ${versions.filter(Boolean).join(" · ")}`)
    )
  ];
  if (lab.making?.at_work) {
    const value = String(lab.making.percent);
    parts.push(
      element("progress", { max: "100", value, "aria-label": "The lab is being made" }),
      element("p", { class: "lk-small" }, lab.making.summary)
    );
  }
  if (lab.problem) parts.push(problemView(lab.problem, "lab"));
  return parts;
}
function problemView(problem, key) {
  const [advice, ...commands] = problem.remedy.split("\n");
  return element(
    "div",
    { class: "lk-problem", "data-verdict": "failed" },
    element("p", {}, `${problem.tried}: ${problem.came_back}`),
    element("p", {}, `What to do: ${advice ?? ""}`),
    ...commands.filter((line) => line.trim()).map((line, number) => commandView(line.trim(), `${key}-${number}`))
  );
}
function commandView(command, key) {
  const pressed = button("Copy", `copy-${key}`, () => void copy(pressed, command));
  return element("div", { class: "lk-command" }, element("code", {}, ...wholeWords(command)), pressed);
}
function wholeWords(text) {
  return text.split(/(\s+)/).map((part) => /[-/?|]/.test(part) ? element("span", { class: "lk-whole" }, part) : part);
}
function hintView(hint) {
  return element(
    "div",
    { class: "lk-hint" },
    element("p", {}, element("strong", {}, hint.title), `: ${hint.exercise}`),
    element("p", { class: "lk-text" }, ...prose(hint.text))
  );
}
function prose(text) {
  return text.split(/`([^`\n]+)`/).map((part, number) => number % 2 ? element("code", {}, part) : part);
}
function lessonLine(lesson) {
  const minutes = lesson.minutes === null ? "" : `${lesson.minutes} min`;
  return [minutes, passedLine(lesson)].filter(Boolean).join(" · ");
}
function passedLine(lesson) {
  const passed = lesson.of === 0 ? "no exercises" : `${lesson.passed} of ${lesson.of} passed`;
  return lesson.done ? `done, ${passed}` : passed;
}
function lessonsView(course, current, open) {
  const items = course.lessons.map((lesson) => {
    const number = lesson.lesson.slice(0, 2);
    const press = button("", `lesson-${lesson.lesson}`, () => open(lesson), { class: "lk-lesson" });
    press.append(
      element("span", { class: "lk-number" }, lesson.done ? "✓" : number),
      element("span", {}, element("span", { class: "lk-title" }, lesson.title), element("small", {}, lessonLine(lesson)))
    );
    press.setAttribute("aria-label", `${number}, ${lesson.title}, ${lessonLine(lesson)}`);
    if (lesson.lesson === current) press.setAttribute("aria-current", "page");
    if (lesson.path === null) {
      press.disabled = true;
      press.title = "This lesson is not in the folder that JupyterLab was opened on.";
    }
    return element("li", {}, press);
  });
  return element("ol", { class: "lk-lessons" }, ...items);
}
function shareLine(share) {
  const arrives = share.problem ? `, and waits: ${share.problem}` : "";
  return `Your progress is shared with ${share.address}${arrives}. To end it: labkit progress share --stop`;
}
function podsView(pods) {
  const parts = [];
  if (pods.rows.length) parts.push(element("ul", { class: "lk-rows" }, ...pods.rows.map(rowView)));
  else if (!pods.problem) parts.push(element("p", { class: "lk-small" }, "None yet. They appear here as they are made."));
  if (pods.problem) parts.push(problemView(pods.problem, "pods"));
  return parts;
}
function breakable(text) {
  return text.split(/(?<=[a-z])(?=[A-Z])/).flatMap((part, number) => number ? [element("wbr"), part] : [part]);
}
function rowView(row) {
  const name = row.container && row.container !== row.name ? `${row.name} / ${row.container}` : row.name;
  const uid = row.uid === null ? "" : row.uid === 0 ? "runs as uid 0, root" : `runs as uid ${row.uid}`;
  const state = [row.state, row.reason].filter(Boolean).join(": ");
  return element(
    "li",
    { "data-verdict": row.verdict },
    element("p", { class: "lk-name" }, element("strong", {}, name), ` ${row.kind}`),
    element("p", { class: "lk-verdict" }, ...signed(row.verdict), ...state === row.verdict ? [] : breakable(` · ${state}`)),
    uid ? element("p", { class: row.uid === 0 ? "lk-root" : "" }, uid) : null,
    row.headline ? element("p", {}, row.headline) : null,
    row.message ? element("details", { "data-key": `row-${row.key}` }, element("summary", {}, "In its words"), element("p", { class: "lk-text" }, row.message)) : null
  );
}
function news(before, now) {
  const known = new Map(before.map((row) => [row.key, row.verdict]));
  return now.filter((row) => known.get(row.key) !== row.verdict && row.verdict !== "pending").map((row) => [`${row.kind} ${row.name}: ${row.verdict}`, row.reason, row.headline].filter(Boolean).join(", ")).join(". ");
}

// src/panel.ts
var COURSE_MILLISECONDS = 3e3;
var PODS_MILLISECONDS = 1e3;
var HIDDEN_FACTOR = 5;
var CoursePanel = class extends import_widgets.Widget {
  constructor(server, around) {
    super();
    this.server = server;
    this.around = around;
    this.id = "labkit-panel";
    this.addClass("labkit-panel");
    this.title.label = "Course";
    this.title.caption = "Course: lessons, the lab, pods as they come";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Course");
    this.node.tabIndex = -1;
    this.here.body.append(element("div", {}), this.actions, this.answer);
    this.node.append(
      this.trouble,
      this.lab.node,
      this.here.node,
      this.live.node,
      this.spoken,
      this.lessons.node
    );
    document.addEventListener("visibilitychange", () => this.refresh());
  }
  server;
  around;
  course = null;
  pods = null;
  podsLesson = null;
  /** The lesson whose notebook was in front last: a terminal or a file in front of it is of that lesson, too. */
  lastInFront = null;
  /** The exercise whose hint is shown. */
  hinted = null;
  /** The lesson that the answer shown is about. */
  answered = null;
  hasKit = true;
  timers = /* @__PURE__ */ new Map();
  shown = /* @__PURE__ */ new Map();
  lab = section("Lab", "lk-lab");
  here = section("This lesson", "lk-here");
  actions = element("div", { class: "lk-actions" });
  answer = element("div", { role: "status", class: "lk-answer" });
  live = section("Pods and containers", "lk-pods");
  spoken = element("div", { role: "status", class: "lk-spoken" });
  lessons = section("Lessons", "lk-list");
  trouble = element("div", { role: "alert" });
  /** Ask again at once: something has changed, or somebody looks again. */
  refresh() {
    if (!this.hasKit || document.hidden) return;
    this.plan("course", 0, () => this.lookAtCourse());
    if (this.isVisible) this.plan("pods", 0, () => this.lookAtPods());
  }
  /** The lesson whose notebook is in front, or was last and is still open; else the one to go on with. */
  get lesson() {
    return this.present ?? this.following;
  }
  get present() {
    const path = this.around.currentPath();
    const name = path?.split("/").at(-1)?.replace(/\.ipynb$/, "");
    const lessons = this.course?.lessons ?? [];
    const inFront = lessons.find(({ lesson }) => lesson === name);
    if (inFront && inFront.lesson !== this.lastInFront) {
      this.lastInFront = inFront.lesson;
      this.server.front(inFront.lesson).catch(() => void 0);
    }
    const last = lessons.find(({ lesson }) => lesson === this.lastInFront);
    return inFront ?? (last?.path && this.around.isOpen(last.path) ? last : null);
  }
  /** The lesson to go on with. */
  get following() {
    const lessons = this.course?.lessons ?? [];
    return lessons.find(({ lesson }) => lesson === this.course?.next?.lesson) ?? lessons[0] ?? null;
  }
  async hint() {
    const lesson = this.lesson;
    const exercise = lesson?.open_exercise;
    if (!lesson || !exercise) return this.say(element("p", {}, "No exercise is open in this lesson."));
    await this.attempt(async () => {
      this.say(hintView(await this.server.hint(lesson.lesson, exercise)));
      this.hinted = exercise;
    });
  }
  async change(action) {
    const lesson = this.lesson;
    if (!lesson || !this.hasKit) return;
    const body = action === "reset" ? "Its pods, containers and images are removed. Your notebook and your progress stay. Then run the notebook's first cell again." : "The notebook comes back as the course has it. Yours is kept beside it, and your progress stays.";
    const label = action === "reset" ? "Reset" : "Restore";
    const buttons = [import_apputils.Dialog.cancelButton(), import_apputils.Dialog.warnButton({ label })];
    const chosen = await (0, import_apputils.showDialog)({ title: `${label} lesson ${lesson.lesson}?`, body, buttons });
    if (!chosen.button.accept) return;
    this.say(element("p", {}, "…"));
    await this.attempt(async () => {
      const restored = action === "restore" ? lesson.path : null;
      if (restored) await this.around.save(restored);
      const sentence = await this.server.change(lesson.lesson, action);
      if (restored) await this.around.reload(restored);
      this.say(element("p", {}, sentence));
    });
  }
  /** Raise the hand, with a line that says what it is about; or lower it. */
  async hand() {
    const isUp = this.course?.share?.hand ?? false;
    let text = "";
    if (!isUp) {
      const label = "What is it about? One line, which may be empty";
      const chosen = await import_apputils.InputDialog.getText({ title: "Raise your hand", label, okLabel: "Raise" });
      if (!chosen.button.accept) return;
      text = chosen.value ?? "";
    }
    await this.attempt(async () => this.say(element("p", {}, await this.server.hand(isUp, text))));
  }
  async openLesson(lesson) {
    if (lesson?.path) await this.around.open(lesson.path);
  }
  onAfterShow() {
    this.refresh();
  }
  onActivateRequest() {
    (this.node.querySelector("button:enabled") ?? this.node).focus();
  }
  say(...children) {
    this.hinted = null;
    this.answered = this.lesson?.lesson ?? null;
    refill(this.answer, ...children);
  }
  async attempt(act) {
    if (!this.hasKit) return;
    try {
      await act();
    } catch (error) {
      if (error instanceof LabProblem) this.say(problemView(error.problem, "answer"));
      else if (error instanceof import_services2.ServerConnection.NetworkError) this.say(element("p", {}, "The server does not answer."));
      else this.fail(error);
    }
    this.refresh();
  }
  plan(name, milliseconds, look) {
    window.clearTimeout(this.timers.get(name));
    const run = async () => {
      try {
        if (!document.hidden) await look();
      } catch (error) {
        if (!(error instanceof import_services2.ServerConnection.NetworkError)) this.fail(error);
      }
      if (this.hasKit) this.plan(name, this.interval(name), look);
    };
    this.timers.set(name, window.setTimeout(() => void run(), milliseconds));
  }
  interval(name) {
    const usual = name === "pods" ? PODS_MILLISECONDS : COURSE_MILLISECONDS;
    return this.isVisible ? usual : usual * HIDDEN_FACTOR;
  }
  async lookAtCourse() {
    try {
      this.course = await this.server.course();
    } catch (error) {
      if (!(error instanceof LabProblem)) throw error;
      this.redraw(this.lab.body, error.problem, () => [problemView(error.problem, "lab")]);
      return;
    }
    this.draw();
  }
  async lookAtPods() {
    const lesson = this.lesson?.lesson;
    if (!this.isVisible || !lesson) return;
    let pods;
    try {
      pods = await this.server.pods(lesson);
    } catch (error) {
      if (!(error instanceof LabProblem)) throw error;
      pods = { namespace: "", rows: this.pods?.rows ?? [], problem: error.problem };
    }
    const before = this.podsLesson === lesson ? this.pods?.rows ?? [] : pods.rows;
    this.pods = pods;
    this.podsLesson = lesson;
    const told = news(before, pods.rows);
    if (told) this.spoken.textContent = told;
    this.redraw(this.live.body, pods, () => podsView(pods));
  }
  draw() {
    const course = this.course;
    if (course === null) return;
    refill(this.trouble);
    const lesson = this.lesson;
    const here = lesson ? ` · lesson ${lesson.lesson.slice(0, 2)}: ${passedLine(lesson)}` : "";
    this.around.tell(`Lab: ${labWord(course.lab)}${here}`);
    this.redraw(this.lab.body, course.lab, () => labView(course.lab));
    this.redraw(this.lessons.body, [course.lessons, course.problem, lesson?.lesson], () => [
      lessonsView(course, lesson?.lesson ?? null, (chosen) => void this.openLesson(chosen)),
      course.problem ? problemView(course.problem, "course") : null
    ]);
    this.here.heading.textContent = this.present ? "This lesson" : "Next";
    const isOver = this.hinted !== null && lesson?.open_exercise !== this.hinted;
    if (isOver || this.answered !== null && lesson?.lesson !== this.answered) this.say();
    this.redraw(
      this.here.body.firstElementChild,
      lesson,
      () => lesson ? [element("p", { class: "lk-title" }, lesson.title), element("p", { class: "lk-small" }, lessonLine(lesson))] : []
    );
    this.redraw(this.actions, [lesson, course.share], () => this.buttons(lesson, course.share));
  }
  buttons(lesson, share) {
    const hint = button("Hint", "hint", () => void this.hint());
    hint.disabled = !lesson?.open_exercise;
    hint.title = lesson?.open_exercise ? `The next hint of ${lesson.open_exercise}` : "No exercise is open in this lesson";
    return [
      hint,
      button("Terminal", "terminal", () => void this.around.openTerminal(), {
        title: "A terminal whose docker and kubectl are the lab's"
      }),
      button("Reset…", "reset", () => void this.change("reset"), { title: "Remove what the lesson has made" }),
      button("Restore…", "restore", () => void this.change("restore"), { title: "Bring the notebook back as it was" }),
      share ? button(share.hand ? "Lower hand" : "Raise hand…", "hand", () => void this.hand()) : null,
      share ? element("p", { class: "lk-small" }, shareLine(share)) : null
    ];
  }
  /** Make something anew only if what it is made of has changed: a reader's place in it stays. */
  redraw(parent, madeOf, make) {
    const text = JSON.stringify(madeOf) ?? "";
    if (this.shown.get(parent) === text) return;
    this.shown.set(parent, text);
    refill(parent, ...make());
  }
  /** Say what is wrong, and do nothing more until somebody asks for it. */
  fail(error) {
    if (!(error instanceof NoKit)) console.warn("labkit's panel:", error);
    this.hasKit = false;
    for (const timer of this.timers.values()) window.clearTimeout(timer);
    this.shown.clear();
    this.pods = this.course = null;
    for (const part of [this.lab.body, this.lessons.body, this.live.body, this.actions, this.answer]) refill(part);
    refill(this.here.body.firstElementChild);
    const sentence = error instanceof NoKit ? error.message : "labkit's part of the server gives no answer that makes sense.";
    this.around.tell("Lab: no answer");
    refill(
      this.trouble,
      element("p", { class: "lk-verdict", "data-verdict": "broken" }, sentence),
      element("p", {}, "The notebooks work all the same. To have this panel, start JupyterLab with"),
      element("p", {}, element("code", {}, "labkit lab")),
      button("Try again", "again", () => {
        this.hasKit = true;
        this.refresh();
      })
    );
  }
};
function section(title, id) {
  const body = element("div");
  const heading = element("h2", { id }, title);
  return { node: element("section", { "aria-labelledby": id }, heading, body), heading, body };
}

// src/style.css
var style_default = `.labkit-panel {
  overflow: auto;
  padding: 8px 12px 24px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1);
  line-height: 1.45;
  min-width: 220px;
}
.labkit-panel h2 {
  margin: 16px 0 4px;
  font-size: var(--jp-ui-font-size1);
  font-weight: 600;
}
.labkit-panel section:first-of-type h2 { margin-top: 4px; }
.labkit-panel p { margin: 2px 0; overflow-wrap: anywhere; }
.labkit-panel button {
  font: inherit;
  color: inherit;
  background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color1);
  border-radius: 4px;
  padding: 3px 10px;
  cursor: pointer;
}
.labkit-panel button:hover:enabled { background: var(--jp-layout-color3); }
.labkit-panel button:disabled { opacity: 0.6; cursor: default; }
.labkit-panel button:focus-visible,
.lk-status:focus-visible,
.labkit-panel summary:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: 1px;
}
.lk-small, .labkit-panel small { font-size: var(--jp-ui-font-size0); color: var(--jp-ui-font-color1); }
.lk-text { white-space: pre-wrap; }
.lk-verdict { font-weight: 600; }
.lk-root { font-weight: 600; }
.lk-actions { display: flex; flex-wrap: wrap; gap: 6px; margin: 6px 0; }
.lk-lessons, .lk-rows { list-style: none; margin: 0; padding: 0; }
.labkit-panel button.lk-lesson {
  display: flex;
  gap: 8px;
  width: 100%;
  text-align: left;
  background: none;
  border: 0;
  border-left: 4px solid transparent;
  border-radius: 0;
  padding: 4px 6px;
}
.labkit-panel button.lk-lesson[aria-current] {
  border-left-color: var(--jp-brand-color1);
  background: var(--jp-layout-color2);
}
.lk-lesson small { display: block; }
.lk-title { font-weight: 600; }
.lk-number { min-width: 1.5em; font-variant-numeric: tabular-nums; }
.lk-rows > li, .lk-problem, .lk-hint {
  border-left: 4px solid var(--jp-border-color1);
  padding: 2px 8px;
  margin: 6px 0;
  background: var(--jp-layout-color2);
}
.lk-hint { border-left-color: var(--jp-brand-color1); }
.labkit-panel [data-verdict="running"], .labkit-panel [data-verdict="succeeded"] { border-left-color: var(--jp-success-color1); }
.labkit-panel [data-verdict="refused"], .labkit-panel [data-verdict="failed"] { border-left-color: var(--jp-error-color1); }
.labkit-panel [data-verdict="refused"] .lk-sign, .labkit-panel [data-verdict="failed"] .lk-sign,
.labkit-panel [data-verdict="broken"] .lk-sign { color: var(--jp-error-color1); }
.labkit-panel [data-verdict="running"] .lk-sign, .labkit-panel [data-verdict="up"] .lk-sign { color: var(--jp-success-color1); }
.lk-command { display: flex; align-items: baseline; flex-wrap: wrap; gap: 6px; margin: 2px 0; }
.labkit-panel code { background: var(--jp-layout-color3); padding: 1px 4px; overflow-wrap: anywhere; color: inherit; }
.lk-whole { display: inline-block; max-width: 100%; }
.labkit-panel progress { width: 100%; }
.lk-spoken {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.labkit-copy[hidden], .labkit-put[hidden] {
  display: inline-block !important;
  flex: none;
  white-space: nowrap;
  font: inherit;
  font-size: 0.85em;
  color: inherit;
  background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color1);
  border-radius: 4px;
  padding: 0 8px;
  cursor: pointer;
}
.labkit-copy:focus-visible, .labkit-put:focus-visible { outline: 2px solid var(--jp-brand-color1); }
.lk-status {
  font: inherit;
  color: inherit;
  background: none;
  border: 0;
  padding: 0 6px;
  height: 100%;
  cursor: pointer;
}
.lk-status:hover { background: var(--jp-layout-color3); }
.lk-icon {
  background: var(--jp-ui-font-color2);
  mask: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 2h12v2H2zm0 5h8v2H2zm0 5h12v2H2zm9.5-5.2 1 1 2-2 .9.9-2.9 2.9-1.9-1.9z'/%3E%3C/svg%3E") center / 16px no-repeat;
  width: 16px;
  height: 16px;
}
.lm-TabBar-tabIcon.lk-icon { margin: 0 auto; }
.jp-LauncherCard-icon .lk-icon { width: 52px; height: 52px; mask-size: 48px; }
/* What a command printed is broken between words, where JupyterLab would break it anywhere. */
.jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere; }
/* A line that has been taken away (labkit/show/live_line.py) takes no room. */
.jp-OutputArea-child:has(> .jp-OutputArea-output > pre:empty) { display: none; }
/* A name such as named-user stays on one line as long as there is room for it. */
.jp-RenderedMarkdown :not(pre) > code { display: inline-block; max-width: 100%; }
/* A path in the prose that is longer than a line is broken, and not cut. */
.jp-RenderedMarkdown { overflow-wrap: break-word; }
/* Where the panel leaves the notebook some 76 characters, a line of \`kubectl get po\` has nearly 90, and one of a code
   cell up to 88. JupyterLab's own rules for the size are about as particular as one with two classes. */
@media (min-width: 900px) and (max-width: 1100px) {
  .jp-Notebook .jp-OutputArea-output { --labkit-output-size: calc(var(--jp-code-font-size) * 0.83); }
  .jp-Notebook .jp-Cell .jp-OutputArea-output pre { font-size: var(--labkit-output-size); }
  .jp-Notebook .jp-CodeCell .jp-InputArea-editor .cm-editor { font-size: calc(var(--jp-code-font-size) * 0.83); }
}
/* The bright colours of a terminal are dark ones in JupyterLab, on any theme: the builder's red had 3 to 1 on black. */
[data-jp-theme-light="false"] .jp-Notebook .jp-Cell .jp-OutputArea-output pre {
  .ansi-black-fg, .ansi-black-intense-fg { color: #9e9e9e; }
  .ansi-red-fg, .ansi-red-intense-fg { color: #ff8a80; }
  .ansi-green-fg, .ansi-green-intense-fg { color: #69db7c; }
  .ansi-yellow-fg, .ansi-yellow-intense-fg { color: #ffd54f; }
  .ansi-blue-fg, .ansi-blue-intense-fg { color: #82b1ff; }
  .ansi-magenta-fg, .ansi-magenta-intense-fg { color: #f48fb1; }
  .ansi-cyan-fg, .ansi-cyan-intense-fg { color: #80deea; }
  .ansi-white-fg, .ansi-white-intense-fg { color: #f5f5f5; }
}
`;

// src/index.ts
var CATEGORY = "Course";
var SEEN = "labkit-panel:seen";
var NARROW_PIXELS = 900;
var plugin = {
  id: "labkit-panel:plugin",
  description: "The course, the lab, and the lesson's pods as they come.",
  autoStart: true,
  requires: [import_application2.ILabShell],
  optional: [
    import_application2.ILayoutRestorer,
    import_apputils2.ICommandPalette,
    import_launcher.ILauncher,
    import_statusbar.IStatusBar,
    import_statedb.IStateDB,
    import_notebook.INotebookTracker,
    import_codemirror.IEditorExtensionRegistry,
    import_codemirror.IEditorLanguageRegistry,
    import_application2.JupyterFrontEnd.ITreeResolver
  ],
  activate
};
function activate(app, shell, restorer, palette, launcher, statusBar, state, notebooks, editors, languages, tree) {
  const start = performance.now();
  document.head.append(element("style", {}, style_default));
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
    isOpen: (path) => openContext(shell, path) !== void 0,
    open: (path) => started.then(() => commands.execute("docmanager:open", { path })),
    openTerminal: () => commands.execute("terminal:create-new"),
    save: async (path) => {
      const context = openContext(shell, path);
      if (context?.model.dirty) await context.save();
    },
    reload: async (path) => openContext(shell, path)?.revert(),
    tell: (text) => {
      status.textContent = text;
    }
  });
  panel.title.iconClass = "lk-icon jp-SideBar-tabIcon";
  shell.add(panel, "left", { rank: 10, type: "Course" });
  restorer?.add(panel, panel.id);
  shell.currentPathChanged.connect(() => panel.refresh());
  const actions = [
    ["labkit:panel", "Course: lessons, lab and pods", () => shell.activateById(panel.id)],
    ["labkit:next", "Go on with the course", () => panel.openLesson(panel.following)],
    ["labkit:hint", "Hint for the next exercise of this lesson", () => shown(panel.hint())],
    ["labkit:hand", "Raise your hand, or lower it", () => shown(panel.hand())],
    ["labkit:terminal", "Terminal of the lab", () => commands.execute("terminal:create-new")],
    ["labkit:reset-lesson", "Reset this lesson…", () => shown(panel.change("reset"))],
    ["labkit:restore-lesson", "Restore this lesson's notebook…", () => shown(panel.change("restore"))]
  ];
  const shown = (done) => {
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
    const item = new import_widgets2.Widget({ node: element("div", {}, status) });
    statusBar.registerStatusItem("labkit-panel:status", { item, align: "left", rank: 1 });
  }
  void app.restored.then(async () => {
    if (await state?.fetch(SEEN) !== true) {
      if (window.innerWidth >= NARROW_PIXELS) shell.activateById(panel.id);
      else shell.collapseLeft();
      await state?.save(SEEN, true);
    }
    panel.refresh();
  });
  performance.measure("labkit-panel", { start });
}
function contextOf(widget) {
  return widget.context;
}
function openContext(shell, path) {
  return [...shell.widgets("main")].map(contextOf).find((context) => context?.path === path);
}
var index_default = plugin;

    })((name) => modules[name], module, module.exports);
    performance.measure("labkit-panel", { start });
    return () => module.exports;
  },
};
})();
