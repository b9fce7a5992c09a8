runs = (runs or 0) + 1
return { text = "library", runs = runs }
