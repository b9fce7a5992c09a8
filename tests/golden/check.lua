-- Assertions that print one line for each row of a table: `ok <row>` or `FAIL <row>: …`.
local check = {}

-- The host that exists without being declared.
check.HOST = "app:processes"

-- How long anything that must happen may take.
check.PATIENCE = "20s"

-- A value as text: strings in quotes, tables with their fields in order, errors with their kind.
function check.show(value, seen)
    if type(value) == "string" then
        return string.format("%q", value)
    elseif type(value) == "userdata" and type(value.kind) == "function" then
        return "error " .. check.error_text(value)
    elseif type(value) ~= "table" then
        return tostring(value)
    end
    seen = seen or {}
    if seen[value] then
        return "<cycle>"
    end
    seen[value] = true
    local fields = {}
    for key, field in pairs(value) do
        fields[#fields + 1] = "[" .. check.show(key, seen) .. "] = " .. check.show(field, seen)
    end
    seen[value] = nil
    table.sort(fields)
    return "{" .. table.concat(fields, ", ") .. "}"
end

-- An error as `<kind>: <message>`. Unless it is not retryable, the kind has that behind it.
function check.error_text(err)
    if type(err) ~= "userdata" then
        return "no error object but " .. tostring(err)
    end
    local retryable = { [true] = ", retryable", [false] = "" }
    local flag = err:retryable()
    return err:kind() .. (flag == nil and ", retryable nil" or retryable[flag]) .. ": " .. err:message()
end

-- Iterates over a table with string keys, in their order.
function check.sorted(t)
    local keys = {}
    for key in pairs(t) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    local at = 0
    return function()
        at = at + 1
        return keys[at], t[keys[at]]
    end
end

-- The row holds.
function check.ok(row, holds, otherwise)
    if holds then
        print("ok " .. row)
    else
        print("FAIL " .. row .. ": " .. (otherwise or "does not hold"))
    end
end

-- A value is as wanted; tables are compared by their fields, numbers with their types.
function check.equal(row, got, want)
    got, want = check.show(got), check.show(want)
    check.ok(row, got == want, "expected " .. want .. ", got " .. got)
end

-- A call gave `nil, err` (or `false, err`): `check.fails(row, "Invalid: …", process.send())`.
-- The text is that of `check.error_text`.
function check.fails(row, want, ...)
    local value, err = ...
    if value then
        check.ok(row, false, "expected " .. want .. ", got " .. check.show(value))
    else
        local got = check.error_text(err)
        check.ok(row, got == want, "expected " .. want .. ", got " .. got)
    end
end

-- A call gave these results and no error: `check.gives(row, true, process.send(…))`.
function check.gives(row, want, ...)
    local value, err = ...
    if err ~= nil then
        check.ok(row, false, "expected " .. check.show(want) .. ", got " .. check.show(err))
    else
        check.equal(row, value, want)
    end
end

-- A call raises this text, a position in front of it aside.
function check.raises(row, want, call, ...)
    local worked, err = pcall(call, ...)
    local got = tostring(err)
    if worked then
        check.ok(row, false, "expected it to raise " .. want .. ", got " .. check.show(err))
    else
        local bare = got:gsub("^[%w_.:-]+:%d+: ", "")
        check.ok(row, got == want or bare == want, "expected " .. want .. ", got " .. got)
    end
end

-- What a channel yields next; raises when nothing comes.
function check.receive(channel_, what)
    local late = time.after(check.PATIENCE)
    local result = channel.select({ channel_:case_receive(), late:case_receive() })
    if result.channel == late then
        error("no " .. (what or "value") .. " within " .. check.PATIENCE, 2)
    end
    return result.value, result.ok
end

-- The next event; raises when none comes.
function check.event()
    return (check.receive(process.events(), "event"))
end

-- An event is the EXIT (LINK_DOWN) of this process with this value, or with this error text.
function check.ended(row, event, kind, from, value, failure)
    local got = { event.kind, event.from, event.result.value }
    got[4] = event.error and check.error_text(event.error)
    check.equal(row, got, { kind, from, value, failure })
end

-- The next event is the EXIT of this process with a value.
function check.exits(row, pid, value)
    check.ended(row, check.event(), process.event.EXIT, pid, value)
end

-- The next event is the EXIT of this process with an error.
function check.exit_fails(row, pid, failure)
    check.ended(row, check.event(), process.event.EXIT, pid, nil, failure)
end

-- Starts a process that runs a source, and monitors it.
function check.script(source, ...)
    return assert(process.spawn_monitored("golden:script", check.HOST, source, ...))
end

-- A PID that was given out, and whose process is dead.
function check.dead()
    local pid = check.script("return")
    local event = check.event()
    assert(event.kind == process.event.EXIT and event.from == pid, "another event came first")
    return pid
end

return check
