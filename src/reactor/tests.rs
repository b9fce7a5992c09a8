//! The reactor against the kernel: wake-ups, deadlines, and sockets of the loopback device.

use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mio::net::{TcpListener, TcpStream};

use super::timerfd::monotonic_ns;
use super::*;

const MILLISECOND_NS: u64 = 1_000_000;

fn reactor() -> Reactor<&'static str> {
    Reactor::new().unwrap()
}

fn wait<T: Clone>(reactor: &mut Reactor<T>, wait: Wait) -> Vec<Ready<T>> {
    let mut ready = Vec::new();
    reactor.wait(wait, &mut ready).unwrap();
    ready
}

/// Waits until something is ready.
fn wait_ready<T: Clone>(reactor: &mut Reactor<T>) -> Vec<Ready<T>> {
    let mut ready = Vec::new();
    while ready.is_empty() {
        reactor.wait(Wait::Forever, &mut ready).unwrap();
    }
    ready
}

/// A thread of its own that calls `then` once `at_ns` has passed, by a reactor of its own.
fn at(at_ns: u64, then: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reactor = reactor();
        while monotonic_ns() < at_ns {
            wait(&mut reactor, Wait::Until(at_ns));
        }
        then();
    })
}

fn listener() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Both ends of a connection: the far one blocks, the near one is to be registered.
fn connection() -> (std::net::TcpStream, TcpStream) {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let near = listener.accept().unwrap().0;
    near.set_nonblocking(true).unwrap();
    (far, TcpStream::from_std(near))
}

/// Comes back once the kernel has data for this end.
fn until_data_is_there(near: &TcpStream) {
    while near.peek(&mut [0]).is_err() {
        thread::yield_now();
    }
}

#[test]
fn a_wake_ends_a_wait_and_shows_what_came_before() {
    let mut reactor = reactor();
    let handle = reactor.handle();
    let work = Arc::new(AtomicBool::new(false));
    let waker = thread::spawn({
        let work = Arc::clone(&work);
        move || {
            work.store(true, Ordering::Relaxed);
            handle.wake();
        }
    });
    assert!(wait(&mut reactor, Wait::Forever).is_empty());
    assert!(work.load(Ordering::Relaxed));
    waker.join().unwrap();
}

#[test]
fn a_wake_before_the_wait_is_not_lost() {
    let mut reactor = reactor();
    reactor.handle().wake();
    wait(&mut reactor, Wait::Forever);
    wait(&mut reactor, Wait::Poll);
    reactor.handle().wake();
    reactor.handle().wake();
    wait(&mut reactor, Wait::Forever);
}

