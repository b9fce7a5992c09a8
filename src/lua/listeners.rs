//! The listen channels of a process, by topic. Most processes listen to one or two topics, which
//! are found faster by looking at each than by a hash, and need no table.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::channel::ChannelId;
use crate::process::Topic;

/// More than so many topics are hashed.
const FEW: usize = 8;

/// See the module. Topics are in `few` or in `many`, never in both.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    few: SmallVec<[(Topic, ChannelId); 1]>,
    many: Option<Box<FxHashMap<Topic, ChannelId>>>,
}

impl Listeners {
    pub(crate) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_none()
    }

    #[inline]
    pub(crate) fn get(&self, topic: &[u8]) -> Option<ChannelId> {
        for (known, channel) in &self.few {
            if known[..] == *topic {
                return Some(*channel);
            }
        }
        self.many.as_ref()?.get(topic).copied()
    }

    /// Adds a topic that is not listened to yet.
    pub(crate) fn insert(&mut self, topic: Topic, channel: ChannelId) {
        debug_assert!(self.get(&topic).is_none(), "one channel a topic");
        if self.many.is_none() && self.few.len() < FEW {
            self.few.push((topic, channel));
            return;
        }
        let many = self.many.get_or_insert_default();
        many.extend(self.few.drain(..));
        many.insert(topic, channel);
    }

    /// Forgets a channel; gives its topic.
    pub(crate) fn remove(&mut self, channel: ChannelId) -> Option<Topic> {
        if let Some(at) = self.few.iter().position(|(_, open)| *open == channel) {
            return Some(self.few.remove(at).0);
        }
        let many = self.many.as_mut()?;
        let topic = many.iter().find(|(_, open)| **open == channel)?.0.clone();
        many.remove(&topic);
        if many.is_empty() {
            self.many = None;
        }
        Some(topic)
    }

    /// The open channels, in no order.
    pub(crate) fn channels(&self) -> impl Iterator<Item = ChannelId> {
        let few = self.few.iter().map(|(_, channel)| *channel);
        few.chain(self.many.iter().flat_map(|many| many.values().copied()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn topics_are_found_as_in_a_map(
            steps in prop::collection::vec((any::<bool>(), 0_u64..24), 0..200),
        ) {
            let mut listeners = Listeners::default();
            let mut model = FxHashMap::default();
            let topic = |n: u64| Topic::from_slice(format!("topic {n}").as_bytes());
            for (opens, n) in steps {
                let channel = ChannelId::from_bits(n);
                if !opens {
                    let expected = model.remove(&n).map(|_| topic(n));
                    prop_assert_eq!(listeners.remove(channel), expected);
                } else if model.insert(n, channel).is_none() {
                    listeners.insert(topic(n), channel);
                }
                prop_assert_eq!(listeners.is_empty(), model.is_empty());
                for n in 0..24 {
                    prop_assert_eq!(listeners.get(&topic(n)), model.get(&n).copied());
                }
                prop_assert_eq!(listeners.channels().count(), model.len());
            }
        }
    }
}
