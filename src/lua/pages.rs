//! Memory for arenas: runs of pages, reused last-in first-out, and handed back to the system when
//! the workers have nothing better to do.
//!
//! A general allocator keeps what a burst of processes has freed, in pieces, for a long time. Here
//! all memory comes in a few lengths and is either used, ready or cold, so that what is kept is a
//! choice.
//!
//! # Concepts
//! * **Run**: 1 to [`RUN_PAGES_MAX`] pages in a row. A run keeps its length for ever.
//! * **Cache**: runs that a thread has freed and takes again, without a lock.
//! * **Store**: all other free runs. One of them is **ready**, its pages in memory, or **cold**,
//!   its pages handed back, at the price of page faults at its next use.
//! * **Vacated**: a run that is in use, whose pages are handed back until its user wants them.
//! * **Region**: address space that fresh runs are carved from. Never unmapped.
//!
//! # Invariants
//! * **P1** A run is in one place: in use, in one thread's cache, ready or cold.
//! * **P2** Its length is that of the class it was carved for.
//! * **P3** Nothing in a free run is read: handing it back may turn it to zeros. The same goes for
//!   a vacated one.
//!
//! # What is kept
//! [`tidy`] hands back the runs that have been ready longest, until the ready ones are no more than
//! [`KEEP_BYTES`], or an eighth of the used ones where that is more. It is called between a
//! worker's last search and its sleep, so that a burst pays for nothing of it.

#![expect(unsafe_code, reason = "an allocator; invariants P1 to P3")]

use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::process::Span;

/// Unit of the lengths of runs, in bytes.
pub(crate) const PAGE: usize = 4096;
/// Longest run, in pages.
pub(crate) const RUN_PAGES_MAX: usize = 16;

/// Ready bytes that are never handed back.
const KEEP_BYTES: usize = 4 << 20;
/// Bytes of one length that a thread's cache holds at most.
const CACHE_BYTES: usize = 128 << 10;
/// Runs that one call of [`tidy`] hands back.
const TIDY_RUNS: usize = 64;
/// Runs that come and go on a thread between two calls of the allocator's own tidying.
const CHURN: usize = 512;
const REGION_BYTES: usize = 64 << 20;
const HUGE_PAGE: usize = 2 << 20;
/// So much of the first region is not backed by huge pages: small apps stay small. Beyond that the
/// processes are too many for the processor's table of small ones.
const SMALL_PAGE_BYTES: usize = HUGE_PAGE;
const _: () = assert!(REGION_BYTES.is_multiple_of(HUGE_PAGE));

/// A run of `n_pages` pages, page-aligned, with any content. Null when the system has no memory.
///
/// Miri and AddressSanitizer get every run from the allocator that they know, and nothing is kept.
pub(crate) fn obtain(n_pages: usize) -> *mut u8 {
    debug_assert!((1..=RUN_PAGES_MAX).contains(&n_pages));
    if cfg!(any(miri, asan)) {
        // SAFETY: the size is not zero.
        return unsafe { alloc(layout(n_pages)) };
    }
    let cached = CACHE.try_with(|cache| cache.borrow_mut().pop(n_pages));
    match cached {
        Ok(Some(run)) => run,
        Ok(None) => CACHE.with(|cache| store().take(n_pages, &mut cache.borrow_mut())),
        // The thread is ending.
        Err(_) => store().take_one(n_pages).unwrap_or(ptr::null_mut()),
    }
}

/// Takes a run back.
///
/// # Safety
/// [`obtain`] gave `run` for `n_pages`, and it is not used any more.
pub(crate) unsafe fn release(run: *mut u8, n_pages: usize) {
    if cfg!(any(miri, asan)) {
        // SAFETY: the caller's duty; see `obtain`.
        return unsafe { dealloc(run, layout(n_pages)) };
    }
    let kept = CACHE.try_with(|cache| {
        let mut cache = cache.borrow_mut();
        if cache.is_full(n_pages) {
            store().put(n_pages, cache.lists[n_pages - 1].drain(..cache_len(n_pages) / 2));
        }
        cache.churn += 1;
        cache.lists[n_pages - 1].push(run);
    });
    if kept.is_err() {
        store().put(n_pages, [run]);
    }
}

