//! How a run ends: who is asked to stop, in which order, how long anybody is waited for, and who is
//! killed. A state machine over a [`World`], with the time passed in.
//!
//! # Concepts
//! * **Wave**: services that stop at the same time: those that no service still to stop requires.
//! * **Step**: a wave, or all other processes at once. It asks each process to end, gives each a
//!   deadline, and is over when the last of them has ended.
//! * **Quiet**: nothing in the runtime can move any more, so waiting on is of no use.
//!
//! # Invariants
//! * I1: a service is asked to stop only after everything that requires it has ended.
//! * I2: a process is killed only if its deadline passed, the runtime is quiet, the time of the
//!   whole shutdown is over, or somebody is in a hurry.
//! * I3: it is over at most [`KILL_NS`] after the time of the whole shutdown.
//!
//! # Protocol
//! 1. Wave after wave of services: CANCEL, `service stopping`.
//! 2. All other processes, younger first: CANCEL, `host stopping`. Again, should a spawn that was
//!    under way when spawning was stopped have slipped in a new one.
//! 3. If the time is over, or by [`Shutdown::hurry`]: a kill for everything that lives.

use std::collections::BTreeMap;

use super::graph::Start;
use super::id::EntryId;
use super::values::display_duration;
use crate::process::Pid;

/// How long a step waits before it says so.
const NOTICE_NS: u64 = 1_000_000_000;

/// How long killed processes get to end: less than the second after which the runtime must be gone.
pub(crate) const KILL_NS: u64 = 800_000_000;

/// How often a kill of everything is repeated, for what was born meanwhile.
const SWEEP_NS: u64 = 100_000_000;

/// A process that is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pid: Pid,
    /// How it is called: the service, or the entry of the process.
    pub(crate) entry: &'static str,
    /// From CANCEL to kill.
    pub(crate) stop_timeout_ns: u64,
}

/// Why a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It had its time, and so becomes a leftover.
    Overdue,
    /// It would wait for ever.
    Quiet,
    /// Somebody wants the end at once.
    Hurry,
}

/// What a shutdown sees and does.
pub(crate) trait World {
    /// How many processes live, those included whose end is under way.
    fn n_live(&self) -> usize;
    /// Whether a process has not ended yet.
    fn is_alive(&self, pid: Pid) -> bool;
    /// The live processes, younger first.
    fn processes(&self) -> Vec<Target>;
    /// Whether nothing can move any more.
    fn is_quiet(&self) -> bool;
    /// Asks a process to end within its `stop_timeout_ns`.
    fn cancel(&mut self, target: &Target, reason: &'static str);
    /// Ends a process.
    fn kill(&mut self, pid: Pid, cause: Cause);
    /// Tells whoever waits what keeps the shutdown.
    fn notice(&mut self, text: &str);
}

/// Whether a shutdown is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It waits: look again soon.
    Waiting,
    /// No process lives.
    Done,
    /// Some still live, and nothing more can be done about them.
    GivenUp,
}

/// A shutdown under way.
#[derive(Debug)]
pub(crate) struct Shutdown {
    /// When its time is over.
    end_ns: u64,
    /// The services that were not asked yet, the next wave last.
    waves: Vec<Vec<Target>>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Step(Step),
    Killing { cause: Cause, since_ns: u64, swept_ns: u64 },
}

/// The step under way.
#[derive(Debug, Default)]
struct Step {
    began_ns: u64,
    /// Whom it asked; from the end, those that have ended are taken out.
    waited: Vec<Waited>,
    noticed: bool,
}

#[derive(Debug)]
struct Waited {
    target: Target,
    deadline_ns: u64,
    killed: bool,
}

impl Shutdown {
    /// A shutdown that begins now and takes at most `timeout_ns` plus [`KILL_NS`]. `waves` are the
    /// running services in the order in which they stop.
    pub(crate) fn begin(now_ns: u64, timeout_ns: u64, mut waves: Vec<Vec<Target>>) -> Self {
        waves.reverse();
        Self {
            end_ns: now_ns.saturating_add(timeout_ns),
            waves,
            phase: Phase::Step(Step::default()),
        }
    }

    /// When it is over at the latest.
    pub(crate) fn over_ns(&self) -> u64 {
        let end_ns = match self.phase {
            Phase::Killing { since_ns, .. } => since_ns,
            Phase::Step(_) => self.end_ns,
        };
        end_ns.saturating_add(KILL_NS)
    }

