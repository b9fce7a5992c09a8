//! "Did you mean": the known name that a misspelt one is closest to.

use super::id::EntryId;

/// The candidate closest to `name`, if it is close enough to be what was meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(LENGTH_MAX + 1).collect();
    if name.len() > LENGTH_MAX {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let chars: Vec<char> = candidate.chars().take(LENGTH_MAX + 1).collect();
            let length = name.len().max(chars.len());
            let close_enough = length.div_ceil(3);
            // The lengths alone rule most candidates out, before any quadratic work.
            if name.len().abs_diff(chars.len()) > close_enough {
                return None;
            }
            let distance = distance(&name, &chars);
            // More than half of the name must be right, which matters for the shortest ones.
            (distance <= close_enough && 2 * distance < length).then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The id that a wrong one is closest to: of a similar name in the same namespace, or of the same
/// name in another one.
pub(crate) fn nearest_id<'a>(
    id: &EntryId,
    candidates: impl IntoIterator<Item = &'a EntryId>,
) -> Option<&'a str> {
    let candidates: Vec<&EntryId> = candidates.into_iter().collect();
    let beside = candidates.iter().filter(|other| other.namespace() == id.namespace());
    let name = nearest(id.name(), beside.map(|other| other.name()));
    let is_meant = |other: &&&EntryId| match name {
        Some(name) => other.namespace() == id.namespace() && other.name() == name,
        None => other.name() == id.name(),
    };
    candidates.iter().find(is_meant).map(|id| id.as_str())
}

/// Names longer than this are not compared: the work grows with the square of the length.
const LENGTH_MAX: usize = 64;

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment, three rows of the usual table).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_back = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_back[j - 2] + 1);
            }
        }
        two_back = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_candidate_wins() {
        let fields = ["source", "method", "modules", "imports"];
        assert_eq!(nearest("metod", fields), Some("method"));
        assert_eq!(nearest("module", fields), Some("modules"));
        assert_eq!(nearest("soruce", fields), Some("source"));
    }

    #[test]
    fn distant_names_are_no_hint() {
        assert_eq!(nearest("colour", ["source", "method"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("fs", ["os"]), None);
        assert_eq!(nearest(&"m".repeat(1_000_000), ["method"]), None);
    }

    #[test]
    fn ids_are_close_by_name_or_differ_in_the_namespace_only() {
        let ids = ["app:lib", "app:worker", "app.x:list"].map(|id| EntryId::parse(id).unwrap());
        let meant = |id| nearest_id(&EntryId::parse(id).unwrap(), &ids);
        assert_eq!(meant("app:wroker"), Some("app:worker"));
        assert_eq!(meant("app.x:worker"), Some("app:worker"));
        assert_eq!(meant("app.x:wroker"), None);
        assert_eq!(meant("app:none"), None);
    }

    #[test]
    fn a_swap_of_neighbours_counts_once() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("ab"), &chars("ba")), 1);
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
    }
}
