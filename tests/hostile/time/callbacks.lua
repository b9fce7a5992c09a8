-- H8, H40: loops in what Lua or a library calls back.
local case = {}
local function loop() while true do end end
local function like(metamethod) return setmetatable({}, { [metamethod] = loop }) end

case["gsub"] = function() return (("x"):gsub("x", loop)) end
case["gsub by a table"] = function() return (("x"):gsub("x", like("__index"))) end
case["sort"] = function() table.sort({ 3, 2, 1 }, loop) end
case["sort that lies"] = function()
    local t = {}
    for n = 1, 100 do t[n] = n end
    while true do pcall(table.sort, t, function() return true end) end
end
case["sort by __lt"] = function() table.sort({ like("__lt"), like("__lt") }) end
case["load"] = function() load(loop) end
case["load without end"] = function() while true do load(function() return "x = 1 " end) end end

case["__index"] = function() return like("__index").x end
case["__newindex"] = function() like("__newindex").x = 1 end
case["__call"] = function() return like("__call")() end
case["__lt"] = function() return like("__lt") < like("__lt") end
case["__le"] = function() return like("__le") <= like("__le") end
case["__eq"] = function() return like("__eq") == like("__eq") end
case["__concat"] = function() return like("__concat") .. "x" end
case["__len"] = function() return #like("__len") end
case["__unm"] = function() return -like("__unm") end
case["__add"] = function() return like("__add") + 1 end
case["__close"] = function() local _ <close> = like("__close") end
case["__pairs"] = function() for _ in pairs(like("__pairs")) do end end
case["__tostring"] = function() return tostring(like("__tostring")) end
case["__tostring in print"] = function() print(like("__tostring")) end
case["__tostring in format"] = function() return ("%s"):format(like("__tostring")) end
case["__tostring of an error"] = function() error(like("__tostring")) end
case["__index under ipairs"] = function() for _ in ipairs(like("__index")) do end end
case["__index without end under ipairs"] = function()
    for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end
end

return function(name) return case[name]() end
