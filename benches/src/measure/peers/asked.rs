//! What `--peer` and the arms of a duel may be: a style, a command, a ready-made peer, all of those.

use examples::Style;
use serde::{Deserialize, Serialize};

use super::catalogue::{READY_MADE, ReadyMade};
use super::workshop::Workshop;
use crate::failure::Failure;
use crate::measure::arm::{Arm, Peer};
use crate::nearest;

/// The word for all ready-made peers that can be used here.
const ALL: &str = "all";

/// Something that the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A style, or a command: an arm as it is.
    Arm(Arm),
    /// Ready-made peers by their names: each of them, or the run does not begin.
    Named(Vec<&'static ReadyMade>),
    /// Those of the ready-made peers that can be used here.
    All,
}

/// A ready-made peer that cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Absent {
    /// Its name.
    pub(crate) name: String,
    /// What is missing, and how to get it.
    pub(crate) reason: String,
}

/// The arms that are there, in the order in which they were asked for, and the peers that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) arms: Vec<Arm>,
    pub(crate) absent: Vec<Absent>,
}

impl Asked {
    /// Reads what `--peer` takes: names of ready-made peers, `all`, or `NAME='COMMAND {port}'`.
    ///
    /// # Errors
    ///
    /// Names the nearest, and all, of the ready-made peers; or as those of [`Peer::parse`].
    pub(crate) fn peer(text: &str) -> Result<Asked, String> {
        if text.contains('=') {
            return Peer::parse(text).map(|peer| Asked::Arm(Arm::Peer(peer)));
        }
        if text == ALL {
            return Ok(Asked::All);
        }
        text.split(',').map(named).collect::<Result<_, _>>().map(Asked::Named)
    }

    /// Reads what an arm of a duel takes: a style, a ready-made peer or a command.
    ///
    /// # Errors
    ///
    /// Names the nearest of the styles and the ready-made peers; or as those of [`Peer::parse`].
    pub(crate) fn arm(text: &str) -> Result<Asked, String> {
        if text.contains('=') {
            return Arm::parse(text).map(Asked::Arm);
        }
        if let Ok(style) = text.parse() {
            return Ok(Asked::Arm(Arm::Style(style)));
        }
        named(text).map(|peer| Asked::Named(vec![peer])).map_err(|_| {
            let styles = Style::ALL.map(Style::name);
            let hint = nearest::hint(text, styles.into_iter().chain(names()));
            format!(
                "no such style or peer; {hint}the styles are {}; the ready-made peers are {}",
                styles.join(", "),
                names().collect::<Vec<_>>().join(", ")
            )
        })
    }
}

/// Makes arms of what was asked for, which builds the peers that are to be built.
///
/// # Errors
///
/// When a peer that was asked for by its name cannot be used here.
pub(crate) fn resolve<'a>(asked: impl IntoIterator<Item = &'a Asked>) -> Result<Resolved, Failure> {
    let mut workshop = Workshop::open();
    let mut resolved = Resolved::default();
    for asked in asked {
        match asked {
            Asked::Arm(arm) => resolved.arms.push(arm.clone()),
            Asked::Named(peers) => {
                for &peer in peers {
                    let refused =
                        |reason| Failure::Refused(format!("the peer {} {reason}", peer.name));
                    let peer = workshop.prepare(peer).map_err(refused)?;
                    resolved.arms.push(Arm::Peer(peer));
                }
            }
            Asked::All => {
                for peer in &READY_MADE {
                    match workshop.prepare(peer) {
                        Ok(peer) => resolved.arms.push(Arm::Peer(peer)),
                        Err(reason) => {
                            resolved.absent.push(Absent { name: peer.name.to_owned(), reason });
                        }
                    }
                }
            }
        }
    }
    Ok(resolved)
}

/// Finds a ready-made peer, or says which one was probably meant, and which there are.
///
/// # Errors
///
/// When none has the name.
pub(crate) fn named(name: &str) -> Result<&'static ReadyMade, String> {
    find(name).ok_or_else(|| {
        let hint = nearest::hint(name, names());
        format!(
            "no such ready-made peer; {hint}they are {}; another peer is NAME='COMMAND {{port}}'",
            names().collect::<Vec<_>>().join(", ")
        )
    })
}

fn find(name: &str) -> Option<&'static ReadyMade> {
    READY_MADE.iter().find(|peer| peer.name == name)
}

fn names() -> impl Iterator<Item = &'static str> {
    READY_MADE.iter().map(|peer| peer.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_name_or_several_or_all_or_a_command() {
        let named = |text: &str| match Asked::peer(text).unwrap() {
            Asked::Named(peers) => peers.iter().map(|peer| peer.name).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(named("libuv"), ["libuv"]);
        assert_eq!(named("libuv,go"), ["libuv", "go"]);
        assert_eq!(Asked::peer("all").unwrap(), Asked::All);
        assert!(matches!(Asked::peer("go=./mine {port}").unwrap(), Asked::Arm(Arm::Peer(_))));
    }

    #[test]
    fn an_unknown_peer_names_the_nearest_and_all() {
        let reason = Asked::peer("libuw").unwrap_err();
        for part in ["did you mean `libuv`?", "asio-coroutines", "NAME='COMMAND {port}'"] {
            assert!(reason.contains(part), "{reason}");
        }
        assert!(!Asked::peer("zzz").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn an_arm_of_a_duel_is_a_style_or_a_peer() {
        assert_eq!(Asked::arm("raw").unwrap(), Asked::Arm(Arm::Style(Style::Raw)));
        assert!(matches!(&Asked::arm("go").unwrap(), Asked::Named(peers) if peers.len() == 1));
        assert!(matches!(Asked::arm("go=./mine {port}").unwrap(), Asked::Arm(Arm::Peer(_))));
        for (slip, meant) in [("calbacks", "callbacks"), ("libuw", "libuv")] {
            let reason = Asked::arm(slip).unwrap_err();
            assert!(reason.contains(&format!("did you mean `{meant}`?")), "{reason}");
        }
    }

    #[test]
    fn no_ready_made_peer_has_the_name_of_a_style_or_of_all() {
        for name in names() {
            assert!(name.parse::<Style>().is_err() && name != ALL, "{name}");
            assert!(Peer::parse(&format!("{name}=serve {{port}}")).is_ok(), "{name}");
        }
    }
}
