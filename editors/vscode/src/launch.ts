/** Which program is `ftlint` here, and who says so. */

import * as vscode from 'vscode';
import { PVSC_EXTENSION_ID, PythonExtension, type Resource } from '@vscode/python-extension';

/** The words that start ftlint; its subcommand is added to them. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** The setting to change when it does not start. */
  readonly setting: 'ftlint.interpreter' | 'ftlint.path';
}

const ANY_PYTHON = process.platform === 'win32' ? 'python' : 'python3';
const WORKSPACE_FOLDER = '${workspaceFolder}';

/** The settings stand before the Python extension, and that before the `python3` on PATH. */
export async function chooseLaunch(log: vscode.LogOutputChannel): Promise<Launch> {
  const path = ownSetting('path');
  if (path) {
    return { command: path, args: [], setting: 'ftlint.path' };
  }
  const python = ownSetting('interpreter') || (await selectedPython(log)) || ANY_PYTHON;
  return { command: python, args: ['-m', 'ftlint'], setting: 'ftlint.interpreter' };
}

/** Calls back when another Python is selected in the Python extension, or when that extension comes or goes. */
export async function onSelectionChanged(
  log: vscode.LogOutputChannel,
  changed: () => void,
): Promise<vscode.Disposable> {
  let selection: vscode.Disposable | undefined;
  const listen = async () => {
    selection?.dispose();
    selection = (await pythonExtension(log))?.environments.onDidChangeActiveEnvironmentPath(changed);
  };
  const extensions = vscode.extensions.onDidChange(() => void listen().then(changed));
  // Its interpreters are not asked for before the workspace is trusted, so listen again from then on.
  const trust = vscode.workspace.onDidGrantWorkspaceTrust(() => void listen().then(changed));
  await listen();
  return { dispose: () => [selection, extensions, trust].forEach((one) => one?.dispose()) };
}

/** A setting of ours. VS Code itself leaves out what an untrusted workspace sets (`restrictedConfigurations`). */
function ownSetting(name: 'interpreter' | 'path'): string {
  const value = vscode.workspace.getConfiguration('ftlint', firstFolder()).get<string>(name, '').trim();
  if (!value.includes(WORKSPACE_FOLDER)) {
    return value;
  }
  const folder = firstFolder()?.fsPath;
  // A user's own setting that leads into a workspace would start what lies there.
  return folder !== undefined && vscode.workspace.isTrusted ? value.replaceAll(WORKSPACE_FOLDER, folder) : '';
}

async function selectedPython(log: vscode.LogOutputChannel): Promise<string | undefined> {
  const api = await pythonExtension(log);
  if (api === undefined) {
    return undefined;
  }
  const selected = api.environments.getActiveEnvironmentPath(firstFolder() as Resource | undefined);
  const environment = await api.environments.resolveEnvironment(selected);
  return environment?.executable.uri?.fsPath;
}

/** None where it is not installed, fails, or may have chosen an interpreter that lies in an untrusted workspace. */
async function pythonExtension(log: vscode.LogOutputChannel): Promise<PythonExtension | undefined> {
  if (!vscode.workspace.isTrusted || vscode.extensions.getExtension(PVSC_EXTENSION_ID) === undefined) {
    return undefined;
  }
  try {
    return await PythonExtension.api();
  } catch (error) {
    log.warn(`the Python extension cannot be asked for its interpreter: ${String(error)}`);
    return undefined;
  }
}

function firstFolder(): vscode.Uri | undefined {
  return vscode.workspace.workspaceFolders?.[0]?.uri;
}
