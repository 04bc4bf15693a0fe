//! One exchange with the store that gateways share: what we have counted goes there, what we may spend comes back.
//!
//! There is one exchange at a time. Each one says our own count *as a whole* for every meter it mentions, and asks for the
//! requests that wait on top of that. So what was lost on the way, or in the store, is made good by the next one, and
//! nothing has to be sent twice. A request that was granted is counted here only when the answer is here; if it isn't
//! waited for any more, its reservation is dropped and the next exchange says so.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{Books, Part};
use crate::budget::exhausted::Exhausted;
use crate::budget::meter::{Key, Meter};

/// Meters of one exchange at most, beside those that requests ask for: a script holds up the store for everybody.
const LINES: usize = 256;

/// A request that waits for all gateways' count.
#[derive(Debug)]
pub struct Ask<W> {
    pub parts: Vec<Part>,
    /// How it is told.
    pub answer: W,
}

/// Which meters to mention beside those that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// All meters from this place on, so that the others' counts come back; none for only those with news.
    pub from: Option<usize>,
    /// Whether what we knew of the others before still counts at least: the store may have lost it, and they not be back.
    pub is_doubting: bool,
}

/// What is said and asked.
#[derive(Debug)]
pub struct Exchange<W> {
    pub lines: Vec<Line>,
    pub asks: Vec<Ask<W>>,
    /// For each ask and each of its parts: which line, and up to which total.
    pub wanted: Vec<Vec<Wanted>>,
    /// Where the next one has to go on to have mentioned all meters.
    pub next: Option<usize>,
    /// There is more to say than fitted.
    pub has_more: bool,
}

/// Our count of one meter.
#[derive(Debug, Clone)]
pub struct Line {
    part: Part,
    pub key: Key,
    /// When its window began, in seconds since 1970.
    pub start: u64,
    pub ends: SystemTime,
    pub own: u64,
    /// What the others have counted at least.
    pub floor: u64,
    /// The store's own word for us counts when it is higher.
    pub is_adopting: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub line: usize,
    pub amount: u64,
    pub limit: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Our count in the store, for each line.
    pub own: Vec<u64>,
    /// The others' counts together, for each line.
    pub others: Vec<u64>,
    /// For each ask, the parts that refused it, as bits; granted when none did.
    pub refused_by: Vec<u64>,
}

impl Books {
    /// The store may have lost the others' counts: remembers what was last seen of them.
    pub fn doubt(&mut self) {
        for meter in self.meters.iter_mut().flatten() {
            meter.floor = meter.others;
        }
    }

    /// Writes down what to say. The windows are those of `now`.
    pub fn draw_up<W>(
        &mut self,
        mut asks: Vec<Ask<W>>,
        wish: Wish,
        now: SystemTime,
    ) -> Exchange<W> {
        let mut lines = Lines::default();
        let mut wanted = Vec::with_capacity(asks.len());
        for meter in self.meters.iter_mut().flatten() {
            meter.move_on(now, &self.requests);
        }
        for ask in &mut asks {
            let parts = std::mem::take(&mut ask.parts).into_iter();
            let wants = parts.filter_map(|part| self.want(part, &mut lines, wish));
            let (parts, wants) = wants.unzip();
            ask.parts = parts;
            wanted.push(wants);
        }
        let room = lines.all.len() + LINES;
        let mut next = None;
        let mut has_more = false;
        for meter in self.meters.iter().flatten() {
            let is_asked_for = wish.from.is_some_and(|from| meter.place >= from);
            let has_news = meter.has_news(&self.requests);
            if !is_asked_for && !has_news {
                continue;
            }
            if lines.all.len() < room {
                lines.mention(meter, self.line(meter, wish));
            } else if is_asked_for {
                next = next.or(Some(meter.place));
            } else {
                has_more = true;
            }
        }
        Exchange {
            lines: lines.all,
            asks,
            wanted,
            next,
            has_more,
        }
    }

