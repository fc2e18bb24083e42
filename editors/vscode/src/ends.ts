/** What becomes of a server that ends by itself: a few new starts, then one message, and never a loop. */

import { createInterface } from 'node:readline';
import type * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  type CloseHandlerResult,
  type ErrorHandler,
  type ErrorHandlerResult,
} from 'vscode-languageclient/node';

const NEW_STARTS = 2;
const WITHIN_MS = 180_000;

export class Ends implements ErrorHandler {
  /** Whether a person has been told. */
  told = false;
  private times: number[] = [];
  private lastWords = '';

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly wasRunning: () => boolean,
    private readonly complain: (problem: string) => void,
  ) {}

  /** Writes what the server says beside the protocol to the log. */
  listen(stream: NodeJS.ReadableStream): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.log.error(line);
      this.lastWords = line.trim() || this.lastWords;
    });
  }

  /** One message that could not be read or written does not end the server. */
  error(): ErrorHandlerResult {
    return { action: ErrorAction.Continue, handled: true };
  }

  closed(): CloseHandlerResult {
    const now = Date.now();
    this.times = [...this.times.filter((time) => now - time < WITHIN_MS), now];
    if (this.wasRunning() && this.times.length <= NEW_STARTS) {
      return { action: CloseAction.Restart, handled: true };
    }
    const what =
      this.times.length === 1
        ? 'the server ended before it was ready'
        : `the server ended ${this.times.length} times within minutes and stays off`;
    this.told = true;
    this.complain(`ftlint: ${what}. ${this.lastWords}`.trim());
    return { action: CloseAction.DoNotRestart, handled: true };
  }
}
