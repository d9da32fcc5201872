//! A headless Chromium, told what to do through a pipe in its own protocol, and heard.
//!
//! Rule: whatever is awaited has a limit, and the browser ends with the value that owns it.

use std::env;
use std::fs::{self, DirEntry};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PATIENCE: Duration = Duration::from_secs(120);

/// No test process lives as long.
const OLD: Duration = Duration::from_secs(3600);

const FLAGS: [&str; 11] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1600,1000",
];

/// Makes a folder of this process's own for what all its tests look at, and removes those that earlier
/// processes have left: a static is never dropped.
pub(super) fn folder(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let is_old = |entry: &DirEntry| {
        let made = entry.metadata().and_then(|metadata| metadata.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD))
    };
    let left = fs::read_dir(&all).into_iter().flatten().flatten().filter(is_old);
    left.for_each(|entry| _ = fs::remove_dir_all(entry.path()));
    let own = all.join(std::process::id().to_string());
    fs::create_dir_all(&own).unwrap();
    own
}

/// A browser with one page.
pub(super) struct Chromium {
    process: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    /// What has happened since the last page was opened.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// Finds the browser, if one is installed.
    pub(super) fn installed() -> Option<PathBuf> {
        let folders = env::var_os("PATH")?;
        let files = env::split_paths(&folders)
            .flat_map(|folder| NAMES.map(|name| folder.join(name)))
            .collect::<Vec<_>>();
        files.into_iter().find(|file| file.is_file())
    }

    pub(super) fn start(program: &Path) -> Chromium {
        let profile = TempDir::new().unwrap();
        // The protocol is spoken on descriptors 3 and 4, to which a shell can move a pipe.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let (heard, messages) = channel();
        thread::spawn(move || {
            let answers = answers.split(0).map_while(Result::ok);
            let messages = answers.map(|message| serde_json::from_slice(&message).unwrap());
            messages.map_while(|message: Value| heard.send(message).ok()).for_each(drop);
        });
        let (session, events) = (None, Vec::new());
        let mut browser =
            Chromium { process, commands, messages, session, sent: 0, events, _profile: profile };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let page = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", page);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Tells the browser to do something, and returns what it answers.
    pub(super) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.hear();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Opens a page, and waits until it is loaded.
    pub(super) fn open(&mut self, address: &str) {
        // By way of an empty page, since an address that differs in its anchor alone loads nothing.
        for address in ["about:blank", address] {
            self.events.clear();
            self.call("Page.navigate", json!({ "url": address }));
            while !self.has_happened("Page.loadEventFired") {
                let event = self.hear();
                self.events.push(event);
            }
        }
    }

    /// Computes an expression in the page.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Moves the pointer over an element.
    pub(super) fn point_at(&mut self, selector: &str) -> (f64, f64) {
        let place = self.value(&format!(
            "(() => {{ const element = document.querySelector('{selector}'); \
             const place = () => {{ const box = element.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + Math.min(box.height / 2, 20)]; }}; \
             if (!element.contains(document.elementFromPoint(...place()))) \
             element.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             return place(); }})()"
        ));
        let (x, y) = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
        (x, y)
    }

    pub(super) fn click(&mut self, selector: &str) {
        let (x, y) = self.point_at(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    pub(super) fn press(&mut self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// Gives the page the size of a screen, and its scheme of colours.
    pub(super) fn screen(&mut self, width: u32, height: u32, scheme: &str) {
        let phone = width < 600;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Returns what went wrong since the page was opened: errors, and what was fetched from outside
    /// of a folder.
    pub(super) fn faults(&mut self, folder: &Path) -> Vec<String> {
        // What was still on its way is here once this is answered.
        self.value("new Promise(resolve => setTimeout(resolve, 50))");
        let inside = format!("file://{}/", folder.display());
        let fault = |event: &Value| {
            let parameters = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if parameters["type"] != "log" => {
                    Some(parameters["args"].to_string())
                }
                "Log.entryAdded" => Some(parameters["entry"].to_string()),
                "Network.requestWillBeSent" => {
                    let address = parameters["request"]["url"].as_str()?;
                    let own = address.starts_with(&inside) || address.starts_with("data:");
                    (!own).then(|| format!("fetched: {address}"))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(fault).collect()
    }

    fn has_happened(&self, method: &str) -> bool {
        self.events.iter().any(|event| event["method"] == method)
    }

    fn hear(&mut self) -> Value {
        self.messages.recv_timeout(PATIENCE).expect("the browser answers")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
