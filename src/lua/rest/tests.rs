//! Programs that are put to rest whenever they wait have to do what they do otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use proptest::prelude::*;

use crate::lua::Value;
use crate::lua::body::LuaBody;
use crate::lua::decode_value;
use crate::lua::program::Program;
use crate::lua::testing::{environment, program, simulate};
use crate::process::{
    Body, Encoded, Host, HostConfig, Limits, MonitorKey, Observer, Runtime, SharedExit,
    SpawnRequest, Step, StepEnd, Vacated, Watch, Watcher,
};
use crate::scheduler::{Mode, Pool, PoolConfig, STACK_BYTES_MIN, ThreadPool};

/// What happened to bodies that are put to rest whenever they wait.
#[derive(Debug, Default)]
struct Log {
    n_rested: AtomicUsize,
    n_refused: AtomicUsize,
    /// Bytes that the last one was kept in.
    bytes: AtomicUsize,
}

struct Drowsy {
    body: LuaBody,
    log: Arc<Log>,
}

impl Body for Drowsy {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        let end = self.body.step(step);
        if matches!(end, StepEnd::Waiting) {
            self.body.rest(&mut Vacated::default());
            match self.body.bytes_at_rest() {
                Some(bytes) => {
                    self.log.n_rested.fetch_add(1, Ordering::Relaxed);
                    self.log.bytes.store(bytes, Ordering::Relaxed);
                }
                None => _ = self.log.n_refused.fetch_add(1, Ordering::Relaxed),
            }
        }
        end
    }

    fn end(&mut self, step: &mut Step<'_>) {
        self.body.end(step);
    }

    fn places(&self) -> Vec<String> {
        self.body.places()
    }
}

fn body(program: &Arc<Program>) -> LuaBody {
    LuaBody::new(environment(), program.clone(), Encoded::default(), Limits::default())
}

fn run(seed: u64, program: &Arc<Program>) -> SharedExit {
    simulate(seed, Box::new(body(program)))
}

fn run_drowsy(seed: u64, program: &Arc<Program>) -> (SharedExit, Arc<Log>) {
    let log = Arc::new(Log::default());
    let drowsy = Drowsy { body: body(program), log: log.clone() };
    (simulate(seed, Box::new(drowsy)), log)
}

/// Pieces of programs; `N` stands for a number from 0 to 99.
const PIECES: [&str; 22] = [
    "time.sleep('1ms')",
    "time.sleep('1Nms')",
    "keep({N, tostring(N), {x = N}})",
    "keep(('ab'):rep(N))",
    "keep(('long'):rep(200 * N))",
    "table.remove(kept, 1 + N % (#kept + 1))",
    "local t = {} for i = 1, 30 * N do t[i] = i * N end keep(t)",
    "local t = {} for i = 1, N do t['k' .. i] = i end keep(t.k7 or 0)",
    "local c = channel.new(2)
     coroutine.spawn(function() time.sleep('1Nms') c:send(N) end)
     keep(c:receive())",
    "local next = coroutine.wrap(function() for i = N, 1e9 do coroutine.yield(i) end end)
     next() resumed[#resumed + 1] = next",
    "for _, next in ipairs(resumed) do keep(next()) end",
    "local n = N resumed[#resumed + 1] = function() n = n + 1 return n end",
    "keep(math.random(1000))",
    "collectgarbage()",
    "collectgarbage('step', N)",
    "for _ = 1, 20 * N do local garbage = {N} end",
    "keep(select(2, pcall(error, 'no N', 0)))",
    "local t = {} for i = 1, N do t[i] = (i * 37) % 101 end
     table.sort(t, function(a, b) return a > b end) keep(t)",
    "local c = channel.new()
     local result = channel.select({c:case_receive(), time.after('1Nms'):case_receive()})
     keep(result.ok and 1 or 0)",
    "keep((('N;'):rep(N):gsub('%d+', function(d) return d + 1 end)))",
    "local m = setmetatable({}, {__index = function(_, k) return k .. N end}) keep(m.x)",
    "local topic = process.listen('tN') keep(channel.select({
        topic:case_receive(), time.after('1ms'):case_receive()}).ok and 1 or 0) process.unlisten(topic)",
];

