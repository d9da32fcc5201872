//! The links of a page, as its tags say: WHATWG's tokenizer (`html5gum`) without a tree builder.
//!
//! Rule: a page may be anything. What a browser takes for text (a comment, a script, a title) holds no
//! links. What only a tree would show, such as a `<template>`, is passed over: its links are links.

use std::convert::Infallible;

use html5gum::{StartTag, State, Token, Tokenizer};

/// Where a page leads to, as it is written there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// What the first `<base>` that has an address says: all links start from there, wherever it is.
    pub(super) base: Option<String>,
    /// The address of each `<a>` and `<area>` that has one, in their order.
    pub(super) targets: Vec<String>,
}

impl Links {
    /// Finds the links of a page.
    pub(super) fn of(html: &[u8]) -> Links {
        let (mut tokens, mut links) = (Tokenizer::new(html), Links::default());
        while let Some(Ok::<_, Infallible>(token)) = tokens.next() {
            if let Token::StartTag(tag) = token {
                links.take(&tag);
                tokens.set_state(behind(&tag));
            }
        }
        links
    }

    fn take(&mut self, tag: &StartTag<()>) {
        let address =
            || Some(String::from_utf8_lossy(tag.attributes.get(b"href".as_slice())?).into_owned());
        match &**tag.name {
            b"a" | b"area" => self.targets.extend(address()),
            b"base" if self.base.is_none() => self.base = address(),
            _ => {}
        }
    }
}

/// Returns how a browser without scripts reads what is behind a tag: some hold text, and no tags.
fn behind(tag: &StartTag<()>) -> State {
    match &**tag.name {
        b"title" | b"textarea" => State::RcData,
        b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => State::RawText,
        b"script" => State::ScriptData,
        b"plaintext" => State::PlainText,
        _ => State::Data,
    }
}

#[cfg(test)]
mod tests {
    use super::Links;

    fn targets(html: &str) -> Vec<String> {
        Links::of(html.as_bytes()).targets
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        let html = r#"<p>a <A  HREF = '/one'>1</a><a class=x href=/two>2</a>
            <a name="here"><a href="/3?a=1&amp;b=2" rel>3</a><abbr href="/no"><!-- <a href="/no"> -->
            <a href>4</a><a href="/5" href="/no">5</a> href="/no" <area href=/6 /><a/href=/7>< a"#;
        assert_eq!(targets(html), ["/one", "/two", "/3?a=1&b=2", "", "/5", "/6", "/7"]);
    }

    #[test]
    fn a_comment_ends_where_a_browser_ends_it() {
        for comment in
            ["<!-->", "<!--->", "<!---->", "<!--a--!>", "<!a>", "<?a>", "</ a>", "<![CDATA[>"]
        {
            assert_eq!(targets(&format!("{comment}<a href=/there>")), ["/there"], "{comment}");
        }
        assert!(targets("<!-- <a href=/no> --><!--<a href=/no>").is_empty());
    }

    #[test]
    fn text_that_looks_like_a_link_is_none() {
        for name in ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"]
        {
            let html = format!("<{name}><a href=/no></a></{name}><a href=/there>");
            assert_eq!(targets(&html), ["/there"], "{name}");
        }
        assert_eq!(targets("<noscript><a href=/there></noscript>"), ["/there"]);
    }

    #[test]
    fn references_are_decoded_as_in_an_attribute() {
        assert_eq!(
            targets("<a href='/&eacute;&#x2F;&#47;?a&copy=1&amp'>"),
            ["/\u{e9}//?a&copy=1&"]
        );
    }

    #[test]
    fn the_first_base_with_an_address_counts_wherever_it_is() {
        let html = b"<base target=x><a href=one><base href=/a/><base href=/b/>";
        assert_eq!(Links::of(html).base.as_deref(), Some("/a/"));
    }

    #[test]
    fn a_page_that_ends_anywhere_or_is_no_text_is_no_trouble() {
        let html = "<!-- c --><a x = 'y' href=\"/one&eacute;\">é</a><script>'</script".as_bytes();
        (0..=html.len()).for_each(|end| drop(Links::of(&html[..end])));
        assert_eq!(targets("<a href=\"/\u{0}\">"), ["/\u{fffd}"]);
        assert_eq!(Links::of(b"\xff<a href=/\xfe>").targets, ["/\u{fffd}"]);
    }
}
