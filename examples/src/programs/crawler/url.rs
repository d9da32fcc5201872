//! Addresses of pages, by WHATWG's rules (the `url` crate), so that links lead where a browser goes.
//!
//! Rule: equal addresses are one page. So there is no fragment, and neither a user nor a password, which
//! no request of ours shows.

use std::fmt;
use std::str::FromStr;

use url::Position;

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url(url::Url);

/// A text is no address of an `http` page.
#[derive(Debug, PartialEq, Eq)]
pub struct NotHttp;

/// What the links of a page start from.
#[derive(Debug)]
pub(super) struct Base(url::Url);

impl Url {
    /// Returns the host and its port, unless that is the usual one.
    pub fn authority(&self) -> &str {
        &self.0[Position::BeforeHost..Position::AfterPort]
    }

    /// Returns the path with its query.
    pub fn path(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }

    /// Returns what the links of this page start from, if the page names another place by `<base>`.
    pub(super) fn base(&self, named: Option<&str>) -> Base {
        let named = named.and_then(|named| self.0.join(named).ok());
        let named = named.filter(|base| !matches!(base.scheme(), "data" | "javascript"));
        Base(named.unwrap_or_else(|| self.0.clone()))
    }

    /// Returns what a redirect from this page leads to, if that is an `http` page.
    pub(super) fn join(&self, link: &str) -> Option<Url> {
        self.base(None).join(link)
    }
}

impl Base {
    /// Returns what a link leads to, if that is an `http` page.
    pub(super) fn join(&self, link: &str) -> Option<Url> {
        Url::new(self.0.join(link).ok()?).ok()
    }
}

impl Url {
    fn new(mut url: url::Url) -> Result<Url, NotHttp> {
        if url.scheme() != "http" {
            return Err(NotHttp);
        }
        url.set_fragment(None);
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| NotHttp)?;
        Ok(Url(url))
    }
}

impl FromStr for Url {
    type Err = NotHttp;

    fn from_str(text: &str) -> Result<Url, NotHttp> {
        Url::new(text.parse().map_err(|_error| NotHttp)?)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_a_browser_goes() {
        let page: Url = "http://Host:81/a/b/c?q".parse().unwrap();
        let cases = [
            ("d", "http://host:81/a/b/d"),
            ("./d?x=1#top", "http://host:81/a/b/d?x=1"),
            ("../d", "http://host:81/a/d"),
            ("../../../d", "http://host:81/d"),
            ("..", "http://host:81/a/"),
            ("%2e%2E/d", "http://host:81/a/d"),
            ("/d", "http://host:81/d"),
            ("\\d\\e", "http://host:81/d/e"),
            ("?r", "http://host:81/a/b/c?r"),
            ("#top", "http://host:81/a/b/c?q"),
            ("", "http://host:81/a/b/c?q"),
            (" \n d\t\r\n2 ", "http://host:81/a/b/d2"),
            ("//other/d", "http://other/d"),
            ("/\\other/d", "http://other/d"),
            ("http:d", "http://host:81/a/b/d"),
            ("http:///a", "http://a/"),
            ("HTTP://Other", "http://other/"),
            ("http://other:80/", "http://other/"),
            ("http://other:/", "http://other/"),
            ("http://user:secret@other/", "http://other/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[::0:1]:81/", "http://[::1]:81/"),
            ("http://%68ost/", "http://host/"),
            ("http://b\u{fc}cher.example/", "http://xn--bcher-kva.example/"),
            ("http://B\u{dc}CHER.example\u{3002}de/", "http://xn--bcher-kva.example.de/"),
            ("two words", "http://host:81/a/b/two%20words"),
            ("gr\u{fc}n?gr\u{fc}n", "http://host:81/a/b/gr%C3%BCn?gr%C3%BCn"),
            ("/d\r\nEvil: yes", "http://host:81/dEvil:%20yes"),
            ("d\u{0}e", "http://host:81/a/b/d%00e"),
            ("http://host//d", "http://host//d"),
            ("http://host?q", "http://host/?q"),
        ];
        for (link, address) in cases {
            assert_eq!(
                page.join(link).map(|url| url.to_string()).as_deref(),
                Some(address),
                "{link:?}"
            );
        }
    }

    #[test]
    fn what_is_no_page_leads_nowhere() {
        let page: Url = "http://host/".parse().unwrap();
        for link in [
            "mailto:a@b",
            "javascript:go()",
            "data:,a",
            "https://host/",
            "http://",
            "//ho st/",
            "//ho<st/",
            "//host:99999/",
            "//host:x/",
            "//[::1/",
            "//1.2.3.999/",
            "//xn--a/",
        ] {
            assert_eq!(page.join(link), None, "{link}");
        }
    }

    #[test]
    fn a_page_may_name_another_base() {
        let page: Url = "http://host/a/b".parse().unwrap();
        for (base, leads) in [
            ("/c/", Some("http://host/c/d")),
            ("c/x", Some("http://host/a/c/d")),
            ("//other/c/", Some("http://other/c/d")),
            ("https://host/", None),
            // These are no bases, and the page is its own.
            ("data:,c", Some("http://host/a/d")),
            ("javascript:c", Some("http://host/a/d")),
            ("http://[", Some("http://host/a/d")),
        ] {
            let leads_to = page.base(Some(base)).join("d").map(|url| url.to_string());
            assert_eq!(leads_to.as_deref(), leads, "{base}");
        }
    }

    #[test]
    fn a_request_shows_the_host_and_the_path_alone() {
        let url: Url = "http://user@Host:81?q#top".parse().unwrap();
        assert_eq!((url.authority(), url.path()), ("host:81", "/?q"));
        let url: Url = "http://[::1]:80/a%20b".parse().unwrap();
        assert_eq!((url.authority(), url.path()), ("[::1]", "/a%20b"));
    }
}
