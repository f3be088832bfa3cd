/** What the panel shows, made of what the server said. */
import { copy } from "./copy";
import { button, element, type Child } from "./dom";
import type { Course, Hint, LabState, Lesson, Pods, Problem, Row, Share } from "./server";

const SIGNS: Record<string, string> = {
  up: "✓",
  running: "✓",
  succeeded: "✓",
  refused: "✗",
  failed: "✗",
  broken: "✗",
  pending: "…",
};

/** A sign before a word; the word says all that the sign does. */
export function signed(word: string): Node[] {
  const sign = SIGNS[word] ?? "–";
  return [element("span", { "aria-hidden": "true", class: "lk-sign" }, sign), document.createTextNode(` ${word}`)];
}

/** The lab in a few words, for the status bar. */
export function labWord(lab: LabState): string {
  if (lab.making?.at_work) return `being made, ${lab.making.percent} %`;
  return lab.engine.reachable ? lab.state : "no engine";
}

export function labView(lab: LabState): Child[] {
  const versions = [
    lab.engine.version ? `${lab.engine.name} ${lab.engine.version}` : "",
    lab.cluster.ready ? `Kubernetes ${lab.cluster.kubernetes ?? ""}` : "no cluster yet",
  ];
  const parts: Child[] = [
    element(
      "p",
      { "data-verdict": lab.problem ? "broken" : lab.state },
      element("strong", {}, ...signed(labWord(lab))),
      element("small", {}, ` · ${versions.filter(Boolean).join(" · ")}`),
    ),
  ];
  if (lab.making?.at_work) {
    const value = String(lab.making.percent);
    parts.push(
      element("progress", { max: "100", value, "aria-label": "The lab is being made" }),
      element("p", { class: "lk-small" }, lab.making.summary),
    );
  }
  if (lab.problem) parts.push(problemView(lab.problem, "lab"));
  return parts;
}

/** The three sentences of an error. The remedy's commands stand on lines of their own, each with a button. */
export function problemView(problem: Problem, key: string): HTMLElement {
  const [advice, ...commands] = problem.remedy.split("\n");
  return element(
    "div",
    { class: "lk-problem", "data-verdict": "failed" },
    element("p", {}, `${problem.tried}: ${problem.came_back}`),
    element("p", {}, `What to do: ${advice ?? ""}`),
    ...commands.filter((line) => line.trim()).map((line, number) => commandView(line.trim(), `${key}-${number}`)),
  );
}

function commandView(command: string, key: string): HTMLElement {
  const pressed = button("Copy", `copy-${key}`, () => void copy(pressed, command));
  return element("div", { class: "lk-command" }, element("code", {}, ...wholeWords(command)), pressed);
}

/** Text that is broken at blanks alone; a browser would begin a new line behind the first hyphens of --filename. */
function wholeWords(text: string): Child[] {
  return text
    .split(/(\s+)/)
    .map((part) => (/[-/?|]/.test(part) ? element("span", { class: "lk-whole" }, part) : part));
}

export function hintView(hint: Hint): HTMLElement {
  return element(
    "div",
    { class: "lk-hint" },
    element("p", {}, element("strong", {}, hint.title), `: ${hint.exercise}`),
    element("p", { class: "lk-text" }, ...prose(hint.text)),
  );
}

/** Text whose words between backticks are code, as a notebook shows a hint (labkit/course/check_views.py). */
function prose(text: string): Child[] {
  return text.split(/`([^`\n]+)`/).map((part, number) => (number % 2 ? element("code", {}, part) : part));
}

export function lessonLine(lesson: Lesson): string {
  const minutes = lesson.minutes === null ? "" : `${lesson.minutes} min`;
  return [minutes, passedLine(lesson)].filter(Boolean).join(" · ");
}

export function passedLine(lesson: Lesson): string {
  const passed = lesson.of === 0 ? "no exercises" : `${lesson.passed} of ${lesson.of} passed`;
  return lesson.done ? `done, ${passed}` : passed;
}

export function lessonsView(course: Course, current: string | null, open: (lesson: Lesson) => void): HTMLElement {
  const items = course.lessons.map((lesson) => {
    const number = lesson.lesson.slice(0, 2);
    const press = button("", `lesson-${lesson.lesson}`, () => open(lesson), { class: "lk-lesson" });
    press.append(
      element("span", { class: "lk-number" }, lesson.done ? "✓" : number),
      element("span", {}, element("span", { class: "lk-title" }, lesson.title), element("small", {}, lessonLine(lesson))),
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

/** With whom progress is shared, whether it arrives, and how to end it. */
export function shareLine(share: Share): string {
  const arrives = share.problem ? `, and waits: ${share.problem}` : "";
  return `Your progress is shared with ${share.address}${arrives}. To end it: labkit progress share --stop`;
}

export function podsView(pods: Pods): Child[] {
  const parts: Child[] = [];
  if (pods.rows.length) parts.push(element("ul", { class: "lk-rows" }, ...pods.rows.map(rowView)));
  else if (!pods.problem) parts.push(element("p", { class: "lk-small" }, "None yet. They appear here as they are made."));
  if (pods.problem) parts.push(problemView(pods.problem, "pods"));
  return parts;
}

/** Text that may be broken before the capitals within its words, such as CreateContainerConfigError. */
function breakable(text: string): Child[] {
  return text.split(/(?<=[a-z])(?=[A-Z])/).flatMap((part, number) => (number ? [element("wbr"), part] : [part]));
}

function rowView(row: Row): HTMLElement {
  const name = row.container && row.container !== row.name ? `${row.name} / ${row.container}` : row.name;
  const uid = row.uid === null ? "" : row.uid === 0 ? "runs as uid 0, root" : `runs as uid ${row.uid}`;
  const state = [row.state, row.reason].filter(Boolean).join(": ");
  return element(
    "li",
    { "data-verdict": row.verdict },
    element("p", { class: "lk-name" }, element("strong", {}, name), ` ${row.kind}`),
    element("p", { class: "lk-verdict" }, ...signed(row.verdict), ...(state === row.verdict ? [] : breakable(` · ${state}`))),
    uid ? element("p", { class: row.uid === 0 ? "lk-root" : "" }, uid) : null,
    row.headline ? element("p", {}, row.headline) : null,
    row.message
      ? element("details", { "data-key": `row-${row.key}` }, element("summary", {}, "In its words"), element("p", { class: "lk-text" }, row.message))
      : null,
  );
}

/** What a screen reader is told of rows that have changed: who was refused, who runs. */
export function news(before: Row[], now: Row[]): string {
  const known = new Map(before.map((row) => [row.key, row.verdict]));
  return now
    .filter((row) => known.get(row.key) !== row.verdict && row.verdict !== "pending")
    .map((row) => [`${row.kind} ${row.name}: ${row.verdict}`, row.reason, row.headline].filter(Boolean).join(", "))
    .join(". ");
}
