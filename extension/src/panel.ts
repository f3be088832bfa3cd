/** The panel: lessons, the lab, and what the present lesson has made; kept up to date while somebody can see it. */
import { Dialog, InputDialog, showDialog } from "@jupyterlab/apputils";
import { ServerConnection } from "@jupyterlab/services";
import { Widget } from "@lumino/widgets";

import { button, element, refill, type Child } from "./dom";
import { LabProblem, NoKit, type Course, type Lesson, type Pods, type Server, type Share } from "./server";
import {
  hintView,
  labView,
  labWord,
  lessonLine,
  lessonsView,
  news,
  passedLine,
  podsView,
  problemView,
  shareLine,
} from "./views";

const COURSE_MILLISECONDS = 3000;
const PODS_MILLISECONDS = 1000;
const HIDDEN_FACTOR = 5;

/** What the panel needs of JupyterLab. */
export interface Surroundings {
  /** The path of the document in front; null for none. */
  currentPath(): string | null;
  /** Whether a document is open, in front or behind another tab. */
  isOpen(path: string): boolean;
  open(path: string): Promise<unknown>;
  openTerminal(): Promise<unknown>;
  /** Write what was changed in an open document and not saved yet. */
  save(path: string): Promise<void>;
  /** Show a document, if it is open, as it is on disk by now. */
  reload(path: string): Promise<void>;
  /** Told the text of the status bar whenever it changes. */
  tell(status: string): void;
}

export class CoursePanel extends Widget {
  private course: Course | null = null;
  private pods: Pods | null = null;
  private podsLesson: string | null = null;
  /** The lesson whose notebook was in front last: a terminal or a file in front of it is of that lesson, too. */
  private lastInFront: string | null = null;
  /** The exercise whose hint is shown. */
  private hinted: string | null = null;
  /** The lesson that the answer shown is about. */
  private answered: string | null = null;
  private hasKit = true;
  private timers = new Map<string, number>();
  private shown = new Map<HTMLElement, string>();

  private readonly lab = section("Lab", "lk-lab");
  private readonly here = section("This lesson", "lk-here");
  private readonly actions = element("div", { class: "lk-actions" });
  private readonly answer = element("div", { role: "status", class: "lk-answer" });
  private readonly live = section("Pods and containers", "lk-pods");
  private readonly spoken = element("div", { role: "status", class: "lk-spoken" });
  private readonly lessons = section("Lessons", "lk-list");
  private readonly trouble = element("div", { role: "alert" });

