-- Ordinary calls of library functions. The bench runs this file in stock Lua as well, so it uses
-- nothing else. Without a name it gives the names; with one it makes the call n times and gives
-- the seconds.
local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
local upper, rep, sort, concat = string.upper, string.rep, table.sort, table.concat
local insert, remove, unpack = table.insert, table.remove, table.unpack

local words = "hello world"
local line = "2031-05-17 18:37:10 INFO  [worker-3] request id=1234 took 56ms from 10.0.0.1"
local text = rep("the quick brown fox jumps over the lazy dog. ", 200)
local entities = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;" }
local pairs_of_text = "a=1, b=2, c=3"

local function same(value) return value end
local function is_larger(a, b) return a > b end

local numbers, keys, few, stack = {}, {}, { 3, 1, 2 }, {}
for i = 1, 100 do
  numbers[i] = i * 7919 % 101
  keys[i] = "key " .. numbers[i]
end
local function copy(list) return table.move(list, 1, #list, 1, {}) end

local calls = {
  ["find: a word"] = function() return find(words, "wor") end,
  ["find: %d+ and a unit"] = function() return find(line, "%d+ms") end,
  ["find: balanced"] = function() return find("x(y)z", "%b()") end,
  ["find: a word, 9 KB"] = function() return find(text, "cat") end,
  ["match: a date"] = function() return match(line, "^(%d+)-(%d+)-(%d+)") end,
  ["match: behind a word"] = function() return match(line, "id=(%d+)") end,
  ["match: trimmed"] = function() return match("   some text here  ", "^%s*(.-)%s*$") end,
  ["match: sets"] = function() return match("key = value", "^([%w_]+)%s*=%s*([^;]*)") end,
  ["gmatch: words"] = function() for _ in gmatch(line, "%w+") do end end,
  ["gmatch: pairs"] = function() for _, _ in gmatch(pairs_of_text, "(%w+)=(%w+)") do end end,
  ["gmatch: words, 9 KB"] = function() for _ in gmatch(text, "%a+") do end end,
  ["gsub: no match"] = function() return gsub(words, "z", "0") end,
  ["gsub: two letters"] = function() return gsub(words, "o", "0") end,
  ["gsub: trimmed"] = function() return gsub("   some text here  ", "^%s+", "") end,
  ["gsub: captures"] = function() return gsub(words, "(%w+) (%w+)", "%2 %1") end,
  ["gsub: by a table"] = function() return gsub("a<b>&c", "[<>&]", entities) end,
  ["gsub: by a Lua function"] = function() return gsub(words, "%w+", same) end,
  ["gsub: by a C function"] = function() return gsub(words, "%w+", upper) end,
  ["gsub: words, 9 KB"] = function() return gsub(text, "%w+", "x") end,
  ["sort: 3 numbers"] = function() return sort(few) end,
  ["sort: 100 numbers"] = function() return sort(copy(numbers)) end,
  ["sort: 100 strings"] = function() return sort(copy(keys)) end,
  ["sort: 100 numbers, compared by a function"] = function()
    return sort(copy(numbers), is_larger)
  end,
  ["insert and remove"] = function() insert(stack, 1) return remove(stack) end,
  ["insert and remove in front of 100"] = function()
    insert(keys, 1, "x")
    return remove(keys, 1)
  end,
  ["concat: 100 strings"] = function() return concat(keys, ", ") end,
  ["unpack: 3 numbers"] = function() return unpack(few) end,
  ["rep: 10 times"] = function() return rep("ab", 10) end,
  ["upper"] = function() return upper(words) end,
  ["utf8.len"] = function() return utf8.len("grüße aus köln") end,
}

return function(name, n)
  if name then
    local call, start = calls[name], os.clock()
    for _ = 1, n do call() end
    return os.clock() - start
  end
  local names = {}
  for name in pairs(calls) do names[#names + 1] = name end
  sort(names)
  return names
end
