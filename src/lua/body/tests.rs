//! Programs that give way, fail or end where the loop over the fibers has to be careful.

use super::LuaBody;
use crate::lua::testing::{Simulated, environment, program, simulate_program};
use crate::lua::{Table, Value, encode_values};
use crate::process::Limits;

/// The program asserts what it should see.
fn holds(source: &str) {
    for seed in 0..20 {
        let exit = simulate_program(seed, source);
        assert!(exit.error.is_none(), "seed {seed}: {exit:?}");
    }
}

#[test]
fn a_yield_that_ends_in_place_is_not_taken_for_one_of_the_fiber() {
    holds(
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end)
        local t = setmetatable({}, {__tostring = function() co() return 'x' end})
        for _ = 1, 3 do
            tostring(t)
            for _ = 1, 20000 do end
        end",
    );
}

#[test]
fn a_select_with_default_hands_nothing_over_where_it_cannot_wait() {
    holds(
        "local c = channel.new()
        coroutine.spawn(function() c:send(1) end)
        local function select() return channel.select({c:case_receive(), default = true}) end
        local function refused(ok, text)
            return not ok and text:find(\"cannot wait in 'select' inside C function\", 1, true)
        end
        local t = setmetatable({}, {__tostring = function()
            assert(refused(pcall(select)))
            assert(refused(coroutine.resume(coroutine.create(select))))
            return 'x'
        end})
        tostring(t)
        assert(select().value == 1)
        assert(select().default)",
    );
}

#[test]
fn a_program_may_give_more_results_than_its_frame_has_room_for() {
    let many = "local t = {}
        for i = 1, 100 do t[i] = i end
        t[2] = ...
        return table.unpack(t)";
    assert!(simulate_program(1, many).value.is_some());
    let failed = many.replace("...", "errors.new({message = 'no', details = {1}})");
    let exit = simulate_program(1, &failed);
    assert!(exit.error.as_ref().is_some_and(|error| error.details.is_some()), "{exit:?}");
    let spawned = format!("coroutine.spawn(function(...) {many} end)");
    assert!(simulate_program(1, &spawned).error.is_none());
}

#[test]
fn a_kill_comes_before_the_first_instruction_while_arguments_arrive() {
    let list = vec![Value::Integer(1); 100_000];
    let args = encode_values(&[Value::Table(Table { list, fields: Vec::new() })]);
    for seed in 0..20 {
        let program = program("error('it runs')");
        let body = LuaBody::new(environment(), program, args.clone(), Limits::default());
        let process = Simulated::new(seed, Box::new(body), Limits::default());
        process.run_to_kill(0);
        let exit = process.run(usize::MAX).expect("it ends");
        let text = exit.error.as_ref().map(|error| error.text().into_owned());
        assert_eq!(text.as_deref(), Some("process terminated"));
    }
}

#[test]
fn a_kill_ends_values_that_arrive() {
    for wait in ["inbox:receive()", "channel.select({inbox:case_receive()})"] {
        let source = format!(
            "local inbox = process.listen('topic')
            local large = {{}}
            for n = 1, 100000 do large[n] = n end
            coroutine.spawn(function() process.send(process.pid(), 'topic', large) end)
            pcall(function() {wait} end)
            while true do pcall(process.send, process.pid(), 'topic', large) {wait} end"
        );
        for seed in 0..5 {
            let body = crate::lua::testing::body(program(&source), Limits::default());
            let process = Simulated::new(seed, body, Limits::default());
            let running = process.run(50);
            assert!(running.is_none(), "it sends and receives: {running:?}");
            process.run_to_kill(0);
            assert!(process.run(usize::MAX).is_some_and(|exit| exit.error.is_some()));
        }
    }
}

#[test]
fn values_of_collected_channels_are_released_while_the_program_is_interrupted() {
    holds(
        "for _ = 1, 300 do
            local c = channel.new(2)
            c:send({}) c:send({})
            c = nil
            for _ = 1, 100 do local garbage = {} end
        end",
    );
}

#[test]
fn a_slice_ends_between_coroutines_that_each_run_shortly() {
    holds(
        "local hop = coroutine.wrap(function() while true do coroutine.yield() end end)
        local due = time.after('50us'):case_receive()
        while channel.select({due, default = true}).default do hop() end",
    );
}

#[test]
fn the_error_of_a_close_handler_takes_the_place_of_the_first_one() {
    holds(
        "local function fails()
            return pcall(coroutine.wrap(function()
                local x <close> = setmetatable({}, {__close = function(_, e) error(e .. ' second', 0) end})
                error('first', 0)
            end))
        end
        assert(select(2, fails()) == 'first second')
        local t = setmetatable({}, {__tostring = function() return select(2, fails()) end})
        assert(tostring(t) == 'first second', tostring(t))",
    );
}
