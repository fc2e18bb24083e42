// Answers as the Python extension does. Its selected interpreter is the path in the file `selected` in the home folder.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const vscode = require('vscode');

const FILE = path.join(os.homedir(), 'selected');
const selected = () => fs.readFileSync(FILE, 'utf8').trim();

exports.activate = (context) => {
  const changed = new vscode.EventEmitter();
  fs.watchFile(FILE, { interval: 200 }, () => changed.fire({ path: selected() }));
  context.subscriptions.push(changed, { dispose: () => fs.unwatchFile(FILE) });
  return {
    environments: {
      onDidChangeActiveEnvironmentPath: changed.event,
      getActiveEnvironmentPath: () => ({ id: selected(), path: selected() }),
      resolveEnvironment: async (one) => ({ executable: { uri: vscode.Uri.file(one.path) } }),
    },
  };
};
