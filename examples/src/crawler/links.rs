//! The links of a page: what the `href` of each `<a>` says.
//!
//! Rule: a page may be anything. What is no link is passed over, and nothing is looked at twice.

/// Lists the links of a page in their order.
pub(super) fn links(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        } else if is_anchor(rest) {
            let (link, behind) = href(&rest[1..]);
            links.extend(link.map(|link| link.replace("&amp;", "&")));
            rest = behind;
        }
    }
    links
}

/// Tells whether this is the inside of an `<a ...>`.
fn is_anchor(tag: &str) -> bool {
    let mut characters = tag.chars();
    let name = characters.next().is_some_and(|name| name.eq_ignore_ascii_case(&'a'));
    name && characters.next().is_some_and(char::is_whitespace)
}

/// Finds the value of `href` among the attributes of a tag, and what is behind the tag.
fn href(mut rest: &str) -> (Option<&str>, &str) {
    let mut link = None;
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '>');
        let Some(end) = end else { return (link, "") };
        let name = &rest[..end];
        rest = rest[end..].trim_start();
        if let Some(behind) = rest.strip_prefix('>') {
            return (link, behind);
        }
        let Some(value) = rest.strip_prefix('=') else { continue };
        let (value, behind) = attribute(value.trim_start());
        if name.eq_ignore_ascii_case("href") && link.is_none() {
            link = Some(value);
        }
        rest = behind;
    }
}

/// Divides a value, quoted or not, from what is behind it.
fn attribute(value: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(value) = value.strip_prefix(quote) {
            return value.split_once(quote).unwrap_or((value, ""));
        }
    }
    let end = value.find(|c: char| c.is_whitespace() || c == '>');
    value.split_at(end.unwrap_or(value.len()))
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn links_are_found_however_they_are_written() {
        let html = r#"<p>a <A  HREF = '/one'>1</a><a class=x href=/two>2</a>
            <a name="here"><a href="/3?a=1&amp;b=2" rel>3</a><abbr href="/no"><!-- <a href="/no"> -->
            <a href>4</a><a href="" href="/no">5</a> href="/no" < a"#;
        assert_eq!(links(html), ["/one", "/two", "/3?a=1&b=2", ""]);
    }

    #[test]
    fn a_page_that_ends_anywhere_is_no_trouble() {
        let html = r#"<!-- c --><a x = 'y' href="/one">é</a>"#;
        for end in (0..=html.len()).filter(|end| html.is_char_boundary(*end)) {
            links(&html[..end]);
        }
    }
}
