/** The one `ftlint server` of a window: started, started anew, stopped. */

import * as vscode from 'vscode';
import { LanguageClient, State, type LanguageClientOptions } from 'vscode-languageclient/node';
import { Ends } from './ends';
import { chooseLaunch, type Launch } from './launch';
import { probe } from './probe';

const LANGUAGES = ['json', 'jsonc', 'yaml', 'python'];
const OPEN_SETTING = 'Open Setting';
const SHOW_LOG = 'Show Log';

/** A client that writes to the log only: what a person has to know, we say once and in our words. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private started: Launch | undefined;
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly folder: string,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Stops what runs and starts what is chosen now. Calls that come meanwhile wait for their turn. */
  restart(): Promise<void> {
    return this.queue(async () => this.start(await chooseLaunch(this.log)));
  }

  /** The same, only if another program is chosen than the one that was started last. */
  restartIfChosenAnew(): Promise<void> {
    return this.queue(async () => {
      const launch = await chooseLaunch(this.log);
      if (JSON.stringify(launch) !== JSON.stringify(this.started)) {
        await this.start(launch);
      }
    });
  }

  /** Ends the server; nothing starts it again. */
  stop(): Promise<void> {
    return this.queue(() => this.end());
  }

  dispose(): void {
    void this.stop();
  }

  private queue(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work).catch((error: unknown) => {
      this.complain(`ftlint: the server cannot be started: ${String(error)}`, 'ftlint.interpreter');
    });
    return this.turn;
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    // A client whose server died cannot be stopped in order; it must not keep the next one from starting.
    await client?.dispose().catch((error: unknown) => this.log.warn(String(error)));
  }

  private async start(launch: Launch): Promise<void> {
    await this.end();
    this.started = launch;
    const answer = await probe(launch, this.folder);
    if ('problem' in answer) {
      this.complain(answer.problem, launch.setting);
      return;
    }
    this.log.info(`ftlint ${answer.version}: ${[launch.command, ...launch.args, 'server'].join(' ')}`);
    const run = { command: launch.command, args: [...launch.args, 'server'], options: { cwd: this.folder } };
    const ends: Ends = new Ends(
      this.log,
      () => client.state === State.Running,
      (problem) => this.complain(problem, launch.setting),
    );
    const client: LanguageClient = new QuietClient('ftlint', 'ftlint', run, this.options(ends));
    this.client = client;
    await client.start().catch((error: unknown) => {
      if (!ends.told) {
        throw error;
      }
    });
  }

  private options(ends: Ends): LanguageClientOptions {
    return {
      documentSelector: [
        ...LANGUAGES.map((language) => ({ scheme: 'file', language })),
        // The cells of a notebook are documents of their own: without this they get no findings and no fixes.
        { notebook: { scheme: 'file', notebookType: 'jupyter-notebook' }, language: 'python' },
      ],
      outputChannel: this.log,
      stdioOptions: { stdout: (stream) => ends.listen(stream), stderr: (stream) => ends.listen(stream) },
      errorHandler: ends,
      initializationFailedHandler: () => false, // no second try; the rejected start says it
    };
  }

  private complain(problem: string, setting: string): void {
    this.log.error(problem);
    void vscode.window.showErrorMessage(problem, OPEN_SETTING, SHOW_LOG).then((chosen) => {
      if (chosen === OPEN_SETTING) {
        void vscode.commands.executeCommand('workbench.action.openSettings', `@id:${setting}`);
      } else if (chosen === SHOW_LOG) {
        this.log.show();
      }
    });
  }
}
