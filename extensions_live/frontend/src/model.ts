// The parts of anywidget's model and of the notebook that the widgets use. Every front end has the
// model; the parts of the notebook are optional, since front ends differ.

import type { Message } from "./messages";

/** A widget in the kernel, with the traits that `State` lists. */
export interface Model<State> {
  get: <K extends keyof State & string>(name: K) => State[K];
  send: (message: Message) => void;
  on: (event: string, callback: () => void) => void;
  off: (event: string, callback: () => void) => void;
  readonly widget_manager?: Manager;
}

/** Arguments that anywidget passes to `render`. */
export interface Rendering<State> {
  model: Model<State>;
  el: HTMLElement;
}

/** The widget manager; in JupyterLab it belongs to the document of a notebook. */
export interface Manager {
  /** Throws if the front end has no kernel. */
  readonly kernel?: Kernel | null;
  readonly isDisposed?: boolean;
  readonly context?: NotebookContext;
  get_model?: (id: string) => Promise<unknown>;
}

/** The connection to a kernel. */
export interface Kernel {
  readonly status?: string;
  readonly connectionStatus?: string;
  readonly clientId?: string;
  /** True for the server of a dashboard, which no cell keeps busy. */
  readonly isFree?: boolean;
  readonly username?: string;
  sendControlMessage?: (
    message: object,
    expectReply: boolean,
    disposeOnDone: boolean,
  ) => { done: Promise<unknown> };
}

/** The document in which a widget is shown. */
export interface NotebookContext {
  readonly isDisposed?: boolean;
  readonly sessionContext?: { kernelChanged?: Signal; statusChanged?: Signal };
  readonly model?: { cells?: Cells };
}

export interface Signal {
  connect: (callback: () => void) => unknown;
  disconnect: (callback: () => void) => unknown;
}

export interface Cells extends Iterable<Cell> {
  get: (index: number) => Cell | undefined;
}

export interface Cell {
  readonly type: string;
  readonly outputs?: Outputs;
}

export interface Outputs {
  readonly length: number;
  get: (index: number) => { toJSON: () => Output };
  set: (index: number, output: Output) => void;
}

/** An output of a cell, in the format of the notebook file. */
export interface Output {
  readonly [key: string]: unknown;
  readonly data?: Record<string, unknown>;
  readonly metadata?: Record<string, unknown>;
}
