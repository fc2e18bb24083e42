/** ftlint in VS Code: starts the server of the environment's own ftlint, and again when another one is chosen. */

import * as vscode from 'vscode';
import { onSelectionChanged } from './launch';
import { Server } from './server';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('ftlint', { log: true });
  const started = (server = new Server(context.extensionPath, log));
  const chosenAnew = () => void started.restartIfChosenAnew();
  context.subscriptions.push(
    log,
    vscode.commands.registerCommand('ftlint.restart', () => started.restart()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('ftlint.interpreter') || event.affectsConfiguration('ftlint.path')) {
        chosenAnew();
      }
    }),
    // Settings of the workspace count from now on.
    vscode.workspace.onDidGrantWorkspaceTrust(chosenAnew),
  );
  await started.restart();
  context.subscriptions.push(await onSelectionChanged(log, chosenAnew));
}

export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}
