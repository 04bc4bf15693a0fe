//! Every caller that waits or holds a place, and its limit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::line::Line;
use super::per_lane::PerLane;
use super::ticket::CallerId;
use crate::config::CallerLimits;

/// Found by name once a request, by id after that.
///
/// A caller stays known when it has nothing left, until the next configuration: names come from the token file, so that
/// there are never more than it has named since.
#[derive(Debug)]
pub struct Callers<W> {
    by_name: HashMap<Arc<str>, CallerId>,
    /// A place is given to another caller once its own is gone.
    all: Vec<Option<Caller<W>>>,
    limits: HashMap<Box<str>, u32>,
}

#[derive(Debug)]
pub struct Caller<W> {
    /// Lane places that its requests hold.
    pub streams: u32,
    limit: Option<u32>,
    pub lines: PerLane<Line<W>>,
}

impl<W> Default for Callers<W> {
    fn default() -> Callers<W> {
        Callers {
            by_name: HashMap::new(),
            all: Vec::new(),
            limits: HashMap::new(),
        }
    }
}

impl<W> Callers<W> {
    pub fn id_of(&mut self, name: &Arc<str>) -> CallerId {
        match self.by_name.get(&**name) {
            Some(id) => *id,
            None => self.add(name),
        }
    }

    pub fn get(&self, id: CallerId) -> Option<&Caller<W>> {
        self.all.get(id.0)?.as_ref()
    }

    pub fn get_mut(&mut self, id: CallerId) -> Option<&mut Caller<W>> {
        self.all.get_mut(id.0)?.as_mut()
    }

    /// Takes over the limits and forgets whoever has nothing left.
    pub fn configure(&mut self, limits: &BTreeMap<String, CallerLimits>) {
        let streams = |(name, limits): (&String, &CallerLimits)| {
            Some((name.as_str().into(), limits.streams?))
        };
        self.limits = limits.iter().filter_map(streams).collect();
        let Callers {
            by_name,
            all,
            limits,
        } = self;
        by_name.retain(|name, id| {
            let Some(place) = all.get_mut(id.0) else {
                return false;
            };
            match place {
                Some(caller) if !caller.is_idle() => {
                    caller.limit = limits.get(&**name).copied();
                    true
                }
                _ => {
                    *place = None;
                    false
                }
            }
        });
    }

    #[cfg(test)]
    pub fn places(&self) -> usize {
        self.all.len()
    }

    fn add(&mut self, name: &Arc<str>) -> CallerId {
        let caller = Some(Caller {
            streams: 0,
            limit: self.limits.get(&**name).copied(),
            lines: PerLane {
                interactive: Line::default(),
                batch: Line::default(),
            },
        });
        let free = self.all.iter_mut().enumerate().find(|(_, c)| c.is_none());
        let id = match free {
            Some((place, free)) => {
                *free = caller;
                CallerId(place)
            }
            None => {
                self.all.push(caller);
                CallerId(self.all.len() - 1)
            }
        };
        self.by_name.insert(Arc::clone(name), id);
        id
    }
}

impl<W> Caller<W> {
    /// It may have another stream.
    pub fn has_room(&self) -> bool {
        self.limit.is_none_or(|limit| self.streams < limit)
    }

    fn is_idle(&self) -> bool {
        self.streams == 0 && self.lines.interactive.is_empty() && self.lines.batch.is_empty()
    }
}