/// Tells how the program's global allocator gives back to the system what the calling thread has
/// freed, for one that keeps it otherwise: a call of mimalloc's `mi_collect(true)`, say.
///
/// Worker threads call `trim` before they sleep, if hundreds of processes have begun or ended on
/// them since they did so last. The `moonlet` command sets it; a program that embeds Moonlet may.
/// The first call counts, later ones change nothing.
pub fn set_allocator_trim(trim: fn()) {
    // Set already: the first one counts.
    let _ = TRIM.set(trim);
}

/// Hands some of what is free back to the system if it is more than is worth keeping. Whether there
/// may be more to do.
pub(crate) fn tidy() -> bool {
    if CACHE.try_with(|cache| cache.borrow_mut().take_churned()).unwrap_or(false)
        && let Some(trim) = TRIM.get()
    {
        trim();
    }
    // Relaxed: a hint; the truth is behind the lock.
    if !EXCESS.load(Ordering::Relaxed) {
        return false;
    }
    let Some((n_pages, mut runs)) = store().take_oldest() else { return false };
    runs.sort_unstable();
    let len = n_pages * PAGE;
    for row in runs.chunk_by(|a, b| a.wrapping_add(len) == *b) {
        // SAFETY: P1: the runs are in nobody else's hands while they are here.
        unsafe { system::hand_back(row[0], row.len() * len) };
    }
    store().put_cold(n_pages, runs);
    true
}

/// Hands back the pages of runs that are in use; their addresses stay taken.
///
/// # Safety
/// The spans are runs that [`obtain`] gave, and nobody uses what is in them until [`take_back`].
pub(crate) unsafe fn vacate(mut spans: Vec<Span>) {
    spans.sort_unstable();
    VACATED.fetch_add(spans.iter().map(|span| span.bytes).sum(), Ordering::Relaxed);
    for row in spans.chunk_by(|a, b| a.start + a.bytes == b.start) {
        let (start, last) = (row[0].start, row[row.len() - 1]);
        let bytes = last.start + last.bytes - start;
        flatten(start, bytes);
        // SAFETY: the caller's duty.
        unsafe { system::hand_back(start as *mut u8, bytes) };
    }
}

/// Has the first `bytes` of a vacated run of `run_bytes` backed again; all zeros, or as they were.
///
/// # Safety
/// The run at `start` was vacated, and not taken back since.
pub(crate) unsafe fn take_back(start: usize, bytes: usize, run_bytes: usize) {
    VACATED.fetch_sub(run_bytes, Ordering::Relaxed);
    // SAFETY: the caller's duty.
    unsafe { system::back(start as *mut u8, bytes) };
}

/// Sees to it that the regions of this memory have no huge pages: the first touch of one page would
/// bring back all those that were handed back around it.
fn flatten(start: usize, bytes: usize) {
    for region in start / REGION_BYTES..=(start + bytes - 1) / REGION_BYTES {
        let mut flat = FLAT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(place) = flat.binary_search(&region) {
            flat.insert(place, region);
            system::use_small_pages((region * REGION_BYTES) as *mut u8, REGION_BYTES);
        }
    }
}

/// Bytes of the vacated runs.
static VACATED: AtomicUsize = AtomicUsize::new(0);
/// Regions that are not backed by huge pages any more: their addresses in units of their length.
static FLAT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// Set when [`tidy`] has something to do.
static EXCESS: AtomicBool = AtomicBool::new(false);
static TRIM: OnceLock<fn()> = OnceLock::new();
static STORE: Mutex<Store> = Mutex::new(Store::new(&VACATED));

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

fn store() -> MutexGuard<'static, Store> {
    // Nothing in the store can panic half-way.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn layout(n_pages: usize) -> Layout {
    Layout::from_size_align(n_pages * PAGE, PAGE).expect("runs are short")
}

fn cache_len(n_pages: usize) -> usize {
    CACHE_BYTES / (n_pages * PAGE)
}

/// Runs of one thread, by length.
struct Cache {
    lists: [Vec<*mut u8>; RUN_PAGES_MAX],
    /// Runs that the thread has obtained or released.
    churn: usize,
}

