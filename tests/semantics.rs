//! The promises of `docs/SEMANTICS.md`, each as a program that ends with an error if it is broken.
//!
//! A program is two files: `main.lua` runs, and finds the other as `app:child`. Its first line
//! makes the names `HOST`, `child` (spawns the child, monitored) and `exit` (waits for one EXIT)
//! known.

use std::process::Command;

const PRELUDE: &str = "\
local HOST = 'app:processes' \
local function child(...) return assert(process.spawn_monitored('app:child', HOST, ...)) end \
local function exit() \
  local e = process.events():receive() assert(e.kind == process.event.EXIT, e.kind) return e \
end ";

/// Runs a program with one worker and with four; its assertions are the test.
#[track_caller]
fn holds(main: &str, child: &str) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    write("main.lua", &format!("{PRELUDE}{}", main.trim_start()));
    write("child.lua", child.trim_start());
    for workers in ["1", "4"] {
        let output = Command::new(snapbox::cmd::cargo_bin!("moonlet"))
            .args(["run", "main.lua", "--workers", workers])
            .current_dir(dir.path())
            .output()
            .expect("the command runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "with {workers} workers:\n{stderr}");
    }
}

// ---- values

#[test]
fn what_crosses_is_a_copy() {
    holds(
        "
        local sent = { list = { 1, 2.0, 'three' } }
        sent.again, sent.self = sent.list, sent
        local pid = child()
        process.send(pid, 'value', sent)
        sent.list[1] = 'changed later'
        assert(exit().result.value == 'as it was')
        ",
        "
        local got = process.listen('value'):receive()
        assert(got.list[1] == 1 and math.type(got.list[2]) == 'float' and got.list[3] == 'three')
        assert(got.again == got.list and got.self == got)
        return 'as it was'
        ",
    );
}

#[test]
fn what_belongs_to_a_process_is_refused_with_its_place() {
    holds(
        "
        local sent, err = process.send(process.pid(), 't', { jobs = { 1, print } })
        assert(not sent and err:kind() == errors.INVALID)
        assert(err:message() == 'cannot send a function (argument 1.jobs[2])', err:message())
        ",
        "",
    );
}

#[test]
fn globals_and_libraries_belong_to_the_process() {
    holds(
        "
        child('change')
        assert(exit().result.value == 'changed')
        child('look')
        assert(exit().result.value == 'as ever')
        assert(string.upper('a') == 'A' and shared == nil)
        assert(not pcall(function() process.send = nil end))
        assert(not pcall(function() process.event.EXIT = 'x' end))
        ",
        "
        if ... == 'look' then return string.upper('a') == 'A' and shared == nil and 'as ever' end
        shared = 1
        string.upper = function() return 'b' end
        getmetatable('').__index = { upper = string.upper }
        return ('a'):upper() == 'b' and 'changed'
        ",
    );
}

// ---- order and delivery

#[test]
fn signals_of_one_sender_arrive_in_order() {
    holds(
        "
        local pid = child(process.pid())
        local inbox = process.inbox()
        for n = 1, 1000 do
            local message = inbox:receive()
            assert(message:payload():data() == n and message:topic() == 'topic ' .. n % 7)
        end
        assert(exit().from == pid)
        ",
        "
        local parent = ...
        for n = 1, 1000 do process.send(parent, 'topic ' .. n % 7, n) end
        ",
    );
}

#[test]
fn an_exit_comes_after_all_that_the_process_sent() {
    holds(
        "
        local got = process.listen('n')
        for _ = 1, 50 do
            child(process.pid())
            exit()
            for n = 1, 20 do
                local result = channel.select { got:case_receive(), default = true }
                assert(result.value == n)
            end
        end
        ",
        "
        local parent = ...
        for n = 1, 20 do process.send(parent, 'n', n) end
        error('boom')
        ",
    );
}

