//! Addresses of pages: as much of RFC 3986 as links between `http` pages need.

use std::fmt;
use std::str::FromStr;

/// Where a page is. Equal addresses are one page: there is no fragment, and no dot in the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// The host and its port.
    authority: String,
    /// The path with its query; it begins with a slash.
    path: String,
}

/// A text is no address of an `http` page.
#[derive(Debug, PartialEq, Eq)]
pub struct NotHttp;

impl Url {
    /// Returns the host and its port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the path with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what a link on this page leads to, if that is an `http` page.
    pub(super) fn join(&self, link: &str) -> Option<Url> {
        let link = link.trim().split('#').next()?;
        if link.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) {
            return link.parse().ok();
        }
        if let Some(rest) = link.strip_prefix("//") {
            return format!("http://{rest}").parse().ok();
        }
        let (base, _query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let path = match link.as_bytes().first() {
            None => self.path.clone(),
            Some(b'/') => link.to_owned(),
            Some(b'?') => format!("{base}{link}"),
            Some(_) => format!("{}{link}", &base[..=base.rfind('/')?]),
        };
        Some(Url { authority: self.authority.clone(), path: without_dots(&path) })
    }
}

impl FromStr for Url {
    type Err = NotHttp;

    fn from_str(text: &str) -> Result<Url, NotHttp> {
        let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let rest = &text[scheme.ok_or(NotHttp)?.len()..];
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || !authority.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NotHttp);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = without_dots(&format!("{slash}{path}"));
        Ok(Url { authority: authority.to_ascii_lowercase(), path })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// Tells whether what is before a colon is the scheme of an address, and not a part of a path.
fn is_scheme(text: &str) -> bool {
    let others = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(others)
}

/// Resolves `.` and `..`, and escapes what may not be in a request, so that nothing ends its line.
fn without_dots(path: &str) -> String {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path, String::new()),
    };
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.split('/').skip(1);
    for segment in segments.clone() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if matches!(segments.last(), Some("." | "..")) {
        kept.push("");
    }
    let path = format!("/{}{query}", kept.join("/"));
    let escaped = |byte: u8| match byte {
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_a_browser_goes() {
        let page: Url = "http://Host:80/a/b/c?q".parse().unwrap();
        let cases = [
            ("d", "http://host:80/a/b/d"),
            ("./d?x=1#top", "http://host:80/a/b/d?x=1"),
            ("../d", "http://host:80/a/d"),
            ("../../../d", "http://host:80/d"),
            ("..", "http://host:80/a/"),
            ("/d", "http://host:80/d"),
            ("?r", "http://host:80/a/b/c?r"),
            ("#top", "http://host:80/a/b/c?q"),
            ("", "http://host:80/a/b/c?q"),
            ("//other/d", "http://other/d"),
            ("HTTP://Other", "http://other/"),
            ("two words", "http://host:80/a/b/two%20words"),
            ("gr\u{fc}n\r\nEvil: yes", "http://host:80/a/b/gr%C3%BCn%0D%0AEvil:%20yes"),
            ("http://host//d", "http://host//d"),
            ("http://host?q", "http://host/?q"),
        ];
        for (link, address) in cases {
            assert_eq!(
                page.join(link).map(|url| url.to_string()).as_deref(),
                Some(address),
                "{link}"
            );
        }
    }

    #[test]
    fn what_is_no_page_leads_nowhere() {
        let page: Url = "http://host/".parse().unwrap();
        for link in
            ["mailto:a@b", "javascript:go()", "https://host/", "http://", "http:///a", "//ho st/"]
        {
            assert_eq!(page.join(link), None, "{link}");
        }
    }
}