    /// Ends the patience with everything that still lives.
    pub(crate) fn hurry(&mut self, now_ns: u64, world: &mut impl World) {
        if let Phase::Step(_) = self.phase {
            self.kill_everything(now_ns, Cause::Hurry, world);
        }
    }

    /// Does what is due. To be called again and again, soon after something ended or a little
    /// later.
    pub(crate) fn poll(&mut self, now_ns: u64, world: &mut impl World) -> Progress {
        loop {
            let Phase::Step(step) = &mut self.phase else {
                return self.poll_killing(now_ns, world);
            };
            step.forget_ended(world);
            if !step.waited.is_empty() || world.n_live() == 0 {
                break;
            }
            // What is left of `n_live` is ending, then.
            let Some(step) = self.next_step(now_ns, world) else { break };
            self.phase = Phase::Step(step);
        }
        if world.n_live() == 0 {
            return Progress::Done;
        }
        if now_ns >= self.end_ns {
            self.kill_everything(now_ns, Cause::Overdue, world);
            return Progress::Waiting;
        }
        if let Phase::Step(step) = &mut self.phase {
            step.pass_deadlines(now_ns, world);
            step.end_if_quiet(world);
            step.notice_once(now_ns, self.end_ns, world);
        }
        Progress::Waiting
    }

    /// Asks the next processes to stop; `None` if there are none.
    fn next_step(&mut self, now_ns: u64, world: &mut impl World) -> Option<Step> {
        while let Some(mut wave) = self.waves.pop() {
            wave.retain(|target| world.is_alive(target.pid));
            if !wave.is_empty() {
                return Some(Step::begin(now_ns, wave, "service stopping", world));
            }
        }
        let others = world.processes();
        (!others.is_empty()).then(|| Step::begin(now_ns, others, "host stopping", world))
    }

    fn kill_everything(&mut self, now_ns: u64, cause: Cause, world: &mut impl World) {
        sweep(cause, world);
        self.phase = Phase::Killing { cause, since_ns: now_ns, swept_ns: now_ns };
    }

    fn poll_killing(&mut self, now_ns: u64, world: &mut impl World) -> Progress {
        let Phase::Killing { cause, since_ns, swept_ns } = &mut self.phase else {
            return Progress::Waiting;
        };
        if world.n_live() == 0 {
            return Progress::Done;
        }
        if now_ns >= since_ns.saturating_add(KILL_NS) {
            return Progress::GivenUp;
        }
        if now_ns >= swept_ns.saturating_add(SWEEP_NS) {
            *swept_ns = now_ns;
            sweep(*cause, world);
        }
        Progress::Waiting
    }
}

/// Kills everything that lives.
fn sweep(cause: Cause, world: &mut impl World) {
    for target in world.processes() {
        world.kill(target.pid, cause);
    }
}

impl Step {
    fn begin(
        now_ns: u64,
        targets: Vec<Target>,
        reason: &'static str,
        world: &mut impl World,
    ) -> Self {
        targets.iter().for_each(|target| world.cancel(target, reason));
        let waited = |target: Target| {
            let deadline_ns = now_ns.saturating_add(target.stop_timeout_ns);
            Waited { target, deadline_ns, killed: false }
        };
        let waited = targets.into_iter().map(waited).collect();
        Self { began_ns: now_ns, waited, noticed: false }
    }

    /// Looks at the last one only, so that many cost no more than few.
    fn forget_ended(&mut self, world: &impl World) {
        while self.waited.pop_if(|waited| !world.is_alive(waited.target.pid)).is_some() {}
    }

    fn pass_deadlines(&mut self, now_ns: u64, world: &mut impl World) {
        for waited in self.waited.iter_mut().filter(|waited| waited.deadline_ns <= now_ns) {
            waited.kill(Cause::Overdue, world);
        }
    }

    fn end_if_quiet(&mut self, world: &mut impl World) {
        if world.is_quiet() {
            self.waited.iter_mut().for_each(|waited| waited.kill(Cause::Quiet, world));
        }
    }