impl Cache {
    const fn new() -> Cache {
        Cache { lists: [const { Vec::new() }; RUN_PAGES_MAX], churn: 0 }
    }

    fn pop(&mut self, n_pages: usize) -> Option<*mut u8> {
        self.churn += 1;
        self.lists[n_pages - 1].pop()
    }

    fn take_churned(&mut self) -> bool {
        let churned = self.churn >= CHURN;
        if churned {
            self.churn = 0;
        }
        churned
    }

    fn is_full(&self, n_pages: usize) -> bool {
        self.lists[n_pages - 1].len() >= cache_len(n_pages)
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (list, n_pages) in self.lists.iter_mut().zip(1..) {
            store().put(n_pages, list.drain(..));
        }
    }
}

/// Free runs of one length.
struct Class {
    /// The one freed last is at the back.
    ready: VecDeque<*mut u8>,
    cold: Vec<*mut u8>,
}

/// All runs that no thread has to itself.
struct Store {
    classes: [Class; RUN_PAGES_MAX],
    /// Bytes of all runs that are not in the store: used or cached.
    used: usize,
    ready: usize,
    fresh: *mut u8,
    fresh_left: usize,
    n_regions: usize,
    /// Bytes of the used runs that are vacated.
    vacated: &'static AtomicUsize,
}

// SAFETY: P1: the store owns the memory behind its pointers.
unsafe impl Send for Store {}

impl Store {
    const fn new(vacated: &'static AtomicUsize) -> Store {
        Store {
            classes: [const { Class { ready: VecDeque::new(), cold: Vec::new() } }; RUN_PAGES_MAX],
            used: 0,
            ready: 0,
            fresh: ptr::null_mut(),
            fresh_left: 0,
            n_regions: 0,
            vacated,
        }
    }

    /// One run; a few more of those that are ready go to `cache`, which has none.
    fn take(&mut self, n_pages: usize, cache: &mut Cache) -> *mut u8 {
        let len = n_pages * PAGE;
        let class = &mut self.classes[n_pages - 1];
        let n = class.ready.len().min(cache_len(n_pages) / 2);
        if n > 0 {
            let runs = class.ready.drain(class.ready.len() - n..);
            cache.lists[n_pages - 1].extend(runs);
            self.ready -= n * len;
            self.used += n * len;
            self.mark_excess();
            if let Some(run) = cache.pop(n_pages) {
                return run;
            }
        }
        self.take_one(n_pages).unwrap_or(ptr::null_mut())
    }

    fn take_one(&mut self, n_pages: usize) -> Option<*mut u8> {
        let len = n_pages * PAGE;
        let class = &mut self.classes[n_pages - 1];
        let run = if let Some(run) = class.ready.pop_back() {
            self.ready -= len;
            run
        } else if let Some(run) = class.cold.pop() {
            run
        } else {
            self.carve(len)?
        };
        self.used += len;
        Some(run)
    }

    fn put(&mut self, n_pages: usize, runs: impl IntoIterator<Item = *mut u8>) {
        let len = n_pages * PAGE;
        let class = &mut self.classes[n_pages - 1];
        let before = class.ready.len();
        class.ready.extend(runs);
        let bytes = (class.ready.len() - before) * len;
        self.used -= bytes;
        self.ready += bytes;
        self.mark_excess();
    }

    /// Runs to hand back, and their length in pages: the oldest of the class that has most.
    fn take_oldest(&mut self) -> Option<(usize, Vec<*mut u8>)> {
        let excess = self.ready.saturating_sub(self.keep());
        let bytes_of = |(class, n_pages): (&Class, usize)| class.ready.len() * n_pages;
        let (class, n_pages) =
            self.classes.iter_mut().zip(1..).max_by_key(|(class, n)| bytes_of((class, *n)))?;
        let len = n_pages * PAGE;
        let n = TIDY_RUNS.min(excess.div_ceil(len)).min(class.ready.len());
        if n == 0 {
            return None;
        }
        let runs = class.ready.drain(..n).collect();
        self.ready -= n * len;
        self.used += n * len;
        self.mark_excess();
        Some((n_pages, runs))
    }