  constructor(
    private readonly server: Server,
    private readonly around: Surroundings,
  ) {
    super();
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
      this.lessons.node,
    );
    document.addEventListener("visibilitychange", () => this.refresh());
  }

  /** Ask again at once: something has changed, or somebody looks again. */
  refresh(): void {
    if (!this.hasKit || document.hidden) return;
    this.plan("course", 0, () => this.lookAtCourse());
    if (this.isVisible) this.plan("pods", 0, () => this.lookAtPods());
  }

  /** The lesson whose notebook is in front, or was last and is still open; else the one to go on with. */
  get lesson(): Lesson | null {
    return this.present ?? this.following;
  }

  private get present(): Lesson | null {
    const path = this.around.currentPath();
    const name = path?.split("/").at(-1)?.replace(/\.ipynb$/, "");
    const lessons = this.course?.lessons ?? [];
    const inFront = lessons.find(({ lesson }) => lesson === name);
    if (inFront && inFront.lesson !== this.lastInFront) {
      this.lastInFront = inFront.lesson;
      // Where that fails nothing is lost: a terminal stays in the lesson that was opened last.
      this.server.front(inFront.lesson).catch(() => undefined);
    }
    const last = lessons.find(({ lesson }) => lesson === this.lastInFront);
    return inFront ?? (last?.path && this.around.isOpen(last.path) ? last : null);
  }

  /** The lesson to go on with. */
  get following(): Lesson | null {
    const lessons = this.course?.lessons ?? [];
    return lessons.find(({ lesson }) => lesson === this.course?.next?.lesson) ?? lessons[0] ?? null;
  }

  async hint(): Promise<void> {
    const lesson = this.lesson;
    const exercise = lesson?.open_exercise;
    if (!lesson || !exercise) return this.say(element("p", {}, "No exercise is open in this lesson."));
    await this.attempt(async () => {
      this.say(hintView(await this.server.hint(lesson.lesson, exercise)));
      this.hinted = exercise;
    });
  }

  async change(action: "reset" | "restore"): Promise<void> {
    const lesson = this.lesson;
    if (!lesson || !this.hasKit) return;
    const body =
      action === "reset"
        ? "Its pods, containers and images are removed. Your notebook and your progress stay. Then run the notebook's first cell again."
        : "The notebook comes back as the course has it. Yours is kept beside it, and your progress stays.";
    const label = action === "reset" ? "Reset" : "Restore";
    const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label })];
    const chosen = await showDialog({ title: `${label} lesson ${lesson.lesson}?`, body, buttons });
    if (!chosen.button.accept) return;
    this.say(element("p", {}, "…"));
    await this.attempt(async () => {
      const restored = action === "restore" ? lesson.path : null;
      // What was not saved is the participant's as well; and what they see must not be saved over what came back.
      if (restored) await this.around.save(restored);
      const sentence = await this.server.change(lesson.lesson, action);
      if (restored) await this.around.reload(restored);
      this.say(element("p", {}, sentence));
    });
  }

  /** Raise the hand, with a line that says what it is about; or lower it. */
  async hand(): Promise<void> {
    const isUp = this.course?.share?.hand ?? false;
    let text = "";
    if (!isUp) {
      const label = "What is it about? One line, which may be empty";
      const chosen = await InputDialog.getText({ title: "Raise your hand", label, okLabel: "Raise" });
      if (!chosen.button.accept) return;
      text = chosen.value ?? "";
    }
    await this.attempt(async () => this.say(element("p", {}, await this.server.hand(isUp, text))));
  }

  async openLesson(lesson: Lesson | null): Promise<void> {
    if (lesson?.path) await this.around.open(lesson.path);
  }

  protected override onAfterShow(): void {
    this.refresh();
  }

  protected override onActivateRequest(): void {
    // The first button: what stands above it is read out on the way, and Tab leads on from there.
    (this.node.querySelector<HTMLElement>("button:enabled") ?? this.node).focus();
  }

  private say(...children: Child[]): void {
    this.hinted = null;
    this.answered = this.lesson?.lesson ?? null;
    refill(this.answer, ...children);
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    if (!this.hasKit) return;
    try {
      await act();
    } catch (error) {
      if (error instanceof LabProblem) this.say(problemView(error.problem, "answer"));
      else if (error instanceof ServerConnection.NetworkError) this.say(element("p", {}, "The server does not answer."));
      else this.fail(error);
    }
    this.refresh();
  }

  private plan(name: string, milliseconds: number, look: () => Promise<void>): void {
    window.clearTimeout(this.timers.get(name));
    const run = async (): Promise<void> => {
      try {
        if (!document.hidden) await look();
      } catch (error) {
        // JupyterLab itself says that its server is gone; it may come back.
        if (!(error instanceof ServerConnection.NetworkError)) this.fail(error);
      }
      if (this.hasKit) this.plan(name, this.interval(name), look);
    };
    this.timers.set(name, window.setTimeout(() => void run(), milliseconds));
  }

  private interval(name: string): number {
    const usual = name === "pods" ? PODS_MILLISECONDS : COURSE_MILLISECONDS;
    return this.isVisible ? usual : usual * HIDDEN_FACTOR;
  }

  private async lookAtCourse(): Promise<void> {
    try {
      this.course = await this.server.course();
    } catch (error) {
      if (!(error instanceof LabProblem)) throw error;
      this.redraw(this.lab.body, error.problem, () => [problemView(error.problem, "lab")]);
      return;
    }
    this.draw();
  }

  private async lookAtPods(): Promise<void> {
    const lesson = this.lesson?.lesson;
    if (!this.isVisible || !lesson) return;
    let pods: Pods;
    try {
      pods = await this.server.pods(lesson);
    } catch (error) {
      if (!(error instanceof LabProblem)) throw error;
      pods = { namespace: "", rows: this.pods?.rows ?? [], problem: error.problem };
    }
    const before = this.podsLesson === lesson ? (this.pods?.rows ?? []) : pods.rows;
    this.pods = pods;
    this.podsLesson = lesson;
    const told = news(before, pods.rows);
    if (told) this.spoken.textContent = told;
    this.redraw(this.live.body, pods, () => podsView(pods));
  }

  private draw(): void {
    const course = this.course;
    if (course === null) return;
    refill(this.trouble);
    const lesson = this.lesson;
    const here = lesson ? ` · lesson ${lesson.lesson.slice(0, 2)}: ${passedLine(lesson)}` : "";
    this.around.tell(`Lab: ${labWord(course.lab)}${here}`);
    this.redraw(this.lab.body, course.lab, () => labView(course.lab));
    this.redraw(this.lessons.body, [course.lessons, course.problem, lesson?.lesson], () => [
      lessonsView(course, lesson?.lesson ?? null, (chosen) => void this.openLesson(chosen)),
      course.problem ? problemView(course.problem, "course") : null,
    ]);
    this.here.heading.textContent = this.present ? "This lesson" : "Next";
    // The hint of an exercise that is passed by now would be read as the next one's, and so would another lesson's.
    const isOver = this.hinted !== null && lesson?.open_exercise !== this.hinted;
    if (isOver || (this.answered !== null && lesson?.lesson !== this.answered)) this.say();
    this.redraw(this.here.body.firstElementChild as HTMLElement, lesson, () =>
      lesson ? [element("p", { class: "lk-title" }, lesson.title), element("p", { class: "lk-small" }, lessonLine(lesson))] : [],
    );
    this.redraw(this.actions, [lesson, course.share], () => this.buttons(lesson, course.share));
  }

  private buttons(lesson: Lesson | null, share: Share | null | undefined): Child[] {
    const hint = button("Hint", "hint", () => void this.hint());
    hint.disabled = !lesson?.open_exercise;
    hint.title = lesson?.open_exercise ? `The next hint of ${lesson.open_exercise}` : "No exercise is open in this lesson";
    return [
      hint,
      button("Terminal", "terminal", () => void this.around.openTerminal(), {
        title: "A terminal whose docker and kubectl are the lab's",
      }),
      button("Reset…", "reset", () => void this.change("reset"), { title: "Remove what the lesson has made" }),
      button("Restore…", "restore", () => void this.change("restore"), { title: "Bring the notebook back as it was" }),
      share ? button(share.hand ? "Lower hand" : "Raise hand…", "hand", () => void this.hand()) : null,
      share ? element("p", { class: "lk-small" }, shareLine(share)) : null,
    ];
  }

  /** Make something anew only if what it is made of has changed: a reader's place in it stays. */
  private redraw(parent: HTMLElement, madeOf: unknown, make: () => Child[]): void {
    const text = JSON.stringify(madeOf) ?? "";
    if (this.shown.get(parent) === text) return;
    this.shown.set(parent, text);
    refill(parent, ...make());
  }

  /** Say what is wrong, and do nothing more until somebody asks for it. */
  private fail(error: unknown): void {
    if (!(error instanceof NoKit)) console.warn("labkit's panel:", error);
    this.hasKit = false;
    for (const timer of this.timers.values()) window.clearTimeout(timer);
    this.shown.clear();
    this.pods = this.course = null;
    for (const part of [this.lab.body, this.lessons.body, this.live.body, this.actions, this.answer]) refill(part);
    refill(this.here.body.firstElementChild as HTMLElement);
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
      }),
    );
  }
}

function section(title: string, id: string): { node: HTMLElement; heading: HTMLElement; body: HTMLElement } {
  const body = element("div");
  const heading = element("h2", { id }, title);
  return { node: element("section", { "aria-labelledby": id }, heading, body), heading, body };
}
