-- Spawns rays, all of them linked to it, and fails when it is told to.

local function main(observer, n_rays)
    local failing = process.listen("fail")
    local rays = {}
    for n = 1, n_rays do
        -- The last ray looks after itself.
        local options = { trap_links = n == n_rays }
        rays[n] = assert(process.with_options(options):spawn_linked("star:ray", "app:processes"))
    end
    process.send(observer, "built", rays)
    failing:receive()
    error("the hub is broken", 0)
end

return { main = main }