    fn put_cold(&mut self, n_pages: usize, runs: Vec<*mut u8>) {
        self.used -= runs.len() * n_pages * PAGE;
        self.classes[n_pages - 1].cold.extend(runs);
        self.mark_excess();
    }

    fn carve(&mut self, len: usize) -> Option<*mut u8> {
        if self.fresh_left < len {
            let small_bytes = if self.n_regions == 0 { SMALL_PAGE_BYTES } else { 0 };
            let region = system::reserve(REGION_BYTES, small_bytes)?;
            self.recycle_rest();
            self.n_regions += 1;
            (self.fresh, self.fresh_left) = (region, REGION_BYTES);
        }
        let run = self.fresh;
        self.fresh = run.wrapping_add(len);
        self.fresh_left -= len;
        Some(run)
    }

    /// What is left of a region is shorter than the longest run: it becomes one run.
    fn recycle_rest(&mut self) {
        if self.fresh_left > 0 {
            self.classes[self.fresh_left / PAGE - 1].cold.push(self.fresh);
        }
    }

    fn keep(&self) -> usize {
        // Relaxed: about right is enough.
        let backed = self.used.saturating_sub(self.vacated.load(Ordering::Relaxed));
        KEEP_BYTES.max(backed / 8)
    }

    fn mark_excess(&self) {
        let excess = self.ready > self.keep();
        if EXCESS.load(Ordering::Relaxed) != excess {
            EXCESS.store(excess, Ordering::Relaxed);
        }
    }
}

/// The calls to the operating system.
#[cfg(not(miri))]
mod system {
    use super::{PAGE, ptr};

    /// Address space that is backed when it is touched, aligned to its length; by huge pages where
    /// there are any, but for the first `small_bytes`.
    pub(super) fn reserve(bytes: usize, small_bytes: usize) -> Option<*mut u8> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping anywhere; checked below.
        let raw = unsafe { libc::mmap(ptr::null_mut(), 2 * bytes, prot, flags, -1, 0) };
        if raw == libc::MAP_FAILED {
            return None;
        }
        let raw = raw.cast::<u8>();
        let before = raw.align_offset(bytes);
        let start = raw.wrapping_add(before);
        // SAFETY: the two ends of the mapping that are not used. A refusal costs address space.
        unsafe {
            if before > 0 {
                libc::munmap(raw.cast(), before);
            }
            libc::munmap(start.add(bytes).cast(), bytes - before);
        }
        #[cfg(target_os = "linux")]
        // SAFETY: within the mapping. A refusal changes nothing but speed.
        unsafe {
            let rest = start.add(small_bytes).cast();
            libc::madvise(rest, bytes - small_bytes, libc::MADV_HUGEPAGE);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = small_bytes;
        Some(start)
    }

    /// Gives up the pages behind a piece of a region; the addresses stay.
    ///
    /// # Safety
    /// Nobody uses the piece.
    pub(super) unsafe fn hand_back(start: *mut u8, bytes: usize) {
        // Where the system's pages are longer than ours, the whole ones inside.
        let page = page_bytes();
        let first = start.align_offset(page);
        let len = bytes.saturating_sub(first) / page * page;
        if len > 0 {
            // SAFETY: within a mapping of `reserve`; P3.
            unsafe { libc::madvise(start.add(first).cast(), len, libc::MADV_DONTNEED) };
        }
    }

