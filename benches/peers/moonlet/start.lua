-- Says that it runs, and stays until it is killed.
print("ready")
time.sleep("60s")
