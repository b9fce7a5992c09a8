-- A script that does not compile fails the spawn, not the run: it is read when it is spawned.
for _, name in ipairs({ "spawn", "spawn_monitored", "spawn_linked", "spawn_linked_monitored", "exec" }) do
    local pid, err = process[name]("app:broken", "app:processes", function() end)
    print(name, pid, err:kind(), err:retryable(), err)
    pid, err = process[name]("app:broken", "app:processes")
    print(name, pid, err:kind(), err:retryable(), err)
end
print(process.spawn("app:no_file", "app:processes"))