#[test]
fn wakes_of_many_threads_all_arrive() {
    const WAKERS: usize = 4;
    const ROUNDS: usize = 1000;
    let mut reactor = reactor();
    let counts: Vec<_> =
        (0..WAKERS).map(|_| Arc::new(std::sync::atomic::AtomicUsize::new(0))).collect();
    let threads: Vec<_> = counts
        .iter()
        .map(|count| {
            let (count, handle) = (Arc::clone(count), reactor.handle());
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    count.fetch_add(1, Ordering::Relaxed);
                    handle.wake();
                }
            })
        })
        .collect();
    while counts.iter().any(|count| count.load(Ordering::Relaxed) < ROUNDS) {
        wait(&mut reactor, Wait::Forever);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_poll_with_nothing_ready_returns() {
    assert!(wait(&mut reactor(), Wait::Poll).is_empty());
}

#[test]
fn a_wait_until_a_time_ends_and_not_before_it() {
    let mut reactor = reactor();
    for _ in 0..5 {
        let at_ns = monotonic_ns() + MILLISECOND_NS / 2;
        assert!(wait(&mut reactor, Wait::Until(at_ns)).is_empty());
        assert!(monotonic_ns() >= at_ns);
    }
}

#[test]
fn a_wait_until_a_passed_time_ends_each_time() {
    let mut reactor = reactor();
    for at_ns in [0, 0, 1, 1, monotonic_ns()] {
        wait(&mut reactor, Wait::Until(at_ns));
    }
}

#[test]
fn a_deadline_put_off_does_not_end_the_wait() {
    let mut reactor = reactor();
    let start_ns = monotonic_ns();
    reactor.handle().wake();
    wait(&mut reactor, Wait::Until(start_ns + MILLISECOND_NS));
    while monotonic_ns() < start_ns + MILLISECOND_NS {
        thread::yield_now(); // it expires while nobody waits
    }
    let at_ns = start_ns + 3 * MILLISECOND_NS;
    wait(&mut reactor, Wait::Until(at_ns));
    assert!(monotonic_ns() >= at_ns);
}

#[test]
fn a_nearer_deadline_takes_the_place_of_a_farther_one() {
    let mut reactor = reactor();
    reactor.handle().wake();
    wait(&mut reactor, Wait::Until(u64::MAX));
    wait(&mut reactor, Wait::Until(monotonic_ns() + MILLISECOND_NS));
}

#[test]
fn a_deadline_nobody_waits_for_does_not_end_a_wait_for_ever() {
    let mut reactor = reactor();
    let start_ns = monotonic_ns();
    reactor.handle().wake();
    wait(&mut reactor, Wait::Until(start_ns + MILLISECOND_NS));
    wait(&mut reactor, Wait::Poll); // the wake, if it was not seen before
    let woken = Arc::new(AtomicBool::new(false));
    let waker = at(start_ns + 3 * MILLISECOND_NS, {
        let (woken, handle) = (Arc::clone(&woken), reactor.handle());
        move || {
            woken.store(true, Ordering::Relaxed);
            handle.wake();
        }
    });
    wait(&mut reactor, Wait::Forever);
    assert!(woken.load(Ordering::Relaxed));
    waker.join().unwrap();
}

#[test]
fn the_same_deadline_ends_every_wait_until_it() {
    let mut reactor = reactor();
    let at_ns = monotonic_ns() + MILLISECOND_NS;
    while monotonic_ns() < at_ns {
        reactor.handle().wake();
        wait(&mut reactor, Wait::Until(at_ns));
    }
    wait(&mut reactor, Wait::Poll); // may take the expiry away
    wait(&mut reactor, Wait::Until(at_ns));
    wait(&mut reactor, Wait::Until(at_ns));
}

#[test]
fn a_listener_is_readable_when_someone_connects() {
    let mut reactor = reactor();
    let (mut listener, address) = listener();
    let registration =
        reactor.handle().register(&mut listener, Interest::READABLE, "listener").unwrap();
    let _far = std::net::TcpStream::connect(address).unwrap();
    let ready = wait_ready(&mut reactor);
    let expected = Ready { value: "listener", readable: true, writable: false, error: false };
    assert_eq!(ready, [expected]);
    listener.accept().unwrap();
    reactor.handle().deregister(&mut listener, registration).unwrap();
}

#[test]
fn a_stream_is_writable_at_first_and_readable_when_data_comes() {
    let mut reactor = reactor();
    let (mut far, mut near) = connection();
    let interest = Interest::READABLE | Interest::WRITABLE;
    let registration = reactor.handle().register(&mut near, interest, "near").unwrap();
    let first = wait_ready(&mut reactor);
    assert!(first[0].writable && !first[0].readable && !first[0].error);
    far.write_all(b"x").unwrap();
    let second = wait_ready(&mut reactor);
    assert!(second[0].readable && !second[0].error);
    reactor.handle().deregister(&mut near, registration).unwrap();
}

#[test]
fn the_end_of_a_stream_is_readable_and_a_closed_one_is_an_error() {
    let mut reactor = reactor();
    let (far, mut near) = connection();
    let registration = reactor.handle().register(&mut near, Interest::READABLE, "near").unwrap();
    far.shutdown(std::net::Shutdown::Write).unwrap();
    let end = wait_ready(&mut reactor);
    assert!(end[0].readable && !end[0].error);
    near.shutdown(std::net::Shutdown::Write).unwrap();
    let closed = wait_ready(&mut reactor);
    assert!(closed[0].readable && closed[0].writable && closed[0].error);
    reactor.handle().deregister(&mut near, registration).unwrap();
}

#[test]
fn each_source_comes_back_with_its_own_value() {
    let mut reactor = Reactor::new().unwrap();
    let mut connections: Vec<_> = (0..20).map(|value| (value, connection())).collect();
    let registrations: Vec<_> = connections
        .iter_mut()
        .map(|(value, (_, near))| {
            reactor.handle().register(near, Interest::READABLE, *value).unwrap()
        })
        .collect();
    assert_eq!(reactor.handle().registrations(), 20);
    for (value, (far, _)) in &mut connections {
        far.write_all(b"x").unwrap();
        assert_eq!(wait_ready(&mut reactor)[0].value, *value);
    }
    for ((_, (_, near)), registration) in connections.iter_mut().zip(registrations) {
        reactor.handle().deregister(near, registration).unwrap();
    }
    assert_eq!(reactor.handle().registrations(), 0);
}

#[test]
fn a_deregistered_source_is_not_reported() {
    let mut reactor = reactor();
    let (mut far, mut near) = connection();
    let registration = reactor.handle().register(&mut near, Interest::READABLE, "near").unwrap();
    reactor.handle().deregister(&mut near, registration).unwrap();
    far.write_all(b"x").unwrap();
    until_data_is_there(&near);
    assert!(wait(&mut reactor, Wait::Poll).is_empty());
}

#[test]
fn an_event_of_an_ended_registration_is_dropped_though_the_source_is_back() {
    let mut reactor = reactor();
    let (mut far, mut near) = connection();
    let old = reactor.handle().register(&mut near, Interest::READABLE, "old").unwrap();
    far.write_all(b"x").unwrap();
    until_data_is_there(&near);
    // As if the event had left the kernel just before the end of the registration.
    reactor.shared.remove(old.token);
    let new = reactor.shared.sources().insert("new");
    assert_ne!(old.token, new);
    assert!(wait(&mut reactor, Wait::Poll).is_empty());
}

#[test]
fn a_source_that_cannot_be_registered_leaves_nothing_behind() {
    let reactor = reactor();
    let file = tempfile::tempfile().unwrap();
    let error = reactor.handle().register(
        &mut SourceFd(&file.as_raw_fd()),
        Interest::READABLE,
        "a regular file",
    );
    assert!(error.is_err());
    assert_eq!(reactor.handle().registrations(), 0);
}

#[test]
fn a_handle_may_outlive_its_reactor() {
    let reactor = reactor();
    let handle = reactor.handle();
    let (_far, mut near) = connection();
    let registration = handle.register(&mut near, Interest::READABLE, "near").unwrap();
    drop(reactor);
    handle.wake();
    handle.deregister(&mut near, registration).unwrap();
}

#[test]
fn the_waiting_side_moves_between_threads_and_the_handle_is_shared() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Reactor<Cell<()>>>();
    is_send::<Handle<Cell<()>>>();
    is_sync::<Handle<Cell<()>>>();
}
