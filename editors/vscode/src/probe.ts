/** Asks a program whether it is ftlint, before a language client would try again and again to talk to it. */

import { execFile } from 'node:child_process';
import type { Launch } from './launch';

/** ftlint with its version, or what a person has to do. */
export type Answer = { readonly version: string } | { readonly problem: string };

// The first start compiles ftlint's modules, on some machines from a slow network disk.
const PATIENCE_MS = 60_000;

/** Runs `--version`. `folder` is the working directory: Python imports from it, so it must not be the workspace. */
export function probe(launch: Launch, folder: string): Promise<Answer> {
  return new Promise((answer) => {
    const args = [...launch.args, '--version'];
    execFile(launch.command, args, { cwd: folder, timeout: PATIENCE_MS }, (error, stdout, stderr) => {
      const version = /^ftlint\S* (\S+)/.exec(stdout)?.[1];
      if (error === null && version !== undefined) {
        answer({ version });
      } else {
        answer({ problem: explain(launch, error?.code, stderr) });
      }
    });
  });
}

function explain(launch: Launch, code: number | string | null | undefined, stderr: string): string {
  const { command, setting } = launch;
  if (code === 'ENOENT' || code === 'EACCES') {
    return `ftlint: there is no program ${command} to start. Name the Python that ftlint is installed in with the setting ftlint.interpreter.`;
  }
  if (/No module named '?ftlint'?$/m.test(stderr)) {
    return `ftlint is not installed in ${command}. Install it there (${quoted(command)} -m pip install ftlint), or name another Python with the setting ftlint.interpreter.`;
  }
  const lastLine = stderr.trim().split('\n').at(-1) || `it is no ftlint`;
  return `ftlint: ${command} does not start: ${lastLine} (setting ${setting})`;
}

function quoted(command: string): string {
  return command.includes(' ') ? `"${command}"` : command;
}
