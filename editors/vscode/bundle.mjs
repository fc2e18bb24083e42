// Makes dist/extension.js of src/, and dist/THIRD-PARTY.txt of the licences of what went into it.
import { build } from 'esbuild';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const { metafile } = await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  minify: true,
  metafile: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20', // VS Code 1.91 runs extensions in Node 20
  external: ['vscode'],
  // What is in node_modules says its licence in THIRD-PARTY.txt.
  legalComments: 'none',
});

/** The folder of the package that a file belongs to: the last node_modules/NAME or node_modules/@SCOPE/NAME in it. */
const packageOf = (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
const folders = [...new Set(Object.keys(metafile.inputs).map(packageOf))].filter(Boolean).sort();

const notices = folders.map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined || !existsSync(path.join(folder, file))) {
    throw new Error(`${name} ${version} comes without the text of its licence`);
  }
  return `${name} ${version} (${license})\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
});
writeFileSync('dist/THIRD-PARTY.txt', notices.join(`\n${'-'.repeat(80)}\n\n`));