/// A program of these pieces, that gives a text of all that it kept.
fn source(pieces: &[(usize, u32)]) -> String {
    let text = |(piece, n): &(usize, u32)| {
        format!("do {} end time.sleep('1ms')\n", PIECES[*piece].replace('N', &n.to_string()))
    };
    let body: String = pieces.iter().map(text).collect();
    format!(
        "local time = require('time')
        local kept, resumed = {{}}, {{}}
        local function keep(value) kept[#kept + 1] = value or 'nil' end
        local function show(value)
            if type(value) ~= 'table' then return tostring(value) end
            local parts = {{}}
            for i, part in ipairs(value) do parts[i] = show(part) end
            return '{{' .. table.concat(parts, ',') .. '}}'
        end
        return function()
            {body}
            local text = show(kept)
            return #text .. text:sub(1, 10000)
        end"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 60 } else { 1000 }))]

    #[test]
    fn a_program_does_the_same_whether_it_rests_or_not(
        pieces in prop::collection::vec((0..PIECES.len(), 0..100_u32), 1..20),
        seed in any::<u64>(),
    ) {
        let program = program(&source(&pieces));
        for seed in [seed, seed, seed ^ 1, seed ^ 2, seed ^ 3] {
            let awake = run(seed, &program);
            prop_assert!(awake.error.is_none(), "{awake:?}");
            let (drowsy, _) = run_drowsy(seed, &program);
            prop_assert_eq!(&*awake, &*drowsy);
        }
    }
}

const IDLE: &str = "local time = require('time')
    return function()
        process.listen('stop')
        for _ = 1, 20 do time.sleep('1s') end
    end";

/// So many that the program is known to have many.
const N_WARM_UP: u64 = 5;

#[test]
#[cfg(not(any(miri, asan)))]
fn an_idle_process_takes_some_hundred_bytes_of_its_home() {
    let program = program(IDLE);
    (0..N_WARM_UP).for_each(|seed| _ = run_drowsy(seed, &program));
    let (exit, log) = run_drowsy(7, &program);
    assert!(exit.error.is_none(), "{exit:?}");
    let n_refused = log.n_refused.load(Ordering::Relaxed);
    let bytes = log.bytes.load(Ordering::Relaxed);
    assert!(n_refused == 0 && bytes < 1000, "{bytes} bytes, refused {n_refused} times");
}

#[test]
#[cfg(not(any(miri, asan)))]
fn a_process_that_has_worked_is_collected_until_it_is_like_the_others() {
    let program = program(
        "local time = require('time')
        return function()
            for i = 1, 20 do
                for _ = 1, 500 * i do local garbage = {} end
                time.sleep('1s')
            end
        end",
    );
    (0..N_WARM_UP).for_each(|seed| _ = run_drowsy(seed, &program));
    let (exit, log) = run_drowsy(7, &program);
    assert!(exit.error.is_none(), "{exit:?}");
    let (n_rested, n_refused) =
        (log.n_rested.load(Ordering::Relaxed), log.n_refused.load(Ordering::Relaxed));
    assert!(n_rested > 3 * n_refused, "{n_rested} times at rest, {n_refused} times refused");
}

/// A body that is dropped while it is at rest.
struct Abandoned {
    body: Option<LuaBody>,
    n_rested: Arc<Mutex<usize>>,
}

impl Body for Abandoned {
    fn step(&mut self, step: &mut Step<'_>) -> StepEnd {
        let body = self.body.as_mut().expect("ends in its first wait");
        if let StepEnd::Preempted = body.step(step) {
            return StepEnd::Preempted;
        }
        body.end(step);
        body.rest(&mut Vacated::default());
        *self.n_rested.lock().unwrap() += usize::from(body.bytes_at_rest().is_some());
        self.body = None;
        StepEnd::Finished(Box::default())
    }

    fn end(&mut self, _: &mut Step<'_>) {}

    fn places(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_process_that_is_dropped_at_rest_releases_what_it_holds() {
    let program = program(IDLE);
    let n_rested = Arc::new(Mutex::new(0));
    for seed in 0..2 * N_WARM_UP {
        let body = Some(body(&program));
        simulate(seed, Box::new(Abandoned { body, n_rested: n_rested.clone() }));
    }
    assert!(cfg!(any(miri, asan)) || *n_rested.lock().unwrap() > 0);
    assert_eq!(Arc::strong_count(&program), 1);
}

/// What each process of the storm does: it passes tokens on, to anybody, until they have made
/// their hops.
const PASSER: &str = "local time = require('time')
    return function()
        local tokens, stop, n, kept = process.listen('token'), process.listen('stop'), 0, {}
        while true do
            local got = channel.select({tokens:case_receive(), stop:case_receive()})
            if got.channel == stop then break end
            n = n + 1
            kept[n % 7 + 1] = {got.value, tostring(n)}
            if n % 11 == 0 then time.sleep('50us') end
            if got.value > 0 then
                process.send('p' .. math.random(0, N_PASSERS - 1), 'token', got.value - 1)
            else
                process.send('main', 'landed', n)
            end
        end
        process.send('main', 'passed', n)
    end";

/// Starts the tokens, stops the others when all have landed, and gives how often they were passed.
const MAIN: &str = "return function()
        local landed, passed, sum = process.listen('landed'), process.listen('passed'), 0
        for round = 1, 5 do
            for token = 1, round do process.send('p' .. token, 'token', N_HOPS) end
            for _ = 1, round do landed:receive() end
        end
        for i = 0, N_PASSERS - 1 do process.send('p' .. i, 'stop', true) end
        for _ = 1, N_PASSERS do sum = sum + passed:receive() end
        return sum
    end";

const N_PASSERS: usize = 16;
const N_HOPS: usize = if cfg!(debug_assertions) { 200 } else { 2_000 };

#[test]
#[cfg(not(miri))]
fn messages_fly_while_everybody_is_put_to_rest_at_once() {
    let pool = ThreadPool::start(PoolConfig {
        name: "test".to_owned(),
        workers: 3,
        slice_ns: 1_000_000,
        preempt_arm: None,
        when_idle: None,
        rest_after_ns: Some(0),
        mode: Mode::Count(1000),
        thread_stack_bytes: 2 * STACK_BYTES_MIN,
    })
    .unwrap();
    let config = HostConfig {
        id: "test:host",
        max_processes: 100,
        limits: Limits::default(),
        total_memory_bytes: None,
        stop_timeout_ns: 0,
    };
    let runtime = Runtime::new();
    let host = Host::new(config, pool.clone(), runtime.clone());
    let compiled = |source: &str| {
        let source = source.replace("N_PASSERS", &N_PASSERS.to_string());
        program(&source.replace("N_HOPS", &N_HOPS.to_string()))
    };
    let spawn = |name: &str, program: &Arc<Program>, watch| {
        let request = SpawnRequest {
            entry: "test",
            body: Box::new(body(program)),
            limits: Limits::default(),
            trap_links: false,
            name: Some(name.into()),
            messages: Vec::new(),
            watch,
            link: false,
        };
        runtime.spawn(&host, request, None, pool.outside()).unwrap();
    };
    let passer = compiled(PASSER);
    (0..N_PASSERS).for_each(|i| spawn(&format!("p{i}"), &passer, Watch::No));
    let (tell, told) = mpsc::channel();
    let observer = Observer::new(move |_, exit| tell.send(exit.clone()).unwrap());
    let watcher = Watcher::Outside(observer, MonitorKey { watcher: 0, id: 1 });
    spawn("main", &compiled(MAIN), Watch::Outside(watcher));
    let exit = told.recv().expect("the program ends");
    runtime.wait_empty();
    pool.shutdown();
    let passed = exit.value.as_ref().map(decode_value);
    assert_eq!(passed, Some(Value::Integer((15 * (N_HOPS + 1)) as i64)), "{exit:?}");
    assert!(cfg!(asan) || passer.images.has_patterns(), "nobody was at rest");
}
