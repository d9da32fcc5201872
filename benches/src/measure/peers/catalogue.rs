//! The ready-made peers: small, complete echo programs on other loops, whose sources are in this one.

/// An echo program that is not ours to tune: written as users of its loop write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReadyMade {
    /// The name of its arm.
    pub(crate) name: &'static str,
    /// What it is, in a few words.
    pub(crate) sentence: &'static str,
    /// The name of its source.
    pub(crate) file: &'static str,
    /// Its source. A line of it that begins with `build:` is the command that compiles it.
    pub(crate) text: &'static str,
    /// The command that tells where its interpreter is; none for a compiled one. A version manager
    /// puts a stand-in into the path, which is not what is to be measured.
    pub(super) interpreter: Option<&'static [&'static str]>,
    /// What stands between the program and the port.
    pub(super) words: &'static [&'static str],
    /// What has to be installed.
    pub(super) needs: &'static [&'static Need],
}

/// Something that has to be installed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// What it is.
    pub(crate) what: &'static str,
    /// Where it comes from.
    pub(crate) get: &'static str,
    /// The command that succeeds where it is installed.
    pub(super) check: &'static [&'static str],
    /// What that command reads.
    pub(super) input: &'static str,
}

const C: Need =
    Need { what: "a C compiler", get: "Debian: gcc", check: &["cc", "-E", "-xc", "-"], input: "" };

const LIBUV: Need = Need {
    what: "libuv's header",
    get: "Debian: libuv1-dev",
    check: &["cc", "-E", "-xc", "-"],
    input: "#include <uv.h>\n",
};

const CPP: Need = Need {
    what: "a C++20 compiler",
    get: "Debian: g++",
    check: &["c++", "-std=c++20", "-E", "-xc++", "-"],
    input: "",
};

const ASIO: Need = Need {
    what: "Boost.Asio's headers",
    get: "Debian: libboost-dev",
    check: &["c++", "-std=c++20", "-E", "-xc++", "-"],
    input: "#include <boost/asio/version.hpp>\n",
};

const ASIO_COROUTINES: Need = Need {
    what: "Boost.Asio with C++20's coroutines",
    get: "Debian: libboost-dev, g++ 11 or newer",
    check: &["c++", "-std=c++20", "-E", "-xc++", "-"],
    input: "#include <boost/asio/detail/config.hpp>\n\
            #ifndef BOOST_ASIO_HAS_CO_AWAIT\n#error none\n#endif\n",
};

const GO: Need =
    Need { what: "Go", get: "Debian: golang-go", check: &["go", "version"], input: "" };

const PYTHON: Need = Need {
    what: "Python 3.11 or newer",
    get: "Debian: python3",
    check: &["python3", "-c", "import asyncio; asyncio.Runner"],
    input: "",
};

const UVLOOP: Need = Need {
    what: "uvloop",
    get: "Debian: python3-uvloop; pip: uvloop",
    check: &["python3", "-c", "import uvloop"],
    input: "",
};

const NODE: Need = Need {
    what: "Node 18 or newer",
    get: "Debian: nodejs",
    check: &["node", "-e", "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)"],
    input: "",
};

const PYTHON_ITSELF: &[&str] = &["python3", "-c", "import sys; print(sys.executable)"];
const NODE_ITSELF: &[&str] = &["node", "-p", "process.execPath"];

const PYTHON_ECHO: &str = include_str!("../../../peers/python_echo.py");

/// All of them, in the order of lists.
pub(crate) const READY_MADE: [ReadyMade; 10] = [
    compiled(
        ("libuv", "C: callbacks, a shared buffer, write requests only when the kernel is full"),
        ("libuv.c", include_str!("../../../peers/libuv.c")),
        &[&C, &LIBUV],
    ),
    compiled(
        ("asio-callbacks", "C++: Boost.Asio, completion handlers"),
        ("asio_callbacks.cpp", include_str!("../../../peers/asio_callbacks.cpp")),
        &[&CPP, &ASIO],
    ),
    compiled(
        ("asio-coroutines", "C++20: Boost.Asio, coroutines"),
        ("asio_coroutines.cpp", include_str!("../../../peers/asio_coroutines.cpp")),
        &[&CPP, &ASIO_COROUTINES],
    ),
    python(
        "asyncio-protocol",
        "Python: asyncio, a Protocol",
        &["--loop", "asyncio", "--style", "protocol"],
    ),
    python(
        "asyncio-streams",
        "Python: asyncio, streams and await",
        &["--loop", "asyncio", "--style", "streams"],
    ),
    python(
        "uvloop-protocol",
        "Python: uvloop, a Protocol",
        &["--loop", "uvloop", "--style", "protocol"],
    ),
    python(
        "uvloop-streams",
        "Python: uvloop, streams and await",
        &["--loop", "uvloop", "--style", "streams"],
    ),
    node(
        ("node-callbacks", "JavaScript: Node's net module, callbacks"),
        ("node_callbacks.mjs", include_str!("../../../peers/node_callbacks.mjs")),
    ),
    node(
        ("node-await", "JavaScript: Node's net module, for await"),
        ("node_await.mjs", include_str!("../../../peers/node_await.mjs")),
    ),
    compiled(
        ("go", "Go: a goroutine for each connection"),
        ("go_echo.go", include_str!("../../../peers/go_echo.go")),
        &[&GO],
    ),
];

const fn compiled(
    (name, sentence): (&'static str, &'static str),
    (file, text): (&'static str, &'static str),
    needs: &'static [&'static Need],
) -> ReadyMade {
    ReadyMade { name, sentence, file, text, interpreter: None, words: &[], needs }
}

const fn python(
    name: &'static str,
    sentence: &'static str,
    words: &'static [&'static str],
) -> ReadyMade {
    let needs: &[&Need] = match words[1].as_bytes() {
        b"uvloop" => &[&PYTHON, &UVLOOP],
        _ => &[&PYTHON],
    };
    let (file, text) = ("python_echo.py", PYTHON_ECHO);
    ReadyMade { name, sentence, file, text, interpreter: Some(PYTHON_ITSELF), words, needs }
}

const fn node(
    (name, sentence): (&'static str, &'static str),
    (file, text): (&'static str, &'static str),
) -> ReadyMade {
    let interpreter = Some(NODE_ITSELF);
    ReadyMade { name, sentence, file, text, interpreter, words: &[], needs: &[&NODE] }
}

impl ReadyMade {
    /// Returns the words of the command that compiles it, as its source tells them.
    pub(super) fn build_words(&self) -> Option<impl Iterator<Item = &'static str>> {
        let line = self.text.lines().find_map(|line| line.strip_prefix("// build: "))?;
        Some(line.split_whitespace())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_says_how_it_is_run_and_the_compiled_ones_how_they_are_built() {
        for peer in &READY_MADE {
            assert!(peer.text.contains("run:"), "{}", peer.name);
            let build: Option<Vec<_>> = peer.build_words().map(Iterator::collect);
            assert_eq!(build.is_none(), peer.interpreter.is_some(), "{}", peer.name);
            if let Some(build) = build {
                assert!(build.contains(&peer.name) && build.contains(&peer.file), "{build:?}");
            }
        }
    }

    #[test]
    fn every_need_says_how_to_get_it() {
        for need in READY_MADE.iter().flat_map(|peer| peer.needs) {
            assert!(!need.what.is_empty() && need.get.contains(": "), "{need:?}");
        }
    }
}