#[test]
fn what_is_sent_after_a_spawn_comes_after_the_messages_of_the_builder() {
    holds(
        "
        local pid = assert(process.with_message('n', 1):with_message('n', 2)
            :spawn_monitored('app:child', HOST))
        process.send(pid, 'n', 3)
        assert(exit().result.value == '1 2 3')
        ",
        "
        local n = process.listen('n')
        local a, b, c = (n:receive()), (n:receive()), (n:receive())
        return a .. ' ' .. b .. ' ' .. c
        ",
    );
}

#[test]
fn a_message_belongs_to_the_channel_that_is_open_when_it_is_received() {
    holds(
        "
        local me = process.pid()
        process.send(me, 'early', 1)
        local inbox, early = process.inbox(), process.listen('early')
        assert(early:receive() == 1)
        process.send(me, 'early', 2)
        process.unlisten(early)
        assert(inbox:receive():payload():data() == 2)
        ",
        "",
    );
}

#[test]
fn select_takes_the_first_ready_case_of_its_table() {
    holds(
        "
        local me = process.pid()
        local a, b = process.listen('a'), process.listen('b')
        for n = 1, 100 do
            process.send(me, 'b', n)
            process.send(me, 'a', n)
            assert(channel.select { a:case_receive(), b:case_receive() }.channel == a)
            assert(channel.select { a:case_receive(), b:case_receive() }.channel == b)
        end
        ",
        "",
    );
}

#[test]
fn a_send_to_what_is_dead_is_refused() {
    holds(
        "
        local pid = child()
        exit()
        local sent, err = process.send(pid, 't', 1)
        assert(not sent and err:kind() == errors.NOT_FOUND)
        assert(err:message() == 'process not found: ' .. pid)
        ",
        "return 1",
    );
}

// ---- monitors and ends

#[test]
fn every_monitor_brings_exactly_one_exit() {
    holds(
        "
        local alive = {}
        for n = 1, 200 do alive[child(n)] = n end
        for _ = 1, 200 do
            local event = exit()
            local n = assert(alive[event.from], 'a second one')
            alive[event.from] = nil
            if n % 2 == 0 then
                assert(event.result.value == n and event.error == nil)
            else
                assert(event.result.value == nil and event.error:message() == 'odd')
            end
        end
        assert(channel.select { process.events():case_receive(), default = true }.default)
        ",
        "
        local n = ...
        if n % 2 == 0 then return n end
        error('odd', 0)
        ",
    );
}

#[test]
fn a_removed_monitor_brings_no_exit() {
    holds(
        "
        local pid, other = child(), child()
        assert(process.unmonitor(pid))
        process.terminate(pid)
        process.terminate(other)
        assert(exit().from == other)
        -- Both were asked in turn, and the first is dead for all that the events tell.
        local result = channel.select { process.events():case_receive(), time.after('20ms'):case_receive() }
        assert(result.channel ~= process.events())
        ",
        "process.inbox():receive()",
    );
}

#[test]
fn who_sees_an_exit_finds_the_pid_dead_and_its_names_free() {
    holds(
        "
        for _ = 1, 100 do
            local pid = assert(process.with_name('one'):spawn_monitored('app:child', HOST))
            process.send(pid, 'end')
            exit()
            assert(not process.send(pid, 't'))
            assert(not process.registry.lookup('one'))
            assert(process.registry.register('one'))
            assert(process.registry.unregister('one'))
        end
        ",
        "process.inbox():receive()",
    );
}

#[test]
fn an_exit_comes_before_the_link_down_of_the_same_end() {
    holds(
        "
        process.set_options { trap_links = true }
        local pid = assert(process.spawn_linked_monitored('app:child', HOST))
        local first, second = process.events():receive(), process.events():receive()
        assert(first.kind == process.event.EXIT and second.kind == process.event.LINK_DOWN)
        assert(first.from == pid and second.from == pid)
        assert(tostring(second.error) == 'boom')
        ",
        "error('boom', 0)",
    );
}

