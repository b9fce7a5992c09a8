-- Spawns itself for ever; whoever spawned it takes it along.
while true do
    if not process.spawn_linked("hostile.crowd:bomb", "hostile:small") then
        time.sleep("1ms")
    end
end
