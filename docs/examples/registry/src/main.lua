-- Finds processes by name: one for each name, started when it is first needed.

local HOST = "app:processes"

--- The counter of this name; started if there is none. However many ask at once, there is one.
local function counter(name)
    return assert(process.with_name("counter." .. name):spawn_monitored("registry:counter", HOST))
end

local function value(name)
    return (assert(process.call("counter." .. name, "value")))
end

local function main()
    local apples = counter("apples")
    print("the same process:", counter("apples") == apples, counter("pears") == apples)

    -- A name is as good as a PID.
    for _ = 1, 3 do process.send("counter.apples", "add", 1) end
    process.send(apples, "add", 10)
    process.send("counter.pears", "add", 5)
    print("values:", value("apples"), value("pears"))

    -- A name belongs to one process at a time.
    local _, err = process.registry.register("counter.apples")
    print("taken:", err, err:kind())

    -- It is free when its process has ended: whoever sees the EXIT finds no trace of it.
    process.terminate(apples)
    process.events():receive()
    print("after its end:", process.registry.lookup("counter.apples"))
    print("sent:", process.send("counter.apples", "add", 1))

    -- The next one starts anew.
    counter("apples")
    print("a new counter:", value("apples"))
end

return { main = main }
