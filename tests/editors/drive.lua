-- Does in Neovim what a person would do, step by step, and tells on stdout what was seen: one JSON object per line.
--
--     nvim --headless -u NONE -i NONE -n -S drive.lua
--
-- FTLINT_SETUP: the Lua file that sets ftlint up. FTLINT_COMMAND: the server, as a JSON list of words.
-- FTLINT_STEPS: a JSON list of steps, each an object with one key that names a function in `steps`.

local PATIENCE_MS = 20000

local function tell(what)
  io.stdout:write(vim.json.encode(what) .. '\n')
end

local function wait_for(what, condition)
  assert(vim.wait(PATIENCE_MS, condition, 20), 'waited in vain for ' .. what)
end

local function client()
  for _, id in ipairs(vim.tbl_keys(vim.lsp.buf_get_clients and vim.lsp.buf_get_clients(0) or {})) do
    return vim.lsp.get_client_by_id(id)
  end
  return vim.lsp.get_clients and vim.lsp.get_clients({ bufnr = 0 })[1]
end

local function as_lsp(found)
  local sent = found.user_data and found.user_data.lsp or {}
  return {
    range = {
      start = { line = found.lnum, character = found.col },
      ['end'] = { line = found.end_lnum, character = found.end_col },
    },
    message = found.message,
    severity = found.severity,
    source = found.source,
    code = found.code or sent.code,
  }
end

local steps = {}

-- Open a file in the current window; its file type starts the server.
function steps.open(path)
  vim.cmd('edit ' .. vim.fn.fnameescape(path))
  wait_for('a server', function()
    local attached = client()
    return attached and (attached.initialized or attached.server_capabilities ~= nil)
  end)
end

-- Wait until the buffer has so many diagnostics, and tell them.
function steps.diagnostics(count)
  wait_for(count .. ' diagnostics', function()
    return #vim.diagnostic.get(0) == count
  end)
  tell({ diagnostics = vim.tbl_map(as_lsp, vim.diagnostic.get(0)), buffer = vim.fn.expand('%:t') })
end

-- Ask for the quick fixes of the first diagnostic, tell their titles, and let Neovim apply the one that begins so.
function steps.fix(title)
  local found = as_lsp(vim.diagnostic.get(0)[1])
  local params = { textDocument = { uri = vim.uri_from_bufnr(0) }, context = { diagnostics = { found } } }
  params.range = found.range
  local answers = assert(vim.lsp.buf_request_sync(0, 'textDocument/codeAction', params, PATIENCE_MS), 'no answer')
  local actions = {}
  for _, answer in pairs(answers) do
    vim.list_extend(actions, answer.result or {})
  end
  tell({ actions = vim.tbl_map(function(action)
    return action.title
  end, actions) })
  for _, action in ipairs(actions) do
    if vim.startswith(action.title, title) then
      vim.lsp.util.apply_workspace_edit(action.edit, client().offset_encoding)
      return
    end
  end
  error('no quick fix begins with ' .. title)
end

-- Type a text into a line: `row` counts from 1, `column` is the number of bytes before it.
function steps.type(what)
  vim.api.nvim_buf_set_text(0, what.row - 1, what.column, what.row - 1, what.column, { what.text })
end

-- Save every buffer that was changed.
function steps.save()
  vim.cmd('wall')
end

local ok, problem = xpcall(function()
  vim.cmd('filetype on')
  vim.o.hidden = true
  dofile(vim.env.FTLINT_SETUP).setup({ cmd = vim.json.decode(vim.env.FTLINT_COMMAND) })
  local version = vim.version()
  tell({ neovim = version.major .. '.' .. version.minor .. '.' .. version.patch })
  for _, step in ipairs(vim.json.decode(vim.env.FTLINT_STEPS)) do
    local name, argument = next(step)
    steps[name](argument)
  end
end, debug.traceback)
if not ok then
  tell({ failed = problem })
end
vim.cmd(ok and 'qall!' or 'cquit 1')