    /// Backs a piece of a region at once, instead of page by page as it is touched.
    ///
    /// # Safety
    /// The piece is the caller's.
    pub(super) unsafe fn back(start: *mut u8, bytes: usize) {
        #[cfg(target_os = "linux")]
        {
            // Pages that the piece shares with others are backed already, or will be.
            let before = start as usize % page_bytes();
            let bytes = (before + bytes).next_multiple_of(page_bytes());
            let start = start.wrapping_sub(before);
            // SAFETY: within a mapping of `reserve`. Systems that do not know it refuse, which
            // changes nothing but speed.
            unsafe { libc::madvise(start.cast(), bytes, libc::MADV_POPULATE_WRITE) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (start, bytes);
    }

    /// No huge pages in this region from now on.
    pub(super) fn use_small_pages(region: *mut u8, bytes: usize) {
        #[cfg(target_os = "linux")]
        // SAFETY: a mapping of `reserve`. A refusal changes nothing but the use of memory.
        unsafe {
            libc::madvise(region.cast(), bytes, libc::MADV_NOHUGEPAGE);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (region, bytes);
    }

    fn page_bytes() -> usize {
        // SAFETY: no memory is involved.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).unwrap_or(PAGE).max(PAGE)
    }
}

/// Miri knows no `madvise`.
#[cfg(miri)]
mod system {
    use super::HUGE_PAGE;
    use std::alloc::{Layout, alloc};

    pub(super) fn reserve(bytes: usize, _: usize) -> Option<*mut u8> {
        let layout = Layout::from_size_align(bytes, HUGE_PAGE).ok()?;
        // SAFETY: the size is not zero.
        let raw = unsafe { alloc(layout) };
        (!raw.is_null()).then_some(raw)
    }

    pub(super) unsafe fn hand_back(start: *mut u8, bytes: usize) {
        // SAFETY: nobody uses the piece.
        unsafe { start.write_bytes(0, bytes) };
    }

    pub(super) unsafe fn back(_: *mut u8, _: usize) {}

    pub(super) fn use_small_pages(_: *mut u8, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: AtomicUsize = AtomicUsize::new(0);

    /// A store of its own, with the pool's rules and no cache.
    fn used_up(store: &mut Store, n: usize, n_pages: usize) -> Vec<*mut u8> {
        (0..n).map(|_| store.take_one(n_pages).expect("memory")).collect()
    }

    #[test]
    fn runs_do_not_overlap_and_are_reused_last_in_first_out() {
        let mut store = Store::new(&NONE);
        let mut runs = Vec::new();
        for n_pages in 1..=RUN_PAGES_MAX {
            for run in used_up(&mut store, 3, n_pages) {
                runs.push((run as usize, run as usize + n_pages * PAGE));
            }
        }
        runs.sort_unstable();
        assert!(runs.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        let (a, b) = (store.take_one(2).expect("memory"), store.take_one(2).expect("memory"));
        store.put(2, [a]);
        store.put(2, [b]);
        assert_eq!(store.take_one(2), Some(b));
        assert_eq!(store.take_one(2), Some(a));
    }

    #[test]
    fn what_is_ready_beyond_the_reserve_goes_back_oldest_first() {
        let mut store = Store::new(&NONE);
        let n = 2 * KEEP_BYTES / PAGE;
        let runs = used_up(&mut store, n, 1);
        store.put(1, runs.iter().copied());
        let mut back = Vec::new();
        while let Some((n_pages, batch)) = store.take_oldest() {
            back.extend_from_slice(&batch);
            store.put_cold(n_pages, batch);
        }
        assert_eq!(back, runs[..n / 2]);
        assert_eq!(store.ready, KEEP_BYTES);
        assert_eq!(store.used, 0);
        // Ready ones are used first, cold ones before fresh ones.
        let again = used_up(&mut store, n, 1);
        assert!(again[..n / 2].iter().rev().eq(&runs[n / 2..]));
        let mut last: Vec<_> = again[n / 2..].to_vec();
        last.sort_unstable();
        assert_eq!(last, runs[..n / 2]);
    }

    #[test]
    fn an_eighth_of_what_is_used_may_stay_ready() {
        let mut store = Store::new(&NONE);
        let n = 18 * KEEP_BYTES / (16 * PAGE);
        let runs = used_up(&mut store, n, 16);
        store.put(16, runs[..n / 9].iter().copied());
        assert!(store.take_oldest().is_none(), "{} of {}", store.ready, store.used);
    }

    #[test]
    #[cfg(not(any(miri, asan)))]
    fn a_run_is_kept_by_its_thread_and_left_to_others_when_that_ends() {
        let (first, again) = std::thread::spawn(|| {
            let run = obtain(3);
            // SAFETY: a run of three pages, given back once.
            unsafe {
                run.write_bytes(1, 3 * PAGE);
                release(run, 3);
            }
            (run as usize, obtain(3) as usize)
        })
        .join()
        .expect("no panic");
        assert_eq!(first, again);
    }
}
