//! The form of a suite's file, and what is refused of one, by line and field.

use std::ops::RangeInclusive;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::measure::load::{Bursts, SIZE_MAX, Shape, SlowReaders};
use crate::report::grouped;

/// The most of any kind of connections.
const CONNECTIONS_MAX: u64 = 1_000_000;

/// The longest name, which stands in tables and citations.
const NAME_LENGTH_MAX: usize = 32;

/// A suite as its file has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    /// By which it is cited, with its version.
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    /// Grows with every change of the loads: figures of two versions are not compared.
    #[serde(deserialize_with = "version")]
    pub(crate) version: u64,
    /// What the loads are a picture of, in a sentence.
    #[serde(deserialize_with = "sentence")]
    pub(crate) stands_for: String,
    /// The loads, each a run of its own.
    #[serde(rename = "load", deserialize_with = "some")]
    pub(crate) loads: Vec<Load>,
}

/// A load as the file has it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "WrittenLoad")]
pub(crate) struct Load(pub(crate) Shape);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLoad {
    #[serde(deserialize_with = "connections")]
    connections: usize,
    #[serde(deserialize_with = "size")]
    size_bytes: usize,
    #[serde(default = "one", deserialize_with = "depth")]
    pipeline: usize,
    #[serde(default)]
    churn: bool,
    bursts: Option<WrittenBursts>,
    slow_readers: Option<WrittenSlowReaders>,
    #[serde(default, deserialize_with = "connections_or_none")]
    idle_connections: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBursts {
    #[serde(deserialize_with = "messages")]
    messages: usize,
    #[serde(deserialize_with = "milliseconds")]
    within_ms: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSlowReaders {
    #[serde(deserialize_with = "connections")]
    connections: usize,
    #[serde(deserialize_with = "bytes_per_second")]
    bytes_per_second: usize,
}

impl TryFrom<WrittenLoad> for Load {
    type Error = &'static str;

    fn try_from(it: WrittenLoad) -> Result<Load, &'static str> {
        if it.churn && it.pipeline > 1 {
            return Err("with churn, each connection has one message: pipeline must be 1");
        }
        Ok(Load(Shape {
            pipeline: it.pipeline,
            churn: it.churn,
            bursts: it
                .bursts
                .map(|WrittenBursts { messages, within_ms }| Bursts { messages, within_ms }),
            slow_readers: it.slow_readers.map(|slow| SlowReaders {
                connections: slow.connections,
                bytes_per_second: slow.bytes_per_second as u64,
            }),
            idle: it.idle_connections,
            ..Shape::plain(it.connections, it.size_bytes)
        }))
    }
}

impl Suite {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Says in which line and field, and what is wrong: `line 6, connections: must be ...`.
    pub(crate) fn parse(text: &str) -> Result<Suite, String> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let number = text[..at].matches('\n').count() + 1;
            let line = text.lines().nth(number - 1).unwrap_or_default();
            let message = error.message().replace('\n', " ");
            match field(line) {
                Some(field) => format!("line {number}, {field}: {message}"),
                None => format!("line {number}: {message}"),
            }
        })
    }
}

/// Returns the name that a line gives a value or a table.
fn field(line: &str) -> Option<&str> {
    let name = line.split_once('=').map_or(line, |(name, _)| name);
    let name = name.trim().trim_matches(['[', ']']);
    let is_name = |it: &str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Some(name).filter(|name| !name.is_empty() && is_name(name))
}

fn one() -> usize {
    1
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.bytes().all(fits) {
        return Err(D::Error::custom(format!(
            "must be small letters, digits and -, {NAME_LENGTH_MAX} at most"
        )));
    }
    Ok(name)
}

fn sentence<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let sentence = String::deserialize(from)?;
    if sentence.trim().is_empty() || sentence.contains('\n') {
        return Err(D::Error::custom("must be a sentence on one line"));
    }
    Ok(sentence)
}

fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Load>, D::Error> {
    let loads = Vec::deserialize(from)?;
    if loads.is_empty() { Err(D::Error::custom("must have a load")) } else { Ok(loads) }
}

