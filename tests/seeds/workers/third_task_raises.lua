local function main(task)
    if task.task_id == 3 then
        error("task 3 is bad")
    end
    return task.value * 2
end

return { main = main }
