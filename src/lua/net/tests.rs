//! Programs that talk over the loopback interface, run as processes of a real pool.

use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::lua::{
    Catalog, Entry, Environment, HostEntry, LuaBody, Module, Program, UnitSource, arm,
};
use crate::process::{
    Encoded, Exit, Host, HostConfig, Limits, MonitorKey, Observer, Runtime, SpawnRequest, Watch,
    Watcher,
};
use crate::scheduler::{Mode, PoolConfig, STACK_BYTES_MIN, ThreadPool};
use crate::writer::Writer;

const HOST: &str = "app:processes";

/// What a test waits for a program. None comes near it; a program that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// In front of every program.
const PRELUDE: &str = r#"
    local function connected()
        local listener = assert(net.listen("127.0.0.1:0"))
        local client = assert(net.connect(listener:addr()))
        local server = assert(listener:accept())
        return client, server, listener
    end
    local function fails(kind, text, value, err)
        assert(value == nil, "got a value: " .. tostring(value))
        assert(err:kind() == kind, "got " .. err:kind() .. " " .. tostring(err))
        assert(tostring(err):find(text, 1, true), "got text " .. tostring(err))
        return err
    end
"#;

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs `app:main` beside other entries; gives how it ended and what was printed.
fn run_all(entries: &[(&str, &str)]) -> (Exit, String) {
    let pool = ThreadPool::start(PoolConfig {
        name: "test".to_owned(),
        workers: 2,
        slice_ns: 1_000_000,
        preempt_arm: Some(arm),
        when_idle: None,
        rest_after_ns: Some(0),
        mode: Mode::default(),
        thread_stack_bytes: 2 * STACK_BYTES_MIN,
    })
    .unwrap();
    let config = HostConfig {
        id: HOST,
        max_processes: 1 << 20,
        limits: Limits::default(),
        total_memory_bytes: None,
        stop_timeout_ns: 0,
    };
    let runtime = Runtime::new();
    let host = Host::new(config, pool.clone(), runtime.clone());
    runtime.set_failure_log(Box::new(|process, exit, _| {
        let error = exit.error.as_ref().map(|error| error.text().into_owned());
        println!("{process:?} failed: {}", error.unwrap_or_default());
    }));
    let printed = Printed::default();
    let env = Arc::new(Environment {
        catalog: Catalog::default(),
        output: Writer::new("stdout", 0, printed.clone()).unwrap(),
        started: Instant::now(),
    });
    env.catalog.add_host(HOST, HostEntry::Running(host.clone()));
    for (name, text) in entries {
        env.catalog.add_entry(format!("app:{name}"), Entry::Program(compile(name, text)));
    }
    let (tell, told) = mpsc::channel();
    let observer = Observer::new(move |_, exit| tell.send(exit.clone()).unwrap());
    let program = compile("main", entries[0].1);
    let request = SpawnRequest {
        entry: program.id(),
        body: Box::new(LuaBody::new(env.clone(), program, Encoded::default(), Limits::default())),
        limits: Limits::default(),
        trap_links: false,
        name: None,
        messages: Vec::new(),
        watch: Watch::Outside(Watcher::Outside(observer, MonitorKey { watcher: 0, id: 1 })),
        link: false,
    };
    runtime.spawn(&host, request, None, host.pool().outside()).unwrap();
    let exit = told.recv_timeout(PATIENCE).expect("the program ends");
    assert!(env.output.flush(Duration::from_secs(60)));
    pool.shutdown();
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (Exit::clone(&exit), text)
}

fn compile(name: &str, text: &str) -> Arc<Program> {
    let unit = UnitSource {
        id: format!("app:{name}"),
        text: format!("{PRELUDE} return function(...) {text}\nend").into_bytes().into(),
        modules: vec![Module::Net],
        imports: Vec::new(),
    };
    Program::compile(vec![unit], "main", Limits::default()).unwrap()
}

/// Runs a program that must end well; gives what it printed.
fn run(text: &str) -> String {
    run_with(text, &[])
}

fn run_with(text: &str, others: &[(&str, &str)]) -> String {
    let entries: Vec<_> = [("main", text)].into_iter().chain(others.iter().copied()).collect();
    let (exit, printed) = run_all(&entries);
    if let Some(error) = &exit.error {
        panic!("{}\n{}", error.text(), String::from_utf8_lossy(&error.stack));
    }
    printed
}

