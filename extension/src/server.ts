/** What the kit's part of the Jupyter server says, and what it is asked to do. */
import { ServerConnection } from "@jupyterlab/services";

/** The format of the answers that this panel reads; labkit/panel/panel_handlers.py has the same number. */
const FORMAT = 1;

export interface Problem {
  tried: string;
  came_back: string;
  remedy: string;
}

export interface Lesson {
  lesson: string;
  title: string;
  minutes: number | null;
  path: string | null;
  passed: number;
  of: number;
  done: boolean;
  open_exercise: string | null;
}

export interface LabState {
  state: string;
  engine: { reachable: boolean; name?: string; version?: string };
  cluster: { ready: boolean; kubernetes: string | null };
  making: { percent: number; summary: string; at_work: boolean } | null;
  problem: Problem | null;
}

/** With whom progress is shared, and why it does not arrive; null where nothing is shared. */
export interface Share {
  address: string;
  hand: boolean;
  problem: string;
}

export interface Course {
  lessons: Lesson[];
  next: { lesson: string; exercise: string } | null;
  problem: Problem | null;
  share: Share | null;
  lab: LabState;
}

export interface Row {
  key: string;
  kind: string;
  name: string;
  container: string;
  uid: number | null;
  state: string;
  reason: string;
  verdict: string;
  headline: string;
  message: string;
}

export interface Pods {
  namespace: string;
  rows: Row[];
  problem: Problem | null;
}

export interface Hint {
  exercise: string;
  title: string;
  text: string;
}

/** The kit could not do it, and says so in its three sentences. */
export class LabProblem extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.tried}: ${problem.came_back}`);
  }
}

/** The kit's part of the server is missing, of another version, or broken: nothing more is asked of it. */
export class NoKit extends Error {}

export class Server {
  private readonly settings = ServerConnection.makeSettings();

  course(): Promise<Course> {
    return this.ask<Course>("course", "GET", (answer) => isList(answer.lessons) && isRecord(answer.lab));
  }

  pods(lesson: string): Promise<Pods> {
    return this.ask<Pods>(`${of(lesson)}/pods`, "GET", (answer) => isList(answer.rows));
  }

  hint(lesson: string, exercise: string): Promise<Hint> {
    const body = JSON.stringify({ exercise });
    return this.ask<Hint>(`${of(lesson)}/hint`, "POST", (answer) => typeof answer.text === "string", body);
  }

  /** Reset or restore a lesson; the sentence that says what was done. */
  async change(lesson: string, action: "reset" | "restore"): Promise<string> {
    const isWhole = (answer: Record<string, unknown>): boolean => typeof answer.sentence === "string";
    return (await this.ask<{ sentence: string }>(`${of(lesson)}/${action}`, "POST", isWhole, "{}")).sentence;
  }

  /** Say whose notebook has come to the front: terminals follow to that lesson, if it is open. */
  async front(lesson: string): Promise<void> {
    await this.ask(`${of(lesson)}/front`, "POST", (answer) => typeof answer.followed === "boolean", "{}");
  }

  /** Raise the hand, or lower it; the sentence that says who sees it. */
  async hand(down: boolean, text: string): Promise<string> {
    const isWhole = (answer: Record<string, unknown>): boolean => typeof answer.sentence === "string";
    const body = JSON.stringify({ down, text });
    return (await this.ask<{ sentence: string }>("hand", "POST", isWhole, body)).sentence;
  }

  private async ask<Answer>(
    path: string,
    method: "GET" | "POST",
    isWhole: (answer: Record<string, unknown>) => boolean,
    body?: string,
  ): Promise<Answer> {
    const init: RequestInit = { method, ...(body === undefined ? {} : { body }) };
    const response = await ServerConnection.makeRequest(`${this.settings.baseUrl}labkit/${path}`, init, this.settings);
    if (response.status === 404) {
      throw new NoKit("This JupyterLab was started without labkit's part of the server.");
    }
    if (response.status === 401 || response.status === 403) {
      throw new NoKit("The server does not know this page any more: open the address that `labkit lab` has printed.");
    }
    let answer: unknown;
    try {
      answer = await response.json();
    } catch {
      throw new NoKit(`labkit's part of the server is broken: it answered ${response.status} without JSON.`);
    }
    if (!isRecord(answer) || answer.format !== FORMAT) {
      const format = isRecord(answer) && answer.format !== undefined ? `format ${String(answer.format)}` : "no format";
      const status = response.ok ? "" : ` It answered ${response.status}.`;
      throw new NoKit(`labkit's part of the server is of another version: ${format}, and not ${FORMAT}.${status}`);
    }
    if (!response.ok && isRecord(answer.problem)) throw new LabProblem(answer.problem as unknown as Problem);
    if (!response.ok || !isWhole(answer)) {
      throw new NoKit(`labkit's part of the server is broken: its answer to ${path} makes no sense.`);
    }
    return answer as Answer;
  }
}

function of(lesson: string): string {
  return `lessons/${encodeURIComponent(lesson)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isRecord);
}
