//! The status page at `/`: one file without a server part, and the headers that keep it to itself.
//!
//! It reads `/status` and `/metrics` like anybody else. Its policy names the style and the script by their hashes, so
//! that nothing else runs in it whatever it is told to show, and forbids making markup of text at all.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use http::Response;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page/page.html");

/// The page with its policy, which is made once.
pub struct Page {
    policy: String,
}

impl Page {
    pub fn load() -> Page {
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            source_of("style"),
            source_of("script"),
        );
        Page { policy }
    }

    pub fn answer(&self) -> Response<Vec<u8>> {
        let built = Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .header("content-length", PAGE.len())
            .header("cache-control", "no-store")
            .header("content-security-policy", &self.policy)
            .header("x-content-type-options", "nosniff")
            .header("referrer-policy", "no-referrer")
            .header("cross-origin-opener-policy", "same-origin")
            .header("cross-origin-resource-policy", "same-origin")
            .body(PAGE.as_bytes().to_vec());
        built.unwrap_or_default()
    }
}

/// The hash source (CSP level 3, 2.3.1) of the page's only element of this name; `'none'` where there isn't one.
fn source_of(element: &str) -> String {
    match inside(element) {
        Some(text) => format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))),
        None => "'none'".to_owned(),
    }
}

fn inside(element: &str) -> Option<&'static str> {
    let (_, rest) = PAGE.split_once(&format!("<{element}>"))?;
    let (text, _) = rest.split_once(&format!("</{element}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(part: &str) -> usize {
        PAGE.matches(part).count()
    }

    #[test]
    fn one_style_and_one_script_are_what_the_policy_names() {
        for element in ["style", "script"] {
            assert_eq!(times(&format!("<{element}")), 1, "<{element}");
            assert_eq!(times(&format!("</{element}>")), 1, "</{element}>");
            assert!(inside(element).unwrap().len() > 1000);
        }
        let answer = Page::load().answer();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn nothing_in_the_page_makes_markup_or_asks_elsewhere() {
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " style=",
            "@import",
            "url(",
        ] {
            assert_eq!(times(forbidden), 0, "{forbidden}");
        }
        // The namespace of SVG is a name, not an address that is asked.
        assert_eq!(times("http"), times("http://www.w3.org/2000/svg"));
    }

    #[test]
    fn line_ends_are_those_that_browsers_hash() {
        assert_eq!(times("\r"), 0);
    }
}
