-- Works out one expression after the other. It does not guard against bad ones: it dies of them.

local function main(boss)
    local jobs = process.listen("job")
    while true do
        local job = jobs:receive()
        local value = load("return " .. job.expression, "=expression")()
        process.send(boss, "done", { n = job.n, value = value, worker = process.pid() })
    end
end

return { main = main }
