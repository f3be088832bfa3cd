"use strict";
// Shows what board.json says. All of it is text of others: it becomes text nodes and nothing else.

const FORMAT = 1; // labkit/instructor/class_board.py
const EVERY_MILLISECONDS = 3000;
const ANSWER_MILLISECONDS = 10000;
const MANY = 36;
const SIGNS = { passed: "✓", "not right": "✗", "not yet": "○", hint: "?" };
const CLASSES = { passed: "passed", "not right": "not-right", "not yet": "not-yet", hint: "hint" };

const byId = (id) => document.getElementById(id);
const grid = byId("grid");
const rows = new Map();
let board = null;
let shape = "";
let areNamesHidden = false;
let lastAnswer = null;

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function duration(seconds) {
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function ago(seconds) {
  return seconds < 60 ? "just now" : `${duration(seconds)} ago`;
}

function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function nameOf(participant) {
  return areNamesHidden ? `Participant ${participant.number}` : participant.name;
}

/** Fill a list anew, only if what it is made of has changed: a reader's place in it stays. */
function refill(list, madeOf, none, make) {
  const text = JSON.stringify(madeOf);
  if (list.dataset.madeOf === text) return;
  list.dataset.madeOf = text;
  const items = madeOf.map(make);
  list.replaceChildren(...(items.length ? items : [element("li", { className: "none" }, none)]));
}

function taught() {
  const chosen = byId("lesson").value;
  return board.lessons.filter((lesson) => !chosen || lesson.lesson === chosen);
}

/** Whether one lesson alone is shown, with room for words. */
function isWide() {
  return byId("lesson").value !== "";
}

function drawHead() {
  const lessons = taught();
  const first = element("tr", {}, element("th", { className: "corner", scope: "col", rowSpan: 2 }, "participant"));
  for (const head of ["idle", "passed", "hints"]) {
    first.append(element("th", { className: "upright", scope: "col", rowSpan: 2 }, element("span", {}, head)));
  }
  const second = element("tr");
  const sums = element("tr", {}, element("th", { className: "corner sum", scope: "row" }, "passed by"));
  sums.append(element("td"), element("td"), element("td"));
  for (const { lesson, exercises } of lessons) {
    const label = isWide() ? lesson : lesson.slice(0, 2);
    first.append(element("th", { className: "lesson", scope: "colgroup", colSpan: exercises.length, title: lesson }, label));
    exercises.forEach((exercise, position) => {
      const name = `upright${position ? "" : " lesson"}`;
      second.append(element("th", { className: name, scope: "col", title: exercise }, element("span", {}, exercise)));
      const sum = element("td", { className: "sum" });
      sum.dataset.exercise = `${lesson}/${exercise}`;
      sums.append(sum);
    });
  }
  rows.clear();
  grid.replaceChildren(element("thead", {}, first, second, sums), element("tbody"));
}

function makeRow(participant) {
  const head = element("th", { scope: "row", tabIndex: -1 });
  const texts = ["idle", "passed", "hints"].map(() => element("td", { className: "text" }));
  const cells = [];
  const line = element("tr", {}, head, ...texts);
  for (const { lesson, exercises } of taught()) {
    exercises.forEach((exercise, position) => {
      const cell = element("td", { tabIndex: -1 });
      const kept = { cell, key: `${lesson}/${exercise}`, lesson, exercise, first: position === 0, madeOf: null };
      cell.setAttribute("role", "gridcell");
      cells.push(kept);
      line.append(cell);
    });
  }
  return { line, head, texts, cells, madeOf: null };
}

function describe(row, kept) {
  const values = row.participant.cells[kept.key];
  const place = `${nameOf(row.participant)}, ${kept.lesson.slice(0, 2)} ${kept.exercise}`;
  if (!values) return `${place}: not tried`;
  const [state, checks, hints, solution, diagnosis] = values;
  const parts = [state === "hint" ? "not checked" : state, counted(checks, "check"), counted(hints, "hint")];
  if (solution) parts.push("solution seen");
  if (diagnosis) parts.push(diagnosis);
  return `${place}: ${parts.join(", ")}`;
}

function drawCell(row, kept) {
  const values = row.participant.cells[kept.key];
  const madeOf = `${areNamesHidden}${row.participant.name}${JSON.stringify(values)}`;
  if (kept.madeOf === madeOf) return;
  kept.madeOf = madeOf;
  const state = values ? values[0] : "";
  const classes = [values ? `cell ${CLASSES[state] ?? ""}` : "empty", kept.first ? "first" : "", values && values[2] ? "hinted" : ""];
  kept.cell.className = classes.filter(Boolean).join(" ");
  const words = [SIGNS[state] ?? "", isWide() && values ? state : "", isWide() && values && values[2] ? `· ${counted(values[2], "hint")}` : ""];
  setText(kept.cell, words.filter(Boolean).join(" "));
  kept.cell.setAttribute("aria-label", describe(row, kept));
}

function drawRow(participant) {
  let row = rows.get(participant.number);
  if (!row) {
    row = makeRow(participant);
    rows.set(participant.number, row);
  }
  row.participant = participant;
  const isUp = participant.hand !== null;
  const madeOf = JSON.stringify([nameOf(participant), isUp, participant.away]);
  if (row.madeOf !== madeOf) {
    row.madeOf = madeOf;
    row.head.className = participant.away ? "away" : "";
    row.head.replaceChildren(...(isUp ? [element("span", { className: "up" }, "hand")] : []), nameOf(participant));
    row.head.title = nameOf(participant);
  }
  const lately = participant.away ? `away ${duration(participant.seen)}` : duration(participant.idle);
  [lately, String(participant.passed), String(participant.hints)].forEach((text, position) => setText(row.texts[position], text));
  for (const kept of row.cells) drawCell(row, kept);
  return row.line;
}

const isStuck = (values) => values[0] === "not right" || values[0] === "hint" || (values[0] === "not yet" && values[2] > 0);
const needs = (participant) =>
  (participant.hand ? 1e6 + participant.hand.seconds : 0) +
  1000 * Object.values(participant.cells).filter(isStuck).length +
  Math.min(participant.idle / 60, 900);
const ORDERS = {
  name: (left, right) => nameOf(left).localeCompare(nameOf(right), undefined, { numeric: true }),
  need: (left, right) => needs(right) - needs(left),
  passed: (left, right) => left.passed - right.passed,
  number: () => 0,
};

function drawGrid() {
  const now = JSON.stringify([board.lessons, byId("lesson").value]);
  if (now !== shape) {
    shape = now;
    drawHead();
  }
  const body = grid.tBodies[0];
  const order = ORDERS[byId("order").value];
  const people = [...board.participants].sort((left, right) => order(left, right) || left.number - right.number);
  const lines = people.map(drawRow);
  const present = new Set(people.map((participant) => participant.number));
  for (const number of rows.keys()) if (!present.has(number)) rows.delete(number);
  if (lines.length !== body.rows.length || lines.some((line, position) => body.rows[position] !== line)) {
    const focused = document.activeElement;
    body.replaceChildren(...lines);
    if (focused !== document.activeElement && grid.contains(focused)) focused.focus();
  }
  if (!grid.querySelector('[tabindex="0"]')) (body.querySelector("[tabindex]") ?? grid).tabIndex = 0;
  for (const sum of grid.tHead.querySelectorAll("[data-exercise]")) {
    const key = sum.dataset.exercise;
    setText(sum, String(people.filter((participant) => participant.cells[key]?.[0] === "passed").length));
  }
  grid.className = isWide() ? "wide" : people.length > MANY ? "many" : "";
}

function drawLists() {
  const people = new Map(board.participants.map((participant) => [participant.number, participant]));
  const hands = board.participants.filter((participant) => participant.hand).sort((left, right) => right.hand.seconds - left.hand.seconds);
  refill(byId("hands"), hands.map((participant) => [nameOf(participant), participant.hand.text, ago(participant.hand.seconds)]), "nobody", ([who, text, when]) =>
    element("li", {}, element("span", { className: "who" }, who), " ", element("span", { className: "when" }, when), text ? element("div", {}, text) : ""));
  refill(byId("stuck"), board.stuck, "nobody", (row) =>
    element(
      "li",
      {},
      element("span", { className: "who" }, `${row.lesson.slice(0, 2)} ${row.exercise}`),
      element("div", {}, `${row.stuck} stuck · ${row.passed} of ${row.tried} passed`),
      row.diagnosis ? element("div", { className: "small" }, `${row.diagnosed} × ${row.diagnosis}`) : "",
    ));
  const news = board.news.filter((event) => people.has(event.number));
  refill(byId("news"), news.map((event) => [nameOf(people.get(event.number)), event.text, ago(event.seconds)]), "nothing", ([who, text, when]) =>
    element("li", {}, element("span", { className: "who" }, who), ` ${text} `, element("span", { className: "when" }, when)));
  const away = board.participants.filter((participant) => participant.away).length;
  setText(byId("counts"), [
    `${board.participants.length - away} here`,
    ...(away ? [`${away} away`] : []),
    `${counted(hands.length, "hand")} up`,
  ].join(" · "));
}

function draw() {
  if (!board) return;
  const lesson = byId("lesson");
  if (lesson.options.length === 1) {
    for (const taughtLesson of board.lessons) lesson.append(element("option", { value: taughtLesson.lesson }, taughtLesson.lesson));
  }
  drawLists();
  drawGrid();
}

function say(trouble) {
  byId("trouble").hidden = !trouble;
  setText(byId("trouble"), trouble);
}

async function look() {
  const response = await fetch("board.json", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
  if (response.status === 403 || response.status === 429) throw new Error("This page is not let in any more: open the address that labkit class watch has printed.");
  if (response.status === 503) throw new Error((await response.json()).problem);
  if (!response.ok) throw new Error(`The server answers ${response.status}.`);
  const answer = await response.json();
  if (answer.format !== FORMAT) throw new Error("The server is of another version: load this page again.");
  const start = performance.now();
  board = answer;
  draw();
  performance.measure("draw", { start });
  lastAnswer = new Date();
}

async function keepLooking() {
  try {
    await look();
    say("");
  } catch (error) {
    const since = lastAnswer ? `What is shown is of ${lastAnswer.toLocaleTimeString()}. ` : "";
    say(since + (error instanceof TypeError || error.name === "TimeoutError" ? "labkit class watch does not answer." : error.message));
  }
  window.setTimeout(() => void keepLooking(), EVERY_MILLISECONDS);
}

function move(event) {
  const cell = event.target.closest("th, td");
  const line = cell?.closest("tbody tr");
  if (!line) return;
  const lines = [...line.parentElement.rows];
  const focusable = (row) => [...row.cells].filter((node) => node.hasAttribute("tabindex"));
  const across = focusable(line).indexOf(cell);
  const down = lines.indexOf(line);
  const last = focusable(line).length - 1;
  const targets = {
    ArrowRight: [down, across + 1],
    ArrowLeft: [down, across - 1],
    ArrowDown: [down + 1, across],
    ArrowUp: [down - 1, across],
    Home: [event.ctrlKey ? 0 : down, 0],
    End: [event.ctrlKey ? lines.length - 1 : down, last],
    PageDown: [Math.min(down + 10, lines.length - 1), across],
    PageUp: [Math.max(down - 10, 0), across],
  };
  const target = targets[event.key];
  if (!target) return;
  event.preventDefault();
  const next = lines[target[0]] && focusable(lines[target[0]])[target[1]];
  if (next) next.focus();
}

grid.addEventListener("keydown", move);
grid.addEventListener("focusin", (event) => {
  const cell = event.target.closest("tbody th, tbody td");
  if (!cell) return;
  for (const node of grid.querySelectorAll('[tabindex="0"]')) node.tabIndex = -1;
  cell.tabIndex = 0;
  tell(cell);
});
grid.addEventListener("pointerover", (event) => tell(event.target.closest("tbody th, tbody td")));

function tell(cell) {
  if (!cell) return;
  const row = [...rows.values()].find(({ line }) => line.contains(cell));
  if (!row) return;
  const kept = row.cells.find((candidate) => candidate.cell === cell);
  const { participant } = row;
  const whole = [nameOf(participant), participant.lesson ? `in ${participant.lesson}` : "no lesson yet", `${participant.passed} passed`, counted(participant.hints, "hint")];
  if (participant.hand) whole.push(`hand up${participant.hand.text ? `: ${participant.hand.text}` : ""}`);
  setText(byId("detail"), kept ? describe(row, kept) : whole.join(", "));
}

byId("lesson").addEventListener("change", draw);
byId("order").addEventListener("change", draw);
byId("names").addEventListener("click", (event) => {
  areNamesHidden = !areNamesHidden;
  event.target.setAttribute("aria-pressed", String(areNamesHidden));
  draw();
});
byId("theme").addEventListener("click", () => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const present = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = present === "dark" ? "light" : "dark";
});
void keepLooking();
