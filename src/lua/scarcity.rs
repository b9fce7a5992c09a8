//! A lack of memory at a chosen moment, for tests: the n-th request of Lua on this thread is
//! refused, alone or with all that follow, as if the memory limit were reached there.
//!
//! While host code runs a request is granted all the same, and counts as one beyond the limit
//! (invariant R2), as for a real limit.

use std::cell::Cell;
#[cfg(not(loom))]
use std::ops::Range;

#[derive(Clone, Copy)]
struct Requests {
    /// How many there were.
    n: u64,
    first_refused: u64,
    first_granted_again: u64,
}

const ALL_GRANTED: Requests = Requests { n: 0, first_refused: u64::MAX, first_granted_again: 0 };

thread_local! {
    static REQUESTS: Cell<Requests> = const { Cell::new(ALL_GRANTED) };
}

/// Counts a request; tells whether it is refused.
pub(crate) fn refuses() -> bool {
    let requests = REQUESTS.get();
    REQUESTS.set(Requests { n: requests.n + 1, ..requests });
    (requests.first_refused..requests.first_granted_again).contains(&requests.n)
}

/// Whether all that follows is refused, so that no collection makes room.
pub(crate) fn lasts() -> bool {
    let requests = REQUESTS.get();
    requests.first_granted_again == u64::MAX && requests.n > requests.first_refused
}

/// Runs `code` with these requests refused, counted from 0. Also gives how many there were.
#[cfg(not(loom))]
fn refusing<R>(refused: Range<u64>, code: impl FnOnce() -> R) -> (R, u64) {
    let (first_refused, first_granted_again) = (refused.start, refused.end);
    REQUESTS.set(Requests { n: 0, first_refused, first_granted_again });
    let result = code();
    (result, REQUESTS.replace(ALL_GRANTED).n)
}

#[cfg(not(loom))]
mod tests {
    use super::refusing;
    use crate::lua::program::Module;
    use crate::lua::testing::{simulate_program, simulate_program_with};

    /// Every function of the API, and of Lua's libraries what is ours, in programs that end well.
    const PROGRAMS: &[&str] = &[
        // Globals
        "return tostring(errors.new('e')), type(nil), next({}), rawequal(1, 1), rawlen({})",
        "warn('a', 'b')",
        "return load('local x = ... return function() return x end', '=c', 't', {})(1)()",
        "return load((function() local n = 0 return function() n = n + 1 return n < 9 and 'x = 1 ' or nil end end)())",
        "return require('string').upper('a')",
        "return select(2, pcall(require, 'nothing'))",
        "local t = setmetatable({}, { __index = function(_, k) return k .. k end }) return t.x, rawget(t, 'x')",
        "collectgarbage() collectgarbage('count') for k, v in pairs({ a = 1, b = 2 }) do rawset(_G, k, v) end",
        "return xpcall(error, function(e) return debug.traceback(e) .. 'x' end, 'e')",
        "return pcall(xpcall, error, error, {})",
        "return (('abc'):gsub('%w', function(c) return c .. c end)), ('abc'):gsub('b', { b = 'c' })",
        "return ('a b c'):find('(b) (c)'), ('a b'):match('(%a) (%a)'), ('x'):rep(100, ','), ('%s%5d'):format('a', 5)",
        "for w in ('a b c'):gmatch('%a') do _G[w] = w:upper():lower():reverse() end",
        "local t = { 3, 1, 2, 'x' } t[4] = nil table.sort(t, function(a, b) return a < b end) return table.concat(t, ', ')",
        "local t = table.pack(1, 2, 3) table.insert(t, 4) table.remove(t, 1) return table.unpack(table.move(t, 1, 3, 2))",
        "math.randomseed(1) return math.random(10), utf8.char(228, 8364), utf8.len('aä')",
        "return os.date('%c'), os.date('*t').year, os.time(), os.clock(), os.difftime(2, 1)",
        // Coroutines
        "return coroutine.wrap(function(...) return coroutine.yield(...) end)(1, 2)",
        "local co = coroutine.create(function() error({}) end) return coroutine.resume(co), coroutine.status(co)",
        "local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = print }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co)",
        "coroutine.spawn(function(a) time.sleep('1ms') _G.a = a end, 5) time.sleep('2ms') return coroutine.running(), coroutine.isyieldable(), _G.a",
        "local c <close> = setmetatable({}, { __close = function() time.sleep('1ms') end })",
        // Channels
        "local ch = channel.new(2) ch:send(1) ch:send('two') ch:close() return ch:receive(), ch:receive(), tostring(ch)",
        "local ch = channel.new() coroutine.spawn(function() for n = 1, 5 do ch:send({ n }) end ch:close() end) while true do local v, ok = ch:receive() if not ok then break end end",
        "local a, b = channel.new(1), channel.new(1) return channel.select({ a:case_send(1), b:case_receive() }), channel.select({ b:case_receive(), default = true }).default",
        "local a = channel.new() coroutine.spawn(function() a:send('x') end) local r = channel.select({ a:case_receive(), time.after('1h'):case_receive() }) return r.value, r.ok, r.channel == a",
        // Processes
        "return process.pid(), process.id(), process.get_options().trap_links, process.set_options({ trap_links = true })",
        "return process.spawn('app:x', 'app:y', 1, 'two', {}), process.spawn_linked('x'), process.exec('app:x', 'app:y')",
        "process.with_options({ trap_links = true, memory_limit = '1MB' }):with_name('n'):with_message('t', { 1 }, 'x'):spawn('app:x', 'app:y')",
        "local t = process.listen('t') process.send(process.pid(), 't', { 1, 'two', { three = 3.0 } }) return t:receive()[3].three",
        "local inbox = process.inbox() process.send(process.pid(), 't', 'a', 'b') local m = inbox:receive() return m:topic(), m:from(), m:payload()[1]:data(), m.topic, m.payload, tostring(m)",
        "local t = process.listen('t', { message = true }) process.send(process.pid(), 't', 1) t:receive() process.unlisten(t)",
        "process.cancel(process.pid(), { reason = 'r', deadline = '1h' }) local e = process.events():receive() return e.kind, e.reason, e.deadline, e.from",
        "process.link(process.pid()) process.monitor(process.pid()) process.unlink(process.pid()) process.unmonitor(process.pid()) return process.terminate('nobody'), process.cancel('x', true)",
        "process.registry.register('n') process.send('n', 't') return process.registry.lookup('n'), process.registry.unregister('n'), process.registry.register('')",
        "local timer = process.send_after('1ms', process.pid(), 't', { 1 }) process.inbox():receive() return timer:stop()",
        "coroutine.spawn(function() local m = process.inbox():receive() m:reply({ m:payload():data() }) end) return process.call(process.pid(), 't', 5, '1s')[1]",
        "return process.call(process.pid(), 't', 5, '1ms')",
        // Time
        "time.sleep('1ms') return time.after('1ms'):receive(), time.now(), tostring(time.now())",
        "local t = time.timer('1ms') t:response():receive() t:reset('1h') return t:stop()",
        "local t = time.ticker('1ms') t:response():receive() t:stop()",
        "return time.date(2026, 1, 2, 3, 4, 5, 6, time.utc):format(time.RFC3339), time.parse('2006', '2026'), time.unix(1, 2):add('1h'):sub(time.unix(0, 0))",
        "return time.parse_duration('1h30m'):hours(), time.parse_duration('x'), time.load_location('Europe/Berlin'), time.fixed_zone('x', 3600)",
        // Modules
        "return json.decode(json.encode({ a = { 1, 'two', 3.5 } })).a[2], json.pretty({ a = 1 }), json.decode('[')",
        "logger.info('text', { a = 1 }) logger.with({ b = 2 }):named('x'):error('text')",
        // Errors, payloads
        "local e = errors.new({ message = 'm', kind = errors.CONFLICT, retryable = true, details = { a = 1 } }) return e:message(), e:kind(), e:details().a, tostring(e), e .. 'x'",
        "local e = errors.wrap(errors.new('inner'), 'outer') return errors.is(e, errors.INTERNAL), e:message(), errors.call_stack()",
        "local ok, e = pcall(function() local x = nil return x.y end) return tostring(e)",
        "return payload.new({ a = { 1, 2 } }):data().a[2], payload.new('x'):get_format(), payload.new({ 1 }):transcode(payload.format.JSON):data(), tostring(payload.new(1))",
    ];

