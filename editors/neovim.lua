-- Findings of ftlint in Neovim 0.7 and newer, without any plugin:
--
--     dofile('/where/you/put/neovim.lua').setup()
--
-- `setup { cmd = { '/path/to/venv/bin/ftlint', 'server' } }` names another ftlint than the one on PATH.

local M = {}

local FILETYPES = { 'json', 'jsonc', 'yaml', 'python' }
-- The nearest folder upward with one of these is the project, in which ftlint looks for what belongs together.
local MARKERS = { 'ftlint.toml', 'pyproject.toml', 'requirements.txt', '.git' }

-- Neovim 0.7 starts a client for every call, so we remember which folder has one.
local started = {}

local function project_of(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  local upward = folder
  while true do
    for _, marker in ipairs(MARKERS) do
      if vim.loop.fs_stat(upward .. '/' .. marker) then
        return upward
      end
    end
    local parent = vim.fn.fnamemodify(upward, ':h')
    if parent == upward then
      return folder
    end
    upward = parent
  end
end

--- Give the buffer to the server of its project, which is started where there is none; the client's number.
function M.attach(buffer, cmd)
  local path = vim.api.nvim_buf_get_name(buffer)
  if path == '' or vim.bo[buffer].buftype ~= '' then
    return nil
  end
  local root = project_of(path)
  local config = { name = 'ftlint', cmd = cmd, root_dir = root }
  if vim.lsp.start then -- 0.8 and newer: one server for each root_dir
    return vim.api.nvim_buf_call(buffer, function()
      return vim.lsp.start(config)
    end)
  end
  local client = started[root] and vim.lsp.get_client_by_id(started[root])
  if not client or client.is_stopped() then
    config.workspace_folders = { { uri = vim.uri_from_fname(root), name = root } }
    started[root] = vim.lsp.start_client(config)
  end
  vim.lsp.buf_attach_client(buffer, started[root])
  return started[root]
end

--- Attach to every file that may take part in a fine-tuning run. Which of them do, ftlint sees by their content.
function M.setup(options)
  local cmd = (options or {}).cmd or { 'ftlint', 'server' }
  vim.api.nvim_create_autocmd('FileType', {
    pattern = FILETYPES,
    group = vim.api.nvim_create_augroup('ftlint', {}),
    callback = function(event)
      M.attach(event.buf or vim.api.nvim_get_current_buf(), cmd)
    end,
  })
end

return M
