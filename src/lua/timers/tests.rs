//! Tickets, the queue, and timers against a list.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::{Fires, Token};
use crate::lua::api::time::{TimerChannel, push_timer};
use crate::lua::cx::Cx;
use crate::lua::raw::Stack;
use crate::lua::testing::TestVm;

const HOUR_NS: u64 = 3_600_000_000_000;

/// Runs `test` in a step of a process.
fn in_step(test: impl FnOnce(&Stack, &mut Cx) + Send + 'static) {
    TestVm::with(|vm| vm.host(test));
}

#[test]
fn timers_behind_the_first_take_no_ticket() {
    in_step(|_, cx| {
        let now_ns = cx.now_ns();
        for later_ns in 0..100 {
            let token = cx.start_timer(now_ns + HOUR_NS + later_ns, Fires::Timer);
            if later_ns % 2 == 0 {
                assert!(cx.stop_timer(token));
                assert!(!cx.stop_timer(token));
            }
        }
        assert_eq!(cx.timers.n_tickets, 1);
        let first = cx.start_timer(now_ns + 1, Fires::Timer);
        assert_eq!(cx.timers.n_tickets, 2, "a ticket for an earlier one takes its place");
        cx.stop_timer(first);
        cx.start_timer(now_ns + 2, Fires::Timer);
        assert_eq!(cx.timers.n_tickets, 2);
    });
}

#[test]
fn a_process_without_timers_waits_without_a_ticket() {
    in_step(|_, cx| {
        let token = cx.start_timer(cx.now_ns() + HOUR_NS, Fires::Timer);
        cx.check_ticket();
        assert!(cx.timers.ticket.is_some());
        cx.stop_timer(token);
        cx.check_ticket();
        assert!(cx.timers.ticket.is_none());
    });
}

#[test]
fn the_signal_of_a_replaced_ticket_takes_nothing_away() {
    in_step(|_, cx| {
        let now_ns = cx.now_ns();
        cx.start_timer(now_ns + 2 * HOUR_NS, Fires::Timer);
        cx.start_timer(now_ns + HOUR_NS, Fires::Timer);
        cx.timers.signalled(1);
        cx.fire_due_timers();
        assert_eq!(cx.timers.ticket.as_ref().map(|ticket| ticket.at_ns), Some(now_ns + HOUR_NS));
        cx.timers.signalled(2);
        cx.fire_due_timers();
        assert_eq!(cx.timers.n_tickets, 3);
        assert_eq!(cx.timers.ticket.as_ref().map(|ticket| ticket.at_ns), Some(now_ns + HOUR_NS));
    });
}

#[test]
fn a_timer_that_is_set_back_and_forth_takes_the_room_of_a_few() {
    in_step(|_, cx| {
        let now_ns = cx.now_ns();
        let tokens = [1, 2, 3].map(|n| cx.start_timer(now_ns + n * HOUR_NS, Fires::Timer));
        for n in 0..10_000 {
            assert!(cx.move_timer(tokens[1], now_ns + (2 + n % 2) * HOUR_NS));
        }
        assert!(cx.timers.queue.len() < 30, "{}", cx.timers.queue.len());
    });
}

#[test]
fn a_timer_whose_object_is_collected_is_stopped() {
    in_step(|stack, cx| {
        let start = |cx: &mut Cx, at_ns| {
            let token = cx.start_timer(at_ns, Fires::Timer);
            push_timer(stack, token, Some(TimerChannel::Unasked));
        };
        let now_ns = cx.now_ns();
        for _ in 0..10 {
            start(cx, now_ns + HOUR_NS);
        }
        start(cx, now_ns);
        cx.fire_due_timers();
        assert_eq!((cx.timers.n_pending(), cx.timers.n_fired), (10, 1));
        stack.set_top(3);
        stack.collect_garbage();
        cx.release_garbage(stack.universe().take_garbage());
        assert_eq!((cx.timers.n_pending(), cx.timers.len()), (3, 3));
    });
}

#[derive(Clone, Debug)]
enum Operation {
    Start(u64),
    Stop(prop::sample::Index),
    Move(prop::sample::Index, u64),
    Fire,
    Check,
}

/// Some are due at once, some at the same time.
fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let in_ns = || prop_oneof![Just(0), 1..4_u64, 1..HOUR_NS];
    let operation = prop_oneof![
        4 => in_ns().prop_map(Operation::Start),
        2 => any::<prop::sample::Index>().prop_map(Operation::Stop),
        2 => (any::<prop::sample::Index>(), in_ns()).prop_map(|(at, ns)| Operation::Move(at, ns)),
        1 => Just(Operation::Fire),
        1 => Just(Operation::Check),
    ];
    prop::collection::vec(operation, 1..80)
}

/// All timers ever started, and when the pending ones are due.
struct Model(Vec<(Token, Option<u64>)>);

impl Model {
    fn apply(&mut self, cx: &mut Cx, operation: &Operation) {
        let now_ns = cx.now_ns();
        let n = self.0.len();
        match *operation {
            Operation::Start(in_ns) => {
                let token = cx.start_timer(now_ns + in_ns, Fires::Timer);
                self.0.push((token, Some(now_ns + in_ns)));
            }
            Operation::Stop(at) if n > 0 => {
                let (token, due_ns) = &mut self.0[at.index(n)];
                assert_eq!(cx.stop_timer(*token), due_ns.take().is_some());
            }
            Operation::Move(at, in_ns) if n > 0 => {
                let (token, due_ns) = &mut self.0[at.index(n)];
                assert_eq!(cx.move_timer(*token, now_ns + in_ns), due_ns.is_some());
                *due_ns = due_ns.and(Some(now_ns + in_ns));
            }
            Operation::Fire => {
                cx.fire_due_timers();
                for (token, due_ns) in &mut self.0 {
                    if due_ns.take_if(|due_ns| *due_ns <= now_ns).is_some() {
                        assert!(cx.timers.take_fired(*token).is_some(), "it is due");
                    }
                }
                assert_eq!(cx.timers.n_fired, 0, "nothing else fires");
            }
            Operation::Check => cx.check_ticket(),
            Operation::Stop(_) | Operation::Move(..) => {}
        }
    }

    fn check(&self, cx: &Cx) {
        let pending = self.0.iter().filter_map(|(_, due_ns)| *due_ns);
        assert_eq!(cx.timers.n_pending(), pending.clone().count());
        if let Some(first_ns) = pending.min() {
            let ticket = cx.timers.ticket.as_ref();
            assert!(ticket.is_some_and(|ticket| ticket.at_ns <= first_ns), "W3");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn timers_do_what_a_list_does(operations in operations()) {
        in_step(move |_, cx| {
            let mut model = Model(Vec::new());
            for operation in &operations {
                model.apply(cx, operation);
                model.check(cx);
            }
        });
    }
}
