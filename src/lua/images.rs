//! The images of a program: one after the other, each with a seed of its own for the hashes of
//! strings.
//!
//! # How it works
//! All copies of an image hash alike. Who finds out how, say from the order of `pairs`, knows which
//! keys collide in every process of the program. So what was found out is not good for ever: now
//! and then a spawn makes a new image, and the processes after it are copies of that.
//!
//! An image stays as long as its program, so that nobody needs to count who uses it. In return each
//! is used twice as long as the one before it, and few are ever made.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::cx::Launch;
use super::image::Image;
use super::rest::Patterns;
use super::secret::hash_seed;
use super::template;
use crate::stash::Shared;

/// Which process of a program is the first to be a copy: a few do not make an image worth while. In
/// a debug build it is the first one, so that all tests run in copies.
const FIRST_COPY: u32 = if cfg!(debug_assertions) { 1 } else { 3 };

/// How many images a program can have.
const IMAGES_MAX: usize = 32;

/// So many copies, as a power of two, are made of the first image, on average. In a debug build so
/// few that tests see several.
const FIRST_COPIES_LOG2: usize = if cfg!(debug_assertions) { 6 } else { 17 };

/// Which image of its program a VM is a copy of. Of those that are built one by one it is the
/// first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation(u32);

/// An image with what copies of it have in common.
#[derive(Debug)]
struct Made {
    /// None where processes have to be built one by one.
    image: Option<Image>,
    /// What those at rest are compared with.
    patterns: Patterns,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Images {
    made: [OnceLock<Box<Made>>; IMAGES_MAX],
    /// The newest that can be copied.
    newest: AtomicUsize,
    n_begun: AtomicU32,
}

impl Images {
    /// The image to copy, if there is one.
    pub(crate) fn newest(&self) -> Option<(Generation, &Image)> {
        // Acquire: pairs with the release in `renew`.
        let newest = self.newest.load(Ordering::Acquire);
        let generation = Generation(newest as u32);
        Some((generation, self.get(generation)?))
    }

    /// The image of a generation.
    pub(crate) fn get(&self, generation: Generation) -> Option<&Image> {
        self.made[generation.0 as usize].get()?.image.as_ref()
    }

    /// The patterns of the VMs of an image.
    pub(crate) fn patterns(&self, generation: Generation) -> Option<&Patterns> {
        Some(&self.made[generation.0 as usize].get()?.patterns)
    }

    /// Whether a copy of any of them was at rest.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn has_patterns(&self) -> bool {
        self.made.iter().filter_map(OnceLock::get).any(|made| !made.patterns.is_empty())
    }

    /// Whether there is an image for the next process of the program; may make the first one, or
    /// another. `random` is a number that no other process got.
    pub(crate) fn prepare(&self, launch: &Shared<Launch>, random: u64) -> bool {
        let Some(first) = self.made[0].get() else {
            // Relaxed: how many exactly does not matter.
            let n_begun = self.n_begun.fetch_add(1, Ordering::Relaxed) + 1;
            return n_begun >= FIRST_COPY && self.make(0, launch, random).image.is_some();
        };
        // Relaxed: an older one does as well.
        let age = FIRST_COPIES_LOG2 + self.newest.load(Ordering::Relaxed);
        if random >> (64 - age) == 0 && first.image.is_some() {
            self.renew(launch, random);
        }
        first.image.is_some()
    }

    fn make(&self, at: usize, launch: &Shared<Launch>, random: u64) -> &Made {
        self.made[at].get_or_init(|| {
            let image = template::make(launch, hash_seed(random));
            Box::new(Made { image, patterns: Patterns::default() })
        })
    }

    /// Makes one more, if there is room. Where that fails, the last one is used further.
    #[cold]
    fn renew(&self, launch: &Shared<Launch>, random: u64) {
        let Some(at) = self.made.iter().position(|made| made.get().is_none()) else { return };
        if self.make(at, launch, random).image.is_some() {
            // Release: pairs with the acquire in `newest`. Two that renew at once have made the
            // same one, or one after the other.
            self.newest.fetch_max(at, Ordering::Release);
        }
    }
}

#[cfg(test)]
#[cfg(not(any(loom, asan)))]
mod tests {
    use super::*;
    use crate::lua::testing::{environment, program, simulate};
    use crate::lua::{LuaBody, decode_value};
    use crate::process::{Encoded, Limits};

    /// The largest number asks for no other image, the smallest one does.
    const KEEP: u64 = u64::MAX;
    const RENEW: u64 = 0;

    fn launch(source: &str) -> Shared<Launch> {
        Launch::new(environment(), program(source))
    }

    #[test]
    fn processes_are_copies_of_the_newest_image() {
        let launch = launch("local t = { x = 1 } return function() return t.x end");
        let images = &launch.program.images;
        assert!(images.prepare(&launch, KEEP));
        assert_eq!(images.newest().map(|newest| newest.0), Some(Generation(0)));
        for n in 1..4 {
            assert!(images.prepare(&launch, KEEP) && images.prepare(&launch, RENEW + n));
            assert_eq!(images.newest().map(|newest| newest.0), Some(Generation(n as u32)));
        }
        // The older ones stay, since there may be copies of them.
        assert!((0..4).all(|n| images.get(Generation(n)).is_some()));
    }

    #[test]
    fn each_image_hashes_otherwise() {
        let source = "
            local t, names = {}, {}
            for i = 1, 64 do t['name' .. i] = true end
            for name in pairs(t) do names[#names + 1] = name end
            return function() return table.concat(names) end";
        let launch = launch(source);
        let order = |n: u64| {
            assert!(launch.program.images.prepare(&launch, n));
            let program = launch.program.clone();
            let body = LuaBody::new(environment(), program, Encoded::default(), Limits::default());
            let exit = simulate(u64::MAX - n, Box::new(body));
            exit.value.as_ref().map(decode_value).expect("it returns its names")
        };
        let orders: Vec<_> = (0..8).map(order).collect();
        let n_equal = orders.iter().filter(|order| **order == orders[0]).count();
        assert!(n_equal < 4, "{orders:?}");
    }

    #[test]
    fn an_image_after_the_last_is_the_last() {
        let launch = launch("return function() end");
        let images = &launch.program.images;
        (0..100).for_each(|n| assert!(images.prepare(&launch, n)));
        assert_eq!(images.newest().unwrap().0, Generation(IMAGES_MAX as u32 - 1));
    }
}