#[test]
fn close_variables_run_at_an_end_but_not_at_a_kill() {
    holds(
        "
        local closed = process.listen('closed')
        local function n_closed(how)
            local pid = child(process.pid(), how)
            if how == 'wait' then
                process.listen('ready'):receive()
                process.terminate(pid)
            end
            exit()
            local result = channel.select { closed:case_receive(), default = true }
            return result.default and 0 or 1
        end
        assert(n_closed('return') == 1)
        assert(n_closed('error') == 1)
        assert(n_closed('wait') == 0)
        ",
        "
        local parent, how = ...
        local guard <close> = setmetatable({}, { __close = function()
            time.sleep('1ms')
            process.send(parent, 'closed')
        end })
        if how == 'error' then error('boom') end
        if how == 'wait' then
            process.send(parent, 'ready')
            process.inbox():receive()
        end
        ",
    );
}

#[test]
fn the_first_reason_to_end_is_the_one_that_shows() {
    holds(
        "
        local pid = child()
        process.terminate(pid)
        process.cancel(pid, 0)
        process.terminate(pid)
        assert(exit().error:message() == 'process terminated')

        pid = child()
        process.cancel(pid, 0)
        process.terminate(pid)
        assert(exit().error:kind() == errors.CANCELED)
        ",
        "process.inbox():receive()",
    );
}

#[test]
fn an_error_in_any_coroutine_ends_the_process() {
    holds(
        "
        child()
        assert(exit().error:message():find('boom'))
        ",
        "
        coroutine.spawn(function() time.sleep('1ms') error('boom') end)
        process.inbox():receive()
        ",
    );
}

#[test]
fn a_process_that_nothing_can_wake_fails() {
    holds(
        "
        child()
        assert(exit().error:message() == 'all coroutines blocked with no pending operations')
        ",
        "channel.new():receive()",
    );
}

// ---- links

#[test]
fn the_failure_of_either_end_of_a_link_reaches_the_other() {
    holds(
        "
        local a, b = child(), child()
        process.send(a, 'link', b)
        process.listen('linked'):receive()
        process.terminate(b)
        local ends = { [exit().from] = true, [exit().from] = true }
        assert(ends[a] and ends[b])

        a, b = child(), child()
        process.send(a, 'link', b)
        process.listen('linked'):receive()
        process.terminate(a)
        local first, second = exit(), exit()
        assert(first.from == a and second.from == b)
        assert(second.error:message() == 'linked process failed')
        ",
        "
        local message = process.inbox():receive()
        assert(process.link(message:payload():data()))
        process.send(message:from(), 'linked')
        process.events():receive()
        ",
    );
}

#[test]
fn a_normal_end_leaves_linked_processes_alone() {
    holds(
        "
        assert(process.spawn_linked('app:child', HOST, 'end'))
        local pid = assert(process.spawn_linked('app:child', HOST, 'middle', process.pid()))
        local other = process.listen('other'):receive()
        process.monitor(pid)
        process.send(pid, 'end')
        assert(exit().from == pid)
        assert(process.send(other, 'still there'))
        ",
        "
        local role, root = ...
        if role == 'middle' then
            process.send(root, 'other', process.spawn_linked('app:child', 'app:processes', 'leaf'))
        end
        if role ~= 'end' then process.inbox():receive() end
        ",
    );
}

#[test]
fn a_removed_link_kills_nobody() {
    holds(
        "
        local pid = assert(process.spawn_linked_monitored('app:child', HOST))
        assert(process.unlink(pid))
        process.terminate(pid)
        assert(exit().from == pid)
        time.sleep('10ms')
        ",
        "process.inbox():receive()",
    );
}

// ---- cancel

#[test]
fn a_cancel_interrupts_nothing() {
    holds(
        "
        local pid = child()
        assert(process.cancel(pid, { reason = 'please' }))
        process.send(pid, 'end')
        assert(exit().result.value == 'did not look')
        ",
        "process.inbox():receive() return 'did not look'",
    );
}