    fn notice_once(&mut self, now_ns: u64, end_ns: u64, world: &mut impl World) {
        if self.noticed || now_ns < self.began_ns.saturating_add(NOTICE_NS) {
            return;
        }
        let alive: Vec<&Waited> =
            self.waited.iter().filter(|waited| world.is_alive(waited.target.pid)).collect();
        if alive.is_empty() {
            return;
        }
        self.noticed = true;
        let deadline_ns =
            |waited: &&Waited| if waited.killed { end_ns } else { waited.deadline_ns };
        let latest_ns = alive.iter().map(deadline_ns).max().unwrap_or(end_ns).min(end_ns);
        world.notice(&notice(&alive, latest_ns.saturating_sub(now_ns)));
    }
}

impl Waited {
    fn kill(&mut self, cause: Cause, world: &mut impl World) {
        if !self.killed {
            self.killed = true;
            world.kill(self.target.pid, cause);
        }
    }
}

/// Names a few of those that are waited for.
fn notice(alive: &[&Waited], left_ns: u64) -> String {
    const NAMED_MAX: usize = 5;
    let name = |waited: &&Waited| format!("{} {}", waited.target.entry, waited.target.pid);
    let mut names: Vec<String> = alive.iter().take(NAMED_MAX).map(name).collect();
    if alive.len() > NAMED_MAX {
        names.push(format!("{} more", alive.len() - NAMED_MAX));
    }
    let left = display_duration(left_ns.div_ceil(1_000_000) * 1_000_000);
    let names = names.join(", ");
    format!("shutdown waits for {names}, at most {left} more; a second signal ends it at once")
}