    #[test]
    fn whichever_request_is_refused_a_program_ends() {
        let run = |source: &str| simulate_program_with(1, source, &[Module::Json, Module::Logger]);
        let (_, n_of_start) = refusing(0..0, || run(""));
        let mut n_failed = 0;
        for source in PROGRAMS {
            // Two results would be a failure.
            let source = &format!("(function() {source} end)()");
            let (exit, n) = refusing(0..0, || run(source));
            assert!(exit.error.is_none(), "{source}: {exit:?}");
            for first in n_of_start.saturating_sub(5)..n {
                let (alone, with_all_after) = (first..first + 1, first..u64::MAX);
                // An optimized build has the time for both, everywhere.
                let both = [alone, with_all_after].into_iter().enumerate();
                let chosen =
                    both.filter(|(idx, _)| !cfg!(debug_assertions) || first % 4 == 2 * *idx as u64);
                for (_, refused) in chosen {
                    let (exit, _) = refusing(refused.clone(), || run(source));
                    let Some(error) = &exit.error else { continue };
                    let text = error.to_string();
                    assert!(!text.contains("runtime fault"), "{refused:?}: {source}: {text}");
                    n_failed += u32::from(error.kind == "LimitExceeded");
                }
            }
        }
        assert!(n_failed > 500, "{n_failed} lacks of memory were seen");
    }

    #[test]
    fn whichever_request_is_refused_a_process_starts_or_fails() {
        let source = "return function() end";
        let (_, n) = refusing(0..0, || simulate_program(1, source));
        for first in 0..n {
            for refused in [first..first + 1, first..u64::MAX] {
                let (exit, _) = refusing(refused, || simulate_program(1, source));
                let kind = exit.error.as_ref().map_or("", |error| &error.kind);
                assert!(["", "LimitExceeded"].contains(&kind), "{exit:?}");
            }
        }
    }

    #[test]
    fn what_is_refused_can_be_caught() {
        let source = "
            local ok, err = pcall(function() local t = {} for n = 1, 1000 do t[n] = { n } end end)
            return ok and 'enough' or err";
        let (_, n) = refusing(0..0, || simulate_program(1, source));
        let (exit, _) = refusing(n - 10..n - 9, || simulate_program(1, source));
        assert!(exit.error.is_none(), "one more collection makes room: {exit:?}");
    }
}
