return { name = "deeper" }