fn version<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    whole(from, 1..=1_000_000, "").map(|number| number as u64)
}

fn connections<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 1..=CONNECTIONS_MAX, " connections")
}

fn connections_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 0..=CONNECTIONS_MAX, " connections")
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 1..=SIZE_MAX as u64, " bytes")
}

fn depth<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 1..=1_024, " messages")
}

fn messages<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 2..=100_000, " messages")
}

fn bytes_per_second<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    whole(from, 50..=10_000_000, " bytes/s")
}

fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if (0.001..=10_000.0).contains(&number) {
        return Ok(number);
    }
    Err(D::Error::custom("must be a number from 0.001 to 10,000 ms"))
}

fn whole<'de, D: Deserializer<'de>>(
    from: D,
    within: RangeInclusive<u64>,
    unit: &str,
) -> Result<usize, D::Error> {
    let number = i64::deserialize(from)?;
    match u64::try_from(number) {
        Ok(number) if within.contains(&number) => Ok(number as usize),
        _ => {
            let [least, most] = [within.start(), within.end()].map(|end| grouped(*end as f64));
            Err(D::Error::custom(format!("must be a whole number from {least} to {most}{unit}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"mine\"\nversion = 3\nstands_for = \"Mine\"\n\n[[load]]\n\
                        connections = 8\nsize_bytes = 64\n";

    #[test]
    fn a_load_is_plain_unless_it_says_otherwise() {
        let suite = Suite::parse(GOOD).unwrap();
        assert_eq!((&*suite.name, suite.version), ("mine", 3));
        assert_eq!(suite.loads, [Load(Shape::plain(8, 64))]);
        let more = "bursts = { messages = 16, within_ms = 1 }\nidle_connections = 100\n\
                    slow_readers = { connections = 2, bytes_per_second = 1_000 }\npipeline = 4\n";
        let Load(shape) = Suite::parse(&format!("{GOOD}{more}")).unwrap().loads[0];
        assert_eq!((shape.pipeline, shape.idle, shape.connections_max()), (4, 100, 110));
        assert_eq!(shape.bursts, Some(Bursts { messages: 16, within_ms: 1.0 }));
    }

    #[test]
    fn a_bad_file_is_refused_by_line_and_field() {
        let changed = |from: &str, to: &str| GOOD.replace(from, to);
        for (text, reason) in [
            (
                changed("version = 3", "version = 0"),
                "line 2, version: must be a whole number from 1",
            ),
            (changed("version = 3", "version = \"3\""), "line 2, version: invalid type"),
            (changed("version = 3\n", ""), "missing field `version`"),
            (changed("\"mine\"", "\"My Own\""), "line 1, name: must be small letters"),
            (changed("\"Mine\"", "\" \""), "line 3, stands_for: must be a sentence"),
            (
                changed("= 8", "= 0"),
                "line 6, connections: must be a whole number from 1 to 1,000,000",
            ),
            (changed("= 8", "= -8"), "line 6, connections: must be a whole number"),
            (changed("size_bytes = 64", ""), "line 5, load: missing field `size_bytes`"),
            (changed("connections = 8", "conections = 8"), "line 6, conections: unknown field"),
            (changed("= 64", "= 16777217"), "line 7, size_bytes: must be"),
            (changed("= 64", "= 64\nchurn = 1"), "line 8, churn: invalid type"),
            (changed("= 64", "= 64\nchurn = true\npipeline = 2"), "line 5, load: with churn"),
            (changed("= 64", "= 64\nbursts = { messages = 2 }"), "line 8, bursts: missing field"),
            (changed("= 8", "= "), "line 6, connections"),
            (changed("[[load]]\nconnections = 8\nsize_bytes = 64\n", ""), "missing field `load`"),
            (
                changed("[[load]]\nconnections = 8\nsize_bytes = 64\n", "load = []"),
                "line 5, load: ",
            ),
        ] {
            let error = Suite::parse(&text).unwrap_err();
            assert!(error.starts_with(reason) || error.contains(reason), "{error}\n{text}");
            assert!(error.starts_with("line ") && !error.contains('\n'), "{error}");
        }
    }
}
