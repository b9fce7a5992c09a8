//! Applications inside of a Rust program.

use std::io::Write;
use std::sync::{Arc, Mutex};

use moonlet::app::LoadOptions;
use moonlet::{Builder, Error, Table, Value};

/// What a program printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic under it").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn values_go_in_and_come_out() {
    let running =
        Builder::from_source("return function(...) return { n = select('#', ...), ... } end");
    let running = running.unwrap().start().unwrap();
    let list = vec![Value::from(1), Value::from(2.5), Value::from("three"), Value::from(true)];
    let table = Value::Table(Table { list: list.clone(), fields: vec![("k".into(), 7.into())] });
    let args = [vec![table.clone()], list.clone()].concat();
    let process = running.spawn("app:main", &args).unwrap();
    let expected = Table { list: args, fields: vec![(Value::from("n"), Value::from(5))] };
    assert_eq!(process.wait().unwrap(), Value::Table(expected));
    // Once more, for whoever asks twice.
    assert!(process.wait().is_ok());
    assert!(running.shut_down().leftovers.is_empty());
}

#[test]
fn failures_come_out_with_all_that_they_carry() {
    let source = "error(errors.new{ message = 'no', kind = errors.CONFLICT, retryable = false })";
    let running = Builder::from_source(source).unwrap().start().unwrap();
    let failure = running.spawn("app:main", &[]).unwrap().wait().unwrap_err();
    assert_eq!((failure.to_string().as_str(), &*failure.kind), ("no", "Conflict"));
    assert_eq!(failure.retryable, Some(false));
    assert!(running.traceback(&failure).contains("main.lua:1: in "), "{failure:?}");
}

#[test]
fn messages_reach_a_pid_or_a_name() {
    let source = "
        process.registry.register('main')
        local topic = process.listen('topic')
        return topic:receive() + topic:receive()";
    let printed = Printed::default();
    let running = Builder::from_source(source).unwrap().stdout(printed.clone()).start().unwrap();
    let process = running.spawn("app:main", &[]).unwrap();
    let pid = process.pid().to_string();
    running.send(&pid, "topic", &[Value::from(40)]).unwrap();
    while running.send("main", "topic", &[Value::from(2)]).is_err() {
        std::thread::yield_now();
    }
    assert_eq!(process.wait().unwrap(), Value::from(42));
    let gone = running.send(&pid, "topic", &[]).unwrap_err();
    assert_eq!((gone.to_string(), &*gone.kind), (format!("process not found: {pid}"), "NotFound"));
}

#[test]
fn what_is_printed_is_out_when_the_application_has_ended() {
    let printed = Printed::default();
    let source = "for i = 1, 1000 do print(i) end";
    let running = Builder::from_source(source).unwrap().stdout(printed.clone()).start().unwrap();
    running.spawn("app:main", &[]).unwrap();
    assert!(running.wait_idle());
    running.shut_down();
    let printed = printed.0.lock().unwrap();
    assert_eq!(printed.iter().filter(|byte| **byte == b'\n').count(), 1000);
}

#[test]
fn a_host_counts_whom_its_memory_limit_has_ended() {
    let options = LoadOptions {
        overrides: ["host.total_memory_limit=8MB", "lifecycle.auto_start=true"]
            .map(|field| format!("app:processes:{field}").parse().unwrap())
            .into(),
        ..LoadOptions::default()
    };
    let source = "local s = ('x'):rep((...)) process.listen('end'):receive() return #s";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.lua");
    std::fs::write(&path, source).unwrap();
    let running = Builder::load_with(&path, &options).unwrap().start().unwrap();
    let hold = |bytes: i64| running.spawn("app:main", &[Value::from(bytes)]).unwrap();
    let (small, large) = (hold(1 << 20), hold(9 << 20));
    let failure = large.wait().unwrap_err();
    let text = "total memory limit of 8MB of host app:processes exceeded";
    assert_eq!((failure.to_string().as_str(), &*failure.kind), (text, "LimitExceeded"));
    assert_eq!(failure.retryable, None);
    assert_eq!(running.stats()[0].n_memory_kills, 1);
    running.send(&small.pid().to_string(), "end", &[]).unwrap();
    assert_eq!(small.wait().unwrap(), Value::from(1 << 20));
    running.shut_down();
}

#[test]
fn spawns_are_refused_in_the_words_of_the_module() {
    let running = Builder::from_source("return 1").unwrap().start().unwrap();
    let refused = |host, entry| running.spawn_on(host, entry, &[]).unwrap_err().to_string();
    assert_eq!(refused("app:processes", "app"), "invalid entry id: app");
    assert_eq!(refused("app:processes", "app:none"), "entry not found: app:none");
    assert_eq!(refused("app:none", "app:main"), "host not found: app:none");
    assert_eq!(
        refused("app:main", "app:main"),
        "entry is not a process host: app:main (process.lua)"
    );
}

#[test]
fn a_source_that_does_not_compile_is_refused() {
    let error = Builder::from_source("x = = 1").unwrap_err();
    assert!(matches!(&error, Error::Unusable(text) if text.starts_with("app:main:1: ")), "{error}");
}

#[test]
fn a_dropped_application_is_gone() {
    let running = Builder::from_source("while true do end").unwrap().start().unwrap();
    let process = running.spawn("app:main", &[]).unwrap();
    drop(running);
    assert_eq!(process.wait().unwrap_err().to_string(), "process terminated: shutdown");
}

#[test]
fn a_stopper_ends_it_from_any_thread() {
    let running = Builder::from_source("process.inbox():receive()").unwrap().start().unwrap();
    let process = running.spawn("app:main", &[]).unwrap();
    let stopper = running.stopper();
    std::thread::scope(|scope| {
        scope.spawn(|| stopper.shut_down());
        assert!(process.wait().is_err());
    });
    assert!(!running.wait_idle(), "an application that was stopped did not run to its end");
    let refused = running.spawn("app:main", &[]).unwrap_err();
    assert_eq!(refused.to_string(), "host is shutting down: app:processes");
}