/// The running services in waves: first those that nothing requires, last what everything needs.
/// `order` is the order of the start; `target` gives the process of a service, if it runs.
pub(crate) fn waves(
    order: &[Start],
    target: impl Fn(&EntryId) -> Option<Target>,
) -> Vec<Vec<Target>> {
    let mut wave_idx: BTreeMap<&EntryId, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<Target>> = Vec::new();
    // Whatever requires an entry comes behind it in the order: seen from the end, before it.
    for Start { id, after } in order.iter().rev() {
        let own_idx = wave_idx.get(id).copied().unwrap_or(0);
        for required in after {
            let idx = wave_idx.entry(required).or_default();
            *idx = (*idx).max(own_idx + 1);
        }
        if let Some(target) = target(id) {
            waves.resize_with(waves.len().max(own_idx + 1), Vec::new);
            waves[own_idx].push(target);
        }
    }
    waves
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::process::{Serial, interned};

    const MS: u64 = 1_000_000;

    fn pid(n: usize) -> Pid {
        Pid::new(Serial::new(u32::try_from(n).unwrap(), 1), "app:h")
    }

    /// A process of the fake world.
    #[derive(Debug, Clone)]
    struct Fake {
        stop_timeout_ns: u64,
        /// How long after its CANCEL it ends; never if it waits for ever.
        ends_after_ns: Option<u64>,
        /// Keeps the runtime from being quiet while it lives.
        busy: bool,
        /// A kill has no effect.
        stuck: bool,
        cancelled_ns: Option<u64>,
        killed: Option<(u64, Cause)>,
        ended_ns: Option<u64>,
    }

    impl Fake {
        fn new(stop_timeout_ms: u64, ends_after_ms: Option<u64>) -> Self {
            Self {
                stop_timeout_ns: stop_timeout_ms * MS,
                ends_after_ns: ends_after_ms.map(|ms| ms * MS),
                busy: true,
                stuck: false,
                cancelled_ns: None,
                killed: None,
                ended_ns: None,
            }
        }
    }

    #[derive(Debug, Default)]
    struct FakeWorld {
        now_ns: u64,
        all: Vec<Fake>,
        /// Further processes, whose end is under way.
        n_ending: usize,
        notices: Vec<String>,
    }

    impl FakeWorld {
        fn target(&self, n: usize) -> Target {
            let stop_timeout_ns = self.all[n].stop_timeout_ns;
            Target { pid: pid(n), entry: interned(&format!("app:p{n}")), stop_timeout_ns }
        }

        fn advance(&mut self, now_ns: u64) {
            self.now_ns = now_ns;
            for fake in &mut self.all {
                let by_itself = fake.cancelled_ns.zip(fake.ends_after_ns).map(|(at, ns)| at + ns);
                let by_kill = fake.killed.filter(|_| !fake.stuck).map(|(at, _)| at);
                let end_ns = by_itself.into_iter().chain(by_kill).min();
                fake.ended_ns = fake.ended_ns.or(end_ns.filter(|at| *at <= now_ns));
            }
        }

        fn run(&mut self, shutdown: &mut Shutdown) -> Progress {
            loop {
                match shutdown.poll(self.now_ns, self) {
                    Progress::Waiting => self.advance(self.now_ns + 5 * MS),
                    over => return over,
                }
            }
        }
    }

    fn number(pid: Pid) -> usize {
        pid.serial().slot()
    }

    impl World for FakeWorld {
        fn n_live(&self) -> usize {
            self.all.iter().filter(|fake| fake.ended_ns.is_none()).count() + self.n_ending
        }
        fn is_alive(&self, pid: Pid) -> bool {
            self.all[number(pid)].ended_ns.is_none()
        }
        fn processes(&self) -> Vec<Target> {
            let live = (0..self.all.len()).rev().filter(|n| self.is_alive(pid(*n)));
            live.map(|n| self.target(n)).collect()
        }
        fn is_quiet(&self) -> bool {
            let waits = |fake: &Fake| {
                fake.ended_ns.is_some()
                    || !fake.busy && fake.killed.is_none() && fake.ends_after_ns.is_none()
            };
            self.all.iter().all(waits)
        }
        fn cancel(&mut self, target: &Target, _: &'static str) {
            let fake = &mut self.all[number(target.pid)];
            assert_eq!(fake.cancelled_ns, None, "asked once");
            fake.cancelled_ns = Some(self.now_ns);
        }
        fn kill(&mut self, pid: Pid, cause: Cause) {
            let now_ns = self.now_ns;
            self.all[number(pid)].killed.get_or_insert((now_ns, cause));
        }
        fn notice(&mut self, text: &str) {
            self.notices.push(text.to_owned());
        }
    }

    fn id(n: usize) -> EntryId {
        EntryId::new("app", &format!("p{n}")).unwrap()
    }

    /// A start order in which each requires the ones in its list, which are smaller.
    fn order(requires: &[Vec<usize>]) -> Vec<Start> {
        let start = |(n, after): (usize, &Vec<usize>)| Start {
            id: id(n),
            after: after.iter().map(|n| id(*n)).collect(),
        };
        requires.iter().enumerate().map(start).collect()
    }

    fn begin(world: &FakeWorld, timeout_ms: u64, requires: &[Vec<usize>]) -> Shutdown {
        let n_of = |wanted: &EntryId| (0..requires.len()).find(|n| id(*n) == *wanted);
        let waves = waves(&order(requires), |id| Some(world.target(n_of(id)?)));
        Shutdown::begin(world.now_ns, timeout_ms * MS, waves)
    }

    #[test]
    fn dependents_end_before_what_they_require_is_asked() {
        let all =
            vec![Fake::new(1000, Some(20)), Fake::new(1000, Some(30)), Fake::new(1000, Some(10))];
        let mut world = FakeWorld { all, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[vec![], vec![0], vec![0]]);
        assert_eq!(world.run(&mut shutdown), Progress::Done);
        let cancelled: Vec<_> = world.all.iter().map(|fake| fake.cancelled_ns).collect();
        assert_eq!(cancelled, [Some(30 * MS), Some(0), Some(0)]);
        assert!(world.all.iter().all(|fake| fake.killed.is_none()));
    }

    #[test]
    fn a_deadline_kills_and_the_next_step_follows() {
        let all = vec![Fake::new(1000, Some(0)), Fake::new(50, None)];
        let mut world = FakeWorld { all, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[vec![], vec![0]]);
        assert_eq!(world.run(&mut shutdown), Progress::Done);
        assert_eq!(world.all[1].killed, Some((50 * MS, Cause::Overdue)));
        assert!(world.all[0].cancelled_ns >= Some(50 * MS));
    }

    #[test]
    fn a_quiet_runtime_ends_at_once() {
        let idle = || Fake { busy: false, ..Fake::new(10_000, None) };
        let mut world = FakeWorld { all: vec![idle(), idle(), idle()], ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[vec![], vec![0]]);
        assert_eq!(world.run(&mut shutdown), Progress::Done);
        assert!(world.all.iter().all(|fake| matches!(fake.killed, Some((_, Cause::Quiet)))));
        assert!(world.all.iter().all(|fake| fake.cancelled_ns.is_some()));
        assert!(world.now_ns < 100 * MS);
    }

    #[test]
    fn a_step_that_takes_long_says_so_once() {
        let all = vec![Fake::new(5_000, None)];
        let mut world = FakeWorld { all, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[vec![]]);
        assert_eq!(world.run(&mut shutdown), Progress::Done);
        let expected = "shutdown waits for app:p0 {app:h|0x1000000}, at most 4s more; a second \
                        signal ends it at once";
        assert_eq!(world.notices, [expected]);
    }

    #[test]
    fn nobody_is_named_who_is_ending_already() {
        let mut world = FakeWorld { n_ending: 1, now_ns: 5_000 * MS, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[]);
        assert_eq!(shutdown.poll(world.now_ns, &mut world), Progress::Waiting);
        world.n_ending = 0;
        assert_eq!(shutdown.poll(world.now_ns, &mut world), Progress::Done);
        assert!(world.notices.is_empty());
    }

    #[test]
    fn whoever_is_in_a_hurry_waits_for_no_deadline() {
        let all = vec![Fake::new(5_000, None), Fake::new(5_000, None)];
        let mut world = FakeWorld { all, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 30_000, &[vec![]]);
        assert_eq!(shutdown.poll(0, &mut world), Progress::Waiting);
        shutdown.hurry(0, &mut world);
        assert_eq!(world.run(&mut shutdown), Progress::Done);
        assert!(world.all.iter().all(|fake| fake.killed == Some((0, Cause::Hurry))));
    }

    #[test]
    fn what_cannot_be_killed_is_given_up() {
        let all = vec![Fake { stuck: true, ..Fake::new(10, None) }];
        let mut world = FakeWorld { all, ..FakeWorld::default() };
        let mut shutdown = begin(&world, 100, &[vec![]]);
        assert_eq!(world.run(&mut shutdown), Progress::GivenUp);
        assert!(world.now_ns <= 100 * MS + KILL_NS + 10 * MS);
    }

    fn any_fake() -> impl Strategy<Value = Fake> {
        let ends = prop::option::of(0_u64..300);
        (0_u64..300, ends, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
            |(stop_timeout_ms, ends_after_ms, busy, stuck)| Fake {
                busy,
                stuck,
                ..Fake::new(stop_timeout_ms, ends_after_ms)
            },
        )
    }

    proptest! {
        #[test]
        fn any_shutdown_is_orderly_and_ends(
            all in prop::collection::vec(any_fake(), 0..8),
            edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..12),
            n_services in 0_usize..8,
            timeout_ms in 0_u64..1000,
        ) {
            let n_services = n_services.min(all.len());
            let mut requires = vec![Vec::new(); n_services];
            for (from, to) in edges {
                if to < from && from < n_services {
                    requires[from].push(to);
                }
            }
            let mut world = FakeWorld { all, ..FakeWorld::default() };
            let mut shutdown = begin(&world, timeout_ms, &requires);
            let over = world.run(&mut shutdown);
            let end_ns = timeout_ms * MS;
            prop_assert!(world.now_ns <= end_ns + KILL_NS + 10 * MS);
            prop_assert_eq!(over == Progress::Done, world.n_live() == 0);
            if over == Progress::GivenUp {
                prop_assert!(world.all.iter().all(|fake| fake.ended_ns.is_some() || fake.stuck));
            }
            // I1.
            let mut asked: BTreeSet<usize> = BTreeSet::new();
            for (n, fake) in world.all.iter().enumerate() {
                let Some(at_ns) = fake.cancelled_ns else { continue };
                asked.insert(n);
                for (_, dependent) in
                    requires.iter().zip(&world.all).filter(|(requires, _)| requires.contains(&n))
                {
                    prop_assert!(dependent.ended_ns.is_some_and(|end_ns| end_ns <= at_ns));
                }
            }
            // I2.
            for (n, fake) in world.all.iter().enumerate() {
                let Some((at_ns, Cause::Overdue)) = fake.killed else { continue };
                let deadline_ns = fake.cancelled_ns.map(|at_ns| at_ns + fake.stop_timeout_ns);
                prop_assert!(at_ns >= deadline_ns.unwrap_or(end_ns).min(end_ns), "{}", n);
            }
            prop_assert!(over == Progress::GivenUp || world.now_ns >= end_ns
                || asked.len() == world.all.len());
        }
    }
}
