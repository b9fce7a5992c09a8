-- Ticks every five milliseconds.
local watcher = ...
while true do
    time.sleep("5ms")
    process.send(watcher, "tick")
end