#[test]
fn a_deadline_ends_a_sleep_a_loop_and_a_pcall() {
    holds(
        "
        for _, how in ipairs { 'sleep', 'loop', 'pcall', 'sort' } do
            local pid = child(how)
            assert(process.cancel(pid, '20ms'))
            local err = exit().error
            assert(err:kind() == errors.CANCELED, how)
            assert(err:message() == 'process terminated: cancel deadline of 20ms exceeded')
        end
        ",
        "
        local how = ...
        if how == 'sleep' then time.sleep('1h') end
        if how == 'loop' then while true do end end
        if how == 'sort' then table.sort({ 3, 2, 1 }, function() while true do end end) end
        while true do pcall(function() while true do end end) end
        ",
    );
}

#[test]
fn of_several_deadlines_the_earliest_counts() {
    holds(
        "
        local pid = child()
        process.cancel(pid, '1h')
        process.cancel(pid, '20ms')
        process.cancel(pid)
        process.cancel(pid, '2h')
        assert(exit().error:message():find('deadline of 20ms exceeded'))
        ",
        "process.inbox():receive()",
    );
}

// ---- slices, timers

#[test]
fn an_endless_loop_does_not_stop_its_neighbours() {
    holds(
        "
        local loops = {}
        for n = 1, 8 do loops[n] = child() end
        for n = 1, 20 do time.sleep('1ms') end
        for _, pid in ipairs(loops) do process.terminate(pid) end
        for _ in ipairs(loops) do assert(exit().error:message() == 'process terminated') end
        ",
        "while true do pcall(string.rep, 'x', 1000) end",
    );
}

#[test]
fn a_pattern_that_never_ends_does_not_stop_its_neighbours() {
    holds(
        "
        local matches = {}
        for n = 1, 9 do matches[n] = child(n) end
        for n = 1, 20 do time.sleep('1ms') end
        for n, pid in ipairs(matches) do
            if n % 2 == 0 then process.terminate(pid) else assert(process.cancel(pid, '5ms')) end
        end
        for _ in ipairs(matches) do
            assert(exit().error:message():find('^process terminated'))
        end
        ",
        "
        local s, x = ('a'):rep(400), ('x'):rep(1e6)
        local calls = {
            function() return s:find('.-.-.-.-b$') end,
            function() return s:match('.*.*.*.*b') end,
            function() return s:gsub('.-.-.-.-b$', '') end,
            function() return s:gmatch('.-.-.-.-b$')() end,
            function() return x:find('x*y') end,
            function() return ('('):rep(1e6):find('%b()') end,
            function() return ('x '):rep(1e6):gsub('%f[x].-z', '') end,
            function() return x:match('(x*)%1y') end,
            function() return x:find(('x'):rep(5e5) .. 'y', 1, true) end,
        }
        while true do pcall(calls[...]) end
        ",
    );
}

#[test]
fn a_replacement_beyond_the_memory_limit_is_refused_before_it_is_made() {
    holds(
        "
        for n = 1, 4 do
            local pid = process.with_options({ memory_limit = 2 << 20 })
                :spawn_monitored('app:child', HOST, n)
            assert(pid)
            assert(exit().result.value == 'not enough memory')
        end
        ",
        "
        local s = ('x'):rep(100000)
        local with = {
            s,
            '%0%0' .. s,
            function() return s end,
            { x = s },
        }
        local ok, err = pcall(string.gsub, s, 'x', with[...])
        assert(not ok)
        return err
        ",
    );
}

#[test]
fn nothing_fires_early() {
    holds(
        "
        local done = channel.new()
        local began = os.clock()
        for _, ms in ipairs { 30, 10, 20 } do
            coroutine.spawn(function()
                time.sleep(ms * time.MILLISECOND)
                done:send(os.clock() - began >= ms / 1000)
            end)
        end
        for _ = 1, 3 do assert(done:receive()) end
        ",
        "",
    );
}

