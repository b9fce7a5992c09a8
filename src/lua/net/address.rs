//! Reads `host:port`, the form in which programs name the ends of connections.

use std::net::{IpAddr, SocketAddr};

/// The longest name that DNS can hold, in bytes.
const NAME_MAX: usize = 253;

/// Where to connect or listen, as a program wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Numbers: known at once.
    Numeric(SocketAddr),
    /// A name, which has to be looked up.
    Named {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

/// The text is no address: the message says which was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress(pub(crate) String);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is neither `host:port` nor `[v6]:port`.
    pub(crate) fn parse(text: &[u8]) -> Result<Address, BadAddress> {
        parse(text).ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            BadAddress(format!("invalid address `{text}`: expected host:port or [v6]:port"))
        })
    }
}

fn parse(text: &[u8]) -> Option<Address> {
    let text = std::str::from_utf8(text).ok()?;
    let (host, port) = text.rsplit_once(':')?;
    let port = parse_port(port)?;
    if host.starts_with('[') {
        return text.parse().ok().map(Address::Numeric);
    }
    if let Ok(ip) = host.parse() {
        return Some(Address::Numeric(SocketAddr::new(IpAddr::V4(ip), port)));
    }
    is_name(host).then(|| Address::Named { host: host.to_owned(), port })
}

fn parse_port(text: &str) -> Option<u16> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Whether a text can be the name of a host: letters, digits, `-` and `_` in labels between dots.
/// What ends in a number is meant as an IPv4 address, and is a wrong one if it comes here.
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_label_byte);
    let is_numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= NAME_MAX
        && host.split('.').all(is_label)
        && !host.rsplit('.').next().is_some_and(is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(host: &str, port: u16) -> Address {
        Address::Named { host: host.to_owned(), port }
    }

    #[test]
    fn numbers_are_known_at_once() {
        for text in ["127.0.0.1:0", "0.0.0.0:65535", "[::1]:80", "[fe80::1%2]:80"] {
            let expected = Address::Numeric(text.parse().unwrap());
            assert_eq!(Address::parse(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn names_are_left_to_be_looked_up() {
        assert_eq!(Address::parse(b"localhost:80"), Ok(named("localhost", 80)));
        assert_eq!(Address::parse(b"a-b.example_1.org.:1"), Ok(named("a-b.example_1.org.", 1)));
        assert_eq!(Address::parse(b"3com.example:1"), Ok(named("3com.example", 1)));
    }

    #[test]
    fn everything_else_is_refused() {
        let bad = [
            "",
            ":",
            "localhost",
            "localhost:",
            ":80",
            "localhost:http",
            "localhost:+80",
            "localhost:65536",
            "localhost:-1",
            "::1:80",
            "[::1]",
            "[::1]80",
            "[::1",
            "[localhost]:80",
            "127.0.0:80",
            "256.0.0.1:80",
            "1:80",
            "a b:80",
            "a..b:80",
            ".:80",
            "a/b:80",
            "ä:80",
            "localhost:80 ",
            "http://localhost:80",
        ];
        for text in bad {
            assert!(Address::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Address::parse(b"\xff:80").is_err());
        assert!(Address::parse(b"a\0b:80").is_err());
        let long = format!("{}:80", "a".repeat(NAME_MAX + 1));
        assert!(Address::parse(long.as_bytes()).is_err());
    }

    #[test]
    fn the_message_names_the_text() {
        let BadAddress(text) = Address::parse(b"here").unwrap_err();
        assert_eq!(text, "invalid address `here`: expected host:port or [v6]:port");
    }
}
