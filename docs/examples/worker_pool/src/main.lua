-- Deals jobs out to a few workers, and replaces a worker that dies over one.

local HOST = "pool:processes"
local N_WORKERS = 3

local JOBS = {
    "12 + 30", "7 * 6", "100 // 7", "2 ^ 10", "nil + 1", "10 % 4", "1 + 1", "(3 + 4) * 5", "#5", "2 - 5",
}

local function main()
    local events = process.events()
    local done = process.listen("done")
    local job_of = {}       -- worker -> number of the job it has
    local outcomes = {}
    local n_dealt, n_done, n_replaced = 0, 0, 0

    local function deal(worker)
        if n_dealt == #JOBS then return end
        n_dealt = n_dealt + 1
        job_of[worker] = n_dealt
        process.send(worker, "job", { n = n_dealt, expression = JOBS[n_dealt] })
    end

    local function hire()
        deal(assert(process.spawn_monitored("pool:worker", HOST, process.pid())))
    end

    local function finish(n, text)
        outcomes[n] = text
        n_done = n_done + 1
    end

    for _ = 1, N_WORKERS do hire() end
    while n_done < #JOBS do
        local result = channel.select { done:case_receive(), events:case_receive() }
        local it = result.value
        if result.channel == done then
            finish(it.n, "= " .. it.value)
            deal(it.worker)
        elseif it.kind == process.event.EXIT then
            -- It died of its job. What it sent before has been received before.
            finish(job_of[it.from], "failed: " .. it.error:message():match(":1: (.*)"))
            n_replaced = n_replaced + 1
            hire()
        end
    end

    for n, expression in ipairs(JOBS) do print(n, expression, outcomes[n]) end
    print(n_replaced .. " workers were replaced")
end

return { main = main }
