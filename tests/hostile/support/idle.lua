-- Waits for ever, and receives nothing.
process.events():receive()
time.sleep("1h")
