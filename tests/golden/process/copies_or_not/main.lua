-- A process that is a copy behaves as one whose VM is built step by step.
local check = require("check")

local N = 4

-- What N processes of each way of an entry return.
local function results(name, ...)
    local all = {}
    for _, way in ipairs({ "copied", "stepwise" }) do
        for _ = 1, N do
            local pid = assert(process.spawn_monitored("app:" .. name .. "_" .. way, check.HOST, ...))
            local event = check.event()
            assert(event.from == pid)
            if event.error then error(tostring(event.error)) end
            all[#all + 1] = { way = way, value = event.result.value }
        end
    end
    return all
end

local function agree(row, all)
    for n = 2, #all do
        local one, other = check.show(all[1].value), check.show(all[n].value)
        if one ~= other then
            return check.ok(row, false, all[n].way .. " gave " .. other .. " and not " .. one)
        end
    end
    check.ok(row, true)
end

-- Garbage collections between all steps.
local collected = results("collected")
agree("whole after every collection", collected)
print(table.concat(collected[1].value, " "))

-- A memory limit. Blocks lie differently in a copy, so a few strings more or less fit.
local limited = results("limited")
local like = limited[1].value
for _, found in ipairs(limited) do
    local rough = { err = found.value.err }
    for _, which in ipairs({ "first", "second", "third" }) do
        local n, others = found.value[which], like[which]
        local is_alike = n > 0.95 * others and n < 1.05 * others
        rough[which] = is_alike and n > 700 and n < 1024 and "most of 1 MB" or n
    end
    found.value = rough
end
agree("the same fits into 1 MB, again and again", limited)
print(check.show(limited[1].value))

-- Every library, opened before or after the copy.
local opened = results("opened")
agree("all members of all libraries", opened)
check.ok("which are many", #opened[1].value.members > 150, #opened[1].value.members)
opened[1].value.members = nil
print(check.show(opened[1].value))

-- Upgrades, from one way to the other.
local UPGRADES = {
    { "copied", "copied", "copied" }, { "stepwise", "copied", "stepwise" },
    { "copied", "stepwise", "copied" }, { "stepwise", "stepwise", "stepwise" },
}
local ends = {}
for n, ways in ipairs(UPGRADES) do
    local rest = {}
    for i = 2, #ways do
        rest[i - 1] = "app:upgraded_" .. ways[i]
    end
    local pid = assert(process.spawn_monitored("app:upgraded_" .. ways[1], check.HOST, rest))
    for _, topic in ipairs({ "a", "b", "c" }) do
        process.send(pid, topic)
    end
    local event = check.event()
    check.equal("the same process at the end", event.from, pid)
    ends[n] = { way = table.concat(ways, ", "), value = event.result.value }
end
agree("each program of an upgrade starts afresh", ends)
print(table.concat(ends[1].value, " | "))