// ---- names, calls

#[test]
fn however_many_want_a_name_one_process_has_it() {
    holds(
        "
        local holders = process.listen('holder')
        for _ = 1, 50 do child(process.pid()) end
        local holder = holders:receive()
        for _ = 2, 50 do assert(holders:receive() == holder) end
        process.send(holder, 'end')
        ",
        "
        local root = ...
        if not root then process.inbox():receive() return end
        local pid = assert(process.with_name('only one'):spawn('app:child', 'app:processes'))
        process.send(root, 'holder', pid)
        ",
    );
}

#[test]
fn a_call_ends_with_an_answer_an_error_or_the_end_of_its_time() {
    holds(
        "
        local pid = child()
        assert(process.call(pid, 'double', 21) == 42)
        local _, err = process.call(pid, 'refuse')
        assert(err:message() == 'no' and err:kind() == errors.INTERNAL, err:kind())
        _, err = process.call(pid, 'ignore', nil, '10ms')
        assert(err:kind() == errors.TIMEOUT and err:message() == 'no reply within 10ms')
        _, err = process.call(pid, 'end')
        assert(err:kind() == errors.UNAVAILABLE)
        ",
        "
        local inbox = process.inbox()
        while true do
            local message = inbox:receive()
            local topic = message:topic()
            if topic == 'double' then message:reply(2 * message:payload():data()) end
            if topic == 'refuse' then message:reply(nil, 'no') end
            if topic == 'end' then return end
        end
        ",
    );
}

// ---- limits

#[test]
fn who_exceeds_its_memory_fails_alone() {
    holds(
        "
        local pid = assert(process.with_options { memory_limit = '2MB' }
            :spawn_monitored('app:child', HOST))
        local err = exit().error
        assert(err:kind() == errors.LIMIT_EXCEEDED)
        assert(err:message() == 'memory limit of 2MB exceeded', err:message())
        ",
        "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
    );
}

#[test]
fn a_full_mailbox_does_what_its_policy_says() {
    holds(
        "
        local function fill(on_full)
            local pid = assert(process.with_options { mailbox = { max_messages = 2, on_full = on_full } }
                :spawn_monitored('app:child', HOST, process.pid()))
            process.listen('ready'):receive()
            local last, err
            for n = 1, 3 do last, err = process.send(pid, 'n', n) end
            process.cancel(pid)
            return exit(), last, err
        end
        local event, last, err = fill('reject')
        assert(not last and err:kind() == errors.RATE_LIMITED and err:retryable())
        assert(event.result.value == '1 2')
        event, last = fill('drop_new')
        assert(last and event.result.value == '1 2')
        event, last = fill('drop_old')
        assert(last and event.result.value == '2 3')
        event, last = fill('kill')
        assert(last and event.error:kind() == errors.LIMIT_EXCEEDED)
        ",
        "
        process.send(..., 'ready')
        process.events():receive()
        local n, got = process.listen('n'), {}
        while true do
            local result = channel.select { n:case_receive(), default = true }
            if result.default then return table.concat(got, ' ') end
            got[#got + 1] = result.value
        end
        ",
    );
}

// ---- upgrade

#[test]
fn an_upgrade_keeps_pid_name_relations_and_messages() {
    holds(
        "
        process.set_options { trap_links = true }
        local pid = assert(process.with_name('worker'):spawn_linked_monitored('app:child', HOST, 1))
        process.send(pid, 'n', 'a')
        process.send(pid, 'n', 'b')
        local event = exit()
        assert(event.from == pid and event.error:message() == '2 b', tostring(event.result))
        assert(process.events():receive().kind == process.event.LINK_DOWN)
        ",
        "
        local version = ...
        local got = process.listen('n'):receive()
        assert(process.registry.lookup('worker') == process.pid())
        if version == 1 then process.upgrade(nil, 2) end
        error(version .. ' ' .. got, 0)
        ",
    );
}
