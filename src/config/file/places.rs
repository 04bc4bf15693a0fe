//! Where each node stands, and how much the aliases unfold to.
//!
//! Runs before anything else looks at the text: sizes are counted without unfolding, so that a file of
//! a kilobyte that means a billion nodes costs a kilobyte.

use super::is_empty;
use crate::config::error::{Mistake, Place};
use saphyr_parser::{Event, Marker, Parser, ScanError};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// With every alias unfolded. A configuration of a thousand routes has half of them.
const NODES: usize = 50_000;

/// Ours goes eight deep.
const DEPTH: usize = 32;

/// A node's place and shape.
pub struct Spot {
    pub line: usize,
    pub column: usize,
    pub shape: Shape,
    /// Nodes in it, itself included, with aliases unfolded.
    size: usize,
}

pub enum Shape {
    Scalar(String),
    List(Vec<Rc<Spot>>),
    Map(Vec<(Rc<Spot>, Rc<Spot>)>),
}

impl Spot {
    pub fn place(&self, name: &Arc<str>) -> Place {
        Place::File {
            name: name.clone(),
            line: self.line,
            column: self.column,
        }
    }
}

/// A list or mapping whose end has not been seen. A mapping's keys and values alternate.
struct Open {
    line: usize,
    column: usize,
    is_map: bool,
    anchor: usize,
    children: Vec<Rc<Spot>>,
    size: usize,
}

struct Locator<'a> {
    name: &'a Arc<str>,
    text: &'a str,
    /// The text from the last scalar on, and how many characters stand before it.
    ahead: (usize, &'a str),
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Spot>>,
    root: Option<Rc<Spot>>,
    documents: usize,
}

/// Finds every node of the only document.
pub fn locate(name: &Arc<str>, text: &str) -> Result<Rc<Spot>, Mistake> {
    let mut locator = Locator {
        name,
        text,
        ahead: (0, text),
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| locator.syntax(&error))?;
        locator.take(event, span.start)?;
    }
    locator.root.ok_or_else(|| is_empty(name))
}

impl Locator<'_> {
    fn take(&mut self, event: Event<'_>, at: Marker) -> Result<(), Mistake> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.begin_document(at),
            Event::Alias(anchor) => self.unfold(anchor, at),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(self.refuse(
                at,
                "has a YAML tag (`!…`), which has no meaning here; take it away",
            )),
            Event::Scalar(text, _, anchor, None) => {
                let written = self.written(&text, at);
                self.close(self.scalar(at, written), anchor)
            }
            Event::SequenceStart(anchor, None) => self.begin(at, false, anchor),
            Event::MappingStart(anchor, None) => self.begin(at, true, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
        }
    }

    fn begin_document(&mut self, at: Marker) -> Result<(), Mistake> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(self.refuse(at, "begins a second document; a configuration is one"));
        }
        Ok(())
    }

    fn begin(&mut self, at: Marker, is_map: bool, anchor: usize) -> Result<(), Mistake> {
        if self.open.len() >= DEPTH {
            return Err(self.refuse(at, TOO_DEEP));
        }
        self.open.push(Open {
            line: at.line(),
            column: at.col() + 1,
            is_map,
            anchor,
            children: Vec::new(),
            size: 1,
        });
        Ok(())
    }

    fn end(&mut self, at: Marker) -> Result<(), Mistake> {
        let Some(open) = self.open.pop() else {
            return Err(self.refuse(at, "ends what has not begun"));
        };
        let shape = if open.is_map {
            Shape::Map(in_pairs(open.children))
        } else {
            Shape::List(open.children)
        };
        let spot = Rc::new(Spot {
            line: open.line,
            column: open.column,
            shape,
            size: open.size,
        });
        self.close(spot, open.anchor)
    }

    fn unfold(&mut self, anchor: usize, at: Marker) -> Result<(), Mistake> {
        match self.anchors.get(&anchor) {
            Some(spot) => self.close(spot.clone(), 0),
            None => Err(self.refuse(at, "is an alias of what contains it")),
        }
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, spot: Rc<Spot>, anchor: usize) -> Result<(), Mistake> {
        if anchor > 0 {
            self.anchors.insert(anchor, spot.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(spot);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(spot.size);
        if parent.size > NODES {
            return Err(Mistake::new(
                spot.place(self.name),
                "",
                format!("brings the file to more than {NODES} values, which no configuration has"),
            ));
        }
        parent.children.push(spot);
        Ok(())
    }

    fn scalar(&self, at: Marker, written: String) -> Rc<Spot> {
        Rc::new(Spot {
            line: at.line(),
            column: at.col() + 1,
            shape: Shape::Scalar(written),
            size: 1,
        })
    }

    /// The parser says `~` for nothing at all, too; only one that is there is a home folder.
    fn written(&mut self, text: &str, at: Marker) -> String {
        if text == "~" && self.letter_at(at.index()) != Some('~') {
            return String::new();
        }
        text.to_string()
    }

    /// Scalars come in the order of the text, so that looking at each costs one pass in all.
    fn letter_at(&mut self, index: usize) -> Option<char> {
        let (passed, rest) = self.ahead;
        let mut letters = rest.chars();
        for _ in 0..index.checked_sub(passed)? {
            letters.next();
        }
        self.ahead = (index, letters.as_str());
        letters.next()
    }

    /// For the one line that a message is about.
    fn line(&self, number: usize) -> &str {
        let line = self.text.lines().nth(number.saturating_sub(1));
        line.unwrap_or_default()
    }

    fn refuse(&self, at: Marker, text: &str) -> Mistake {
        let place = Place::File {
            name: self.name.clone(),
            line: at.line(),
            column: at.col() + 1,
        };
        Mistake::new(place, "", text)
    }

    fn syntax(&self, error: &ScanError) -> Mistake {
        let at = *error.marker();
        // The scanner's own words, which hold one character of the file at most.
        let info: String = error
            .info()
            .chars()
            .filter(|letter| !letter.is_control())
            .collect();
        if info.contains("recursion limit") {
            return self.refuse(at, TOO_DEEP);
        }
        let hint = hint(&info, self.line(at.line()));
        self.refuse(at, &format!("is no YAML: {info}{hint}"))
    }
}

const TOO_DEEP: &str = "is nested deeper than any configuration";

fn in_pairs(children: Vec<Rc<Spot>>) -> Vec<(Rc<Spot>, Rc<Spot>)> {
    let mut pairs = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// What the line at fault most likely wants.
fn hint(info: &str, line: &str) -> &'static str {
    let indent = line.chars().take_while(|letter| letter.is_whitespace());
    if indent.into_iter().any(|letter| letter == '\t') {
        return " (tabs do not indent in YAML; use spaces)";
    }
    if has_bare_star(line) {
        return " (an asterisk needs quotes in YAML: \"*\")";
    }
    if info.contains("mapping values are not allowed") {
        return " (a text with `: ` in it needs quotes, and keys of one mapping the same indentation)";
    }
    if info.contains("did not find expected") || info.contains("illegal placement") {
        return " (look for a bracket or quote that is left open, here or above)";
    }
    ""
}

/// An asterisk that is followed by no name of an anchor.
fn has_bare_star(line: &str) -> bool {
    let mut before = ' ';
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let named = letters
            .peek()
            .is_some_and(|next| next.is_alphanumeric() || *next == '_');
        if letter == '*' && !named && (before.is_whitespace() || before == '[' || before == ',') {
            return true;
        }
        before = letter;
    }
    false
}
