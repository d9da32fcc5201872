//! What can be called an arm, and what is refused.

use super::*;

fn peer(name: &str) -> Arm {
    Arm::Peer(Peer::parse(&format!("{name}=serve {{port}}")).unwrap())
}

#[test]
fn a_command_is_split_into_words_and_told_its_port() {
    let peer = Peer::parse("go=./echo --listen ':{port}' 'two words' {port}").unwrap();
    let words: Vec<String> = peer.words(80).collect();
    assert_eq!(words, ["./echo", "--listen", ":80", "two words", "80"]);
    let equals = Peer::parse("go=env PORT={port} a=b").unwrap();
    assert_eq!(equals.words(7).collect::<Vec<_>>(), ["env", "PORT=7", "a=b"]);
}

#[test]
fn what_is_no_peer_is_explained() {
    for (text, reason) in [
        ("echo {port}", "NAME='COMMAND {port}'"),
        ("=echo {port}", "a peer's name"),
        ("a/b=echo {port}", "a peer's name"),
        ("a b=echo {port}", "a peer's name"),
        ("-go=echo {port}", "a peer's name"),
        ("a-name-far-too-long=echo {port}", "a peer's name"),
        ("raw=echo {port}", "built-in"),
        ("Raw=echo {port}", "built-in"),
        ("go=", "no command"),
        ("go=echo 8080", "no {port}"),
        ("go=echo 'x {port}", "without an end"),
    ] {
        let error = Peer::parse(text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn an_arm_is_a_style_or_a_peer() {
    assert_eq!(Arm::parse("raw").unwrap(), Arm::Style(Style::Raw));
    assert_eq!(Arm::parse("go=serve {port}").unwrap(), peer("go"));
    assert!(Arm::parse("rw").unwrap_err().contains("did you mean `raw`?"));
}

#[test]
fn names_are_distinct() {
    assert!(ensure_distinct(&[Arm::Style(Style::Raw), peer("go"), peer("go2")]).is_ok());
    for other in ["go", "GO"] {
        let error = ensure_distinct(&[peer("go"), peer(other)]).unwrap_err();
        assert!(error.contains(other), "{error}");
    }
}

#[test]
fn files_keep_what_an_arm_is() {
    for arm in [Arm::Style(Style::Threads), peer("go")] {
        let text = serde_json::to_string(&arm).unwrap();
        assert_eq!(serde_json::from_str::<Arm>(&text).unwrap(), arm, "{text}");
    }
    assert_eq!(serde_json::to_string(&Arm::Style(Style::Raw)).unwrap(), "\"raw\"");
}
