//! What one value can cost: how many schemas speak of it, how deep inside each other, and what patterns cost.

use super::{Part, Tree};

/// Longer chains are not followed: they are far beyond what is accepted.
const FOLLOWED: u32 = 64;

/// The most that any value can cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Schemas that speak of one value.
    pub width: u64,
    /// What the patterns that read one text or key cost for each byte of it.
    pub matching: u64,
    /// How deep the schemas stand inside each other.
    pub height: u32,
    /// Some schema comes back to itself at the same value.
    pub turns_back: bool,
}

impl Tree {
    pub fn reach(&self) -> Reach {
        let mut known = vec![Seen::Never; self.len()];
        let mut most = Reach::default();
        for index in 0..self.len() {
            let reach = self.reach_of(index, 0, &mut known);
            most = Reach {
                width: most.width.max(reach.width),
                matching: most.matching.max(reach.matching),
                height: most.height.max(reach.height),
                turns_back: most.turns_back | reach.turns_back,
            };
        }
        most
    }

    fn reach_of(&self, index: usize, depth: u32, known: &mut [Seen]) -> Reach {
        let Some(part) = self.part(index) else {
            return Reach::default();
        };
        match known.get(index) {
            Some(Seen::Known(reach)) => return *reach,
            Some(Seen::Open) => {
                return Reach {
                    turns_back: true,
                    ..Reach::default()
                }
            }
            Some(Seen::Never) | None if depth == FOLLOWED => {
                return Reach {
                    height: FOLLOWED,
                    ..Reach::default()
                }
            }
            Some(Seen::Never) | None => {}
        }
        mark(known, index, Seen::Open);
        let below = part.at_the_same_value().into_iter();
        let below = below.map(|index| self.reach_of(index, depth + 1, known));
        let sum = below.fold(part.alone(), Reach::with);
        mark(known, index, Seen::Known(sum));
        sum
    }
}

impl Reach {
    /// This schema and one inside of it.
    fn with(self, below: Reach) -> Reach {
        Reach {
            width: self.width.saturating_add(below.width),
            matching: self.matching.saturating_add(below.matching),
            height: self.height.max(below.height.saturating_add(1)),
            turns_back: self.turns_back | below.turns_back,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Never,
    /// On the way that is being followed.
    Open,
    Known(Reach),
}

fn mark(known: &mut [Seen], index: usize, seen: Seen) {
    if let Some(place) = known.get_mut(index) {
        *place = seen;
    }
}

impl Part {
    fn alone(&self) -> Reach {
        Reach {
            width: 1,
            matching: self.text_cost.saturating_add(self.key_cost),
            height: 1,
            turns_back: false,
        }
    }

    /// The parts that speak of the same value as this one.
    pub(super) fn at_the_same_value(&self) -> Vec<usize> {
        let mut parts: Vec<usize> = self.refers.into_iter().collect();
        parts.extend(self.all.iter().chain(&self.any).chain(&self.one));
        parts.extend(self.not);
        if let Some(condition) = &self.condition {
            parts.push(condition.holds);
            parts.extend(condition.then);
            parts.extend(condition.otherwise);
        }
        parts
    }
}