#[test]
fn two_coroutines_talk_over_a_connection() {
    let printed = run(r#"
        local listener = net.listen("127.0.0.1:0")
        coroutine.spawn(function()
            local conn = listener:accept()
            while true do
                local data = conn:read()
                if not data then break end
                conn:write(data)
            end
            conn:close()
        end)
        local conn = net.connect(listener:addr())
        for i = 1, 3 do
            conn:write("hello " .. i)
            print(conn:read())
        end
        conn:shutdown()
        print(conn:read())
    "#);
    assert_eq!(printed, "hello 1\nhello 2\nhello 3\nnil\n");
}

#[test]
fn two_processes_talk_over_a_connection() {
    let server = r#"
        local main = ...
        local listener = net.listen("127.0.0.1:0")
        process.send(main, "addr", listener:addr())
        local conn = listener:accept()
        conn:write("you are " .. conn:peer_addr())
    "#;
    run_with(
        r#"
        local addr = process.listen("addr")
        process.spawn("app:server", "app:processes", process.pid())
        local conn = assert(net.connect((addr:receive())))
        assert(conn:read_exact(8) == "you are ")
        assert(conn:read(nil, "1m") == conn:local_addr())
        assert(conn:read() == nil)
    "#,
        &[("server", server)],
    );
}

#[test]
fn reads_share_what_was_received() {
    run(r#"
        local client, server = connected()
        client:write("one\r\ntwo\nabcdefgh\n\nlast")
        client:shutdown()
        assert(server:read_line() == "one")
        assert(server:read_exact(2) == "tw")
        assert(server:read_line() == "o")
        assert(server:read_exact(0) == "")
        assert(server:read(3) == "abc")
        assert(server:read_line() == "defgh")
        assert(server:read_line() == "")
        assert(server:read_line() == "last")
        assert(server:read_line() == nil)
        assert(server:read() == nil)
    "#);
}

#[test]
fn a_stream_that_ends_early_is_an_error_of_read_exact_and_loses_nothing() {
    run(r#"
        local client, server = connected()
        client:write("abc")
        client:close()
        local err = fails("Unavailable", "connection closed", server:read_exact(4))
        assert(err:retryable() == true)
        assert(server:read() == "abc")
        assert(server:read() == nil)
    "#);
}

#[test]
fn a_half_closed_connection_still_reads() {
    run(r#"
        local client, server = connected()
        assert(client:shutdown() == true)
        assert(client:shutdown() == true)
        assert(server:read() == nil)
        fails("Canceled", "closed for writing", client:write("x"))
        server:write("late")
        server:close()
        assert(client:read() == "late")
        assert(client:read() == nil)
    "#);
}

#[test]
fn lines_have_a_limit_and_the_connection_survives_it() {
    run(r#"
        local client, server = connected()
        coroutine.spawn(function()
            client:write(("x"):rep(65536) .. "\r\n" .. ("y"):rep(65537) .. "\n")
            client:shutdown()
        end)
        assert(server:read_line() == ("x"):rep(65536))
        fails("LimitExceeded", "line longer than 65536 bytes", server:read_line())
        assert(server:read_exact(65538) == ("y"):rep(65537) .. "\n")
        assert(server:read_line() == nil)
    "#);
}

#[test]
fn a_time_limit_leaves_the_connection_and_its_bytes() {
    run(r#"
        local client, server, listener = connected()
        fails("Timeout", "accept timed out after 1ms", listener:accept("1ms"))
        fails("Timeout", "read timed out after 1ms", server:read(nil, "1ms"))
        fails("Timeout", "read timed out after 0s", server:read(nil, 0))
        client:write("ab")
        fails("Timeout", "read_exact timed out after 1ms", server:read_exact(3, "1ms"))
        fails("Timeout", "read_line timed out", server:read_line("1ms"))
        client:write("c")
        assert(server:read_exact(3) == "abc")
        local err = fails("Timeout", "read timed out", server:read(1, 1000))
        assert(err:retryable() == false)
    "#);
}

#[test]
fn a_write_that_is_not_done_tells_how_far_it_got() {
    run(r#"
        local client, server = connected()
        local much = ("0123456789abcdef"):rep(1 << 20)
        local err = fails("Timeout", "write timed out after 1ms", client:write(much, "1ms"))
        local written = err:details().written
        assert(written > 0 and written < #much)
        assert(server:read_exact(written) == much:sub(1, written))
        assert(client:write("end"))
        assert(server:read() == "end")
    "#);
}

#[test]
fn a_write_goes_on_until_the_peer_has_read_all() {
    run(r#"
        local client, server = connected()
        local much = ("0123456789abcdef"):rep(1 << 19)
        local done = channel.new()
        coroutine.spawn(function() done:send(client:write(much)) end)
        assert(server:read_exact(#much) == much)
        assert(done:receive() == true)
    "#);
}

#[test]
fn one_coroutine_reads_and_one_writes_at_a_time() {
    run(r#"
        local client, server = connected()
        local much = ("x"):rep(1 << 24)
        local got = channel.new(2)
        coroutine.spawn(function() got:send(server:read()) end)
        fails("Conflict", "connection is being read", server:read())
        fails("Conflict", "connection is being read", server:read_line())
        coroutine.spawn(function() got:send(server:write(much)) end)
        local err = fails("Conflict", "connection is being written", server:write("y"))
        assert(err:details().written == 0)
        fails("Conflict", "connection is being written", server:shutdown())
        client:write("hello")
        assert(got:receive() == "hello")
        assert(#client:read_exact(#much) == #much)
        assert(got:receive() == true)
        assert(server:write("y"))
    "#);
}

#[test]
fn closing_ends_the_calls_that_wait() {
    run(r#"
        local client, server, listener = connected()
        local ended = channel.new(8)
        local function waits(call)
            coroutine.spawn(function()
                local value, err = call()
                ended:send(err)
            end)
        end
        waits(function() return listener:accept() end)
        waits(function() return listener:accept("1m") end)
        waits(function() return server:read() end)
        waits(function() return server:write(("x"):rep(1 << 24), "1m") end)
        assert(server:close() == true and server:close() == true)
        assert(listener:close() == true and listener:close() == true)
        for i = 1, 4 do
            local err = fails("Canceled", "closed", nil, (ended:receive()))
            assert((err:details() == nil) == (i ~= 2))
            if i == 2 then assert(err:details().written > 0) end
        end
        fails("Canceled", "closed", server:read())
        fails("Canceled", "closed", server:write("x"))
        fails("Canceled", "closed", server:peer_addr())
        fails("Canceled", "closed", server:shutdown())
        fails("Canceled", "closed", server:give(process.pid()))
        fails("Canceled", "closed", listener:accept())
        fails("Canceled", "closed", listener:addr())
    "#);
}

#[test]
fn accepts_are_served_in_the_order_of_their_calls() {
    run(r#"
        local listener = net.listen("127.0.0.1:0")
        local order = channel.new(3)
        for i = 1, 3 do
            coroutine.spawn(function()
                local conn = listener:accept()
                order:send(i .. conn:read())
            end)
        end
        for i = 1, 3 do
            local conn = net.connect(listener:addr())
            conn:write("x")
            assert(order:receive() == i .. "x")
        end
    "#);
}

#[test]
fn a_connection_moves_to_another_process_with_what_it_has_received() {
    let worker = r#"
        local kind, main = ...
        if kind == "plain" then
            local conn = process.listen("net.conn"):receive()
            conn:write("plain " .. conn:read_line())
        else
            local msg = process.inbox():receive()
            assert(msg:topic() == "net.conn" and msg:from() == main)
            local conn = msg:payload():data()
            assert(conn == msg:payload():data())
            conn:write("message " .. conn:read_line())
            local ok, err = process.send(main, "back", conn)
            assert(ok == nil and err:kind() == "Invalid")
        end
    "#;
    run_with(
        r#"
        for _, kind in ipairs({ "plain", "message" }) do
            local client, server = connected()
            client:write("first\nsecond\n")
            assert(server:read_line() == "first")
            local waits = channel.new(1)
            coroutine.spawn(function() waits:send((select(2, server:read_exact(100)))) end)
            local pid = process.spawn("app:worker", "app:processes", kind, process.pid())
            assert(server:give(pid) == true)
            fails("Canceled", "closed", nil, (waits:receive()))
            fails("Canceled", "closed", server:read())
            assert(client:read_exact(#kind + 7) == kind .. " second")
            assert(client:read() == nil)
        end
    "#,
        &[("worker", worker)],
    );
}

#[test]
fn a_connection_that_nobody_takes_stays_or_closes() {
    run_with(
        r#"
        local client, server = connected()
        fails("NotFound", "could not resolve 'nobody'", server:give("nobody"))
        client:write("still here")
        assert(server:read() == "still here")
        -- Dropped with the messages of a process that does not receive them.
        process.registry.register("main")
        local pid = process.spawn("app:deaf", "app:processes")
        assert(server:give(pid))
        process.terminate(pid)
        assert(client:read() == nil)
    "#,
        &[("deaf", "process.listen('never'):receive()")],
    );
}

#[test]
fn a_refused_gift_stays_usable_and_its_waiters_wait_on() {
    run_with(
        r#"
        local client, server = connected()
        local full = process.with_options({ mailbox = { max_messages = 1 } })
            :spawn("app:deaf", "app:processes")
        assert(process.send(full, "fill"))
        local got = channel.new(1)
        coroutine.spawn(function() got:send(server:read()) end)
        fails("RateLimited", "mailbox full", server:give(full))
        client:write("hello")
        assert(got:receive() == "hello")
    "#,
        &[("deaf", "process.listen('never'):receive()")],
    );
}

#[test]
fn sockets_close_with_their_process() {
    run_with(
        r#"
        local addr = process.listen("addr")
        local pid = process.spawn("app:server", "app:processes", process.pid())
        local at = addr:receive()
        local conn = net.connect(at)
        assert(conn:read() == "hello")
        process.terminate(pid)
        assert(conn:read() == nil)
        fails("Unavailable", "connect " .. at .. ": connection refused", net.connect(at))
    "#,
        &[(
            "server",
            r#"
            local listener = net.listen("127.0.0.1:0")
            process.send(..., "addr", listener:addr())
            local conn = listener:accept()
            conn:write("hello")
            conn:read()
        "#,
        )],
    );
}

#[test]
fn a_collected_socket_closes() {
    run(r#"
        local client = connected()
        collectgarbage()
        assert(client:read() == nil)
    "#);
}

#[test]
fn a_closed_variable_closes_its_socket() {
    run(r#"
        local client, server = connected()
        do
            local conn <close> = server
        end
        assert(client:read() == nil)
    "#);
}

#[test]
fn a_reset_is_an_error_and_then_the_end() {
    run(r#"
        local client, server = connected()
        client:write("unread")
        -- The system resets a connection that is closed with bytes left unread.
        server:close()
        local err = fails("Unavailable", "connection reset by peer", client:read())
        assert(err:retryable() == true)
        assert(client:read() == nil)
    "#);
}

#[test]
fn writing_to_a_peer_that_is_gone_fails() {
    run(r#"
        local client, server = connected()
        server:close()
        local value, err
        repeat value, err = client:write("x") until not value
        assert(err:kind() == "Unavailable" and err:details().written == 0, tostring(err))
    "#);
}

#[test]
fn a_taken_address_is_told() {
    run(r#"
        local listener = net.listen("127.0.0.1:0")
        local addr = listener:addr()
        fails("AlreadyExists", "listen " .. addr .. ": address in use", net.listen(addr))
        listener:close()
        assert(net.listen(addr))
        local first = net.listen("127.0.0.1:0", { reuse_port = true, backlog = 1 })
        assert(net.listen(first:addr(), { reuse_port = true }))
    "#);
}

#[test]
fn wrong_arguments_are_refused() {
    run(r#"
        for _, call in ipairs({ net.connect, net.listen }) do
            fails("Invalid", "invalid address `here`: expected host:port", call("here"))
            fails("Invalid", "invalid address", call("127.0.0.1:99999"))
            fails("Invalid", "option bogus is not supported", call("127.0.0.1:0", { bogus = 1 }))
            fails("Invalid", "options parameter must be a table", call("127.0.0.1:0", 5))
            assert(not pcall(call))
            assert(not pcall(call, {}))
        end
        fails("Invalid", "backlog", net.listen("127.0.0.1:0", { backlog = 0 }))
        fails("Invalid", "reuse_port", net.listen("127.0.0.1:0", { reuse_port = 1 }))
        fails("Invalid", "duration", net.connect("127.0.0.1:1", { timeout = "soon" }))
        local client, server, listener = connected()
        fails("Invalid", "duration must be number or string", listener:accept({}))
        fails("Invalid", "time: unknown unit", client:read(1, "1d"))
        for _, n in ipairs({ 0, -1, 1.5 }) do
            fails("Invalid", "invalid number of bytes `" .. n .. "`", client:read(n))
        end
        fails("Invalid", "invalid number of bytes", client:read_exact(-1))
        local _, err = pcall(client.read, listener)
        assert(tostring(err):find("Conn expected, got Listener", 1, true), err)
        _, err = pcall(client.read, client, "x")
        assert(tostring(err):find("number expected, got string", 1, true), err)
        _, err = pcall(client.write, client, {})
        assert(tostring(err):find("string expected, got table", 1, true), err)
        assert(client:write("") == true)
    "#);
}

#[test]
fn names_are_looked_up() {
    run(r#"
        local listener = assert(net.listen("localhost:0"))
        local port = listener:addr():match(":(%d+)$")
        local client = assert(net.connect("localhost:" .. port, { timeout = "1m" }))
        local server = assert(listener:accept())
        assert(client:peer_addr() == listener:addr())
        client:close()
        assert(server:read() == nil)
        fails("Timeout", "connect timed out after 0s", net.connect("localhost:1", { timeout = 0 }))
    "#);
}

#[test]
fn a_wait_stops_only_its_coroutine_and_ends_at_a_kill() {
    run_with(
        r#"
        local client, server = connected()
        local ticks = 0
        coroutine.spawn(function()
            while ticks < 3 do time.sleep("1ms") ticks = ticks + 1 end
            client:write("go")
        end)
        assert(server:read() == "go" and ticks == 3)
        local pid = process.spawn_monitored("app:stuck", "app:processes")
        process.terminate(pid)
        assert(process.events():receive().result.error)
    "#,
        &[("stuck", "net.listen('127.0.0.1:0'):accept()")],
    );
}

#[test]
fn nothing_waits_where_the_caller_cannot_be_suspended() {
    run(r#"
        local client, server = connected()
        local t = setmetatable({}, { __tostring = function() return server:read() end })
        local function text() return (tostring(t)) end
        local ok, err = pcall(text)
        assert(not ok and tostring(err):find("cannot wait in 'read' inside C function 'tostring'", 1, true), err)
        client:write("there")
        -- What is there already needs no wait.
        while select(2, server:read(0)) and not pcall(text) do end
    "#);
}

#[test]
fn a_thousand_connections_echo_side_by_side() {
    let printed = run_with(
        r#"
        local listener = net.listen("127.0.0.1:0", { backlog = 4096 })
        coroutine.spawn(function()
            while true do
                local conn = listener:accept()
                if not conn then break end
                conn:give(process.spawn("app:echo", "app:processes"))
            end
        end)
        local done = channel.new(100)
        for i = 1, 100 do
            coroutine.spawn(function()
                local conn = assert(net.connect(listener:addr()))
                for round = 1, 10 do
                    local text = i .. "/" .. round
                    conn:write(text .. "\n")
                    assert(conn:read_line() == text)
                end
                conn:close()
                done:send(true)
            end)
        end
        for i = 1, 100 do done:receive() end
        listener:close()
        print("done")
    "#,
        &[(
            "echo",
            r#"
            local conn = process.listen("net.conn"):receive()
            for line in function() return conn:read_line() end do conn:write(line .. "\n") end
        "#,
        )],
    );
    assert_eq!(printed, "done\n");
}

#[test]
fn a_program_that_waits_for_a_socket_is_not_deadlocked_but_one_without_is() {
    let (exit, _) = run_all(&[(
        "main",
        r#"
        local client, server = connected()
        coroutine.spawn(function() server:read() end)
        client:close()
        channel.new():receive()
    "#,
    )]);
    let error = exit.error.expect("nothing is left that could wake it");
    assert_eq!(error.text(), "all coroutines blocked with no pending operations");
}

const FEW_DESCRIPTORS: &str = "MOONLET_TEST_FEW_DESCRIPTORS";

fn n_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs in an OS process of its own: the limit and the count are those of the whole process.
#[test]
fn a_listener_survives_a_lack_of_descriptors_and_none_is_lost() {
    if std::env::var_os(FEW_DESCRIPTORS).is_none() {
        let name = "lua::net::tests::a_listener_survives_a_lack_of_descriptors_and_none_is_lost";
        let status = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args([name, "--exact"])
            .env(FEW_DESCRIPTORS, "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let program = r#"
        local listener = net.listen("127.0.0.1:0")
        local at = listener:addr()
        local clients, err = {}
        while true do
            local client
            client, err = net.connect(at)
            if not client then break end
            clients[#clients + 1] = client
        end
        fails("Unavailable", "connect " .. at .. ": out of file descriptors", nil, err)
        err = fails("Unavailable", "accept on " .. at .. ": out of file descriptors", listener:accept())
        assert(err:retryable() == true)
        for i = 1, 3 do
            table.remove(clients):close()
            assert(listener:accept()):close()
        end
        clients[1]:write("x")
    "#;
    run(program);
    let n = n_descriptors();
    run(program);
    assert_eq!(n_descriptors(), n);
}
