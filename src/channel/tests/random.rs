//! Random operations against the model.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert_eq, proptest};

use super::*;

proptest! {
    #[test]
    fn random_operations_agree_with_the_model(data in vec(any::<u8>(), 0..400)) {
        model::check_ops(&data);
    }

    /// Batches that meet many waiting selects: rare among random bytes.
    #[test]
    fn random_batches_agree_with_the_model(
        selects in vec((0_u8..6, vec(2_u8..6, 1..5)), 1..6),
        feeds in vec((11_u8..14, 2_u8..6), 1..8),
    ) {
        let mut data = vec![0, 4, 0, 0, 5, 0]; // two more fed channels
        for (fiber, channels) in selects {
            data.extend([9, fiber, channels.len() as u8]);
            data.extend(channels.iter().flat_map(|&channel| [0, channel]));
        }
        for (operation, channel) in feeds {
            data.extend([operation, channel]);
        }
        data.extend([15, 11, 2, 11, 3, 15]);
        model::check_ops(&data);
    }

    #[test]
    fn a_buffer_holds_exactly_its_capacity(capacity in 0_u32..50) {
        let (mut channels, id) = with(Kind::Bounded(capacity));
        let stored = (0_u64..).take_while(|&value| channels.send(id, A, value) == SendOutcome::Sent);
        prop_assert_eq!(stored.count(), capacity as usize);
    }
}