    /// The line that a part asks for, and the part in the present window. None where there is no limit any more.
    fn want(&self, part: Part, lines: &mut Lines, wish: Wish) -> Option<(Part, Wanted)> {
        let meter = self.meters.get(part.place)?.as_ref()?;
        let limit = meter.limit.filter(|_| meter.born == part.born)?;
        let wanted = Wanted {
            line: lines.mention(meter, self.line(meter, wish)),
            amount: part.amount,
            limit,
        };
        Some((Part::of(meter, part.amount), wanted))
    }

    fn line(&self, meter: &Meter, wish: Wish) -> Line {
        Line {
            part: Part::of(meter, 0),
            key: meter.key.clone(),
            start: meter.start,
            ends: meter.end(),
            own: meter.own(&self.requests),
            floor: if wish.is_doubting { meter.floor } else { 0 },
            is_adopting: meter.is_adopting,
        }
    }

    /// Takes in what came back; `tell` gets each ask with its outcome. What was granted is counted.
    pub fn take_in<W>(
        &mut self,
        exchange: Exchange<W>,
        reply: &Reply,
        mut tell: impl FnMut(W, Result<Vec<Part>, Exhausted>),
    ) {
        let granted = granted(&exchange, reply);
        for (index, line) in exchange.lines.iter().enumerate() {
            let (Some(own), Some(others)) = (reply.own.get(index), reply.others.get(index)) else {
                continue;
            };
            let granted = granted.get(&index).copied().unwrap_or(0);
            self.take_in_line(line, *own, *others, granted);
        }
        let outcomes = exchange.wanted.iter().zip(&reply.refused_by);
        for (ask, (wanted, refused_by)) in exchange.asks.into_iter().zip(outcomes) {
            let outcome = match refused(&exchange.lines, wanted, *refused_by) {
                Some(exhausted) => Err(exhausted),
                None => {
                    self.count(&ask.parts);
                    Ok(ask.parts)
                }
            };
            tell(ask.answer, outcome);
        }
    }

    fn take_in_line(&mut self, line: &Line, own: u64, others: u64, granted: u64) {
        let Some((meter, requests)) = self.meter_mut(&line.part) else {
            return;
        };
        meter.others = others;
        meter.told = Some(own);
        let unknown = own.saturating_sub(line.own.saturating_add(granted));
        if meter.is_adopting && unknown > 0 {
            meter.adopt(unknown, requests);
        }
        meter.is_adopting = false;
    }
}

/// Why an ask was refused, told from what was said: by now its windows may have ended.
fn refused(lines: &[Line], wanted: &[Wanted], refused_by: u64) -> Option<Exhausted> {
    let bits = wanted.iter().enumerate();
    let refusing = bits.filter(|(bit, _)| refused_by >> bit & 1 == 1);
    let exhausted = refusing.filter_map(|(_, want)| {
        let line = lines.get(want.line)?;
        Some(Exhausted::new(&line.key, want.limit, line.ends))
    });
    Exhausted::longest(exhausted)
}

/// What was granted on top of each line.
fn granted<W>(exchange: &Exchange<W>, reply: &Reply) -> BTreeMap<usize, u64> {
    let mut granted = BTreeMap::new();
    let asks = exchange.wanted.iter().zip(&reply.refused_by);
    for (wanted, _) in asks.filter(|(_, refused_by)| **refused_by == 0) {
        for want in wanted {
            *granted.entry(want.line).or_insert(0) += want.amount;
        }
    }
    granted
}

/// Lines so far, each meter once.
#[derive(Default)]
struct Lines {
    all: Vec<Line>,
    by_place: BTreeMap<usize, usize>,
}

impl Lines {
    fn mention(&mut self, meter: &Meter, line: Line) -> usize {
        *self.by_place.entry(meter.place).or_insert_with(|| {
            self.all.push(line);
            self.all.len() - 1
        })
    }
}
