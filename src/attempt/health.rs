//! What probes say of an upstream: fit, behind the others, or still loading its model.
//!
//! A probe moves an upstream behind the others of its route, never out of it: the last one stays usable, because a probe
//! that fails proves less than a request that succeeds.

/// So many bad probes in a row move it behind.
const BAD_PROBES: u32 = 3;
/// So many good ones bring it back.
const GOOD_PROBES: u32 = 2;

/// What one probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    Good,
    /// It says that it is loading its model.
    Loading,
    Bad,
    /// No answer in time, while our own requests there make progress: busy, not dead.
    Busy,
}

/// The standing of one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    bad: u32,
    good: u32,
    behind: bool,
    loading: bool,
    known: bool,
}

impl Health {
    /// The standing after another probe.
    pub fn after(self, probed: Probed) -> Health {
        match probed {
            Probed::Good => {
                let good = self.good.saturating_add(1);
                Health {
                    bad: 0,
                    good,
                    behind: self.behind && good < GOOD_PROBES,
                    loading: false,
                    known: true,
                }
            }
            Probed::Loading => Health {
                bad: 0,
                good: 0,
                loading: true,
                known: true,
                ..self
            },
            Probed::Bad => {
                let bad = self.bad.saturating_add(1);
                Health {
                    bad,
                    good: 0,
                    behind: self.behind || bad >= BAD_PROBES,
                    loading: false,
                    known: true,
                }
            }
            Probed::Busy => self,
        }
    }

    /// Asked after the others of its route.
    pub fn is_behind(self) -> bool {
        self.behind
    }

    /// Alive, but not yet able to answer.
    pub fn is_loading(self) -> bool {
        self.loading
    }

    /// None before the first probe.
    pub fn is_fit(self) -> Option<bool> {
        self.known.then_some(!self.behind && !self.loading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(probes: &[Probed]) -> Health {
        probes
            .iter()
            .fold(Health::default(), |health, probe| health.after(*probe))
    }

    #[test]
    fn three_bad_probes_move_it_behind_and_two_good_ones_back() {
        use Probed::*;
        assert!(!after(&[Bad, Bad]).is_behind());
        assert!(!after(&[Bad, Bad, Good, Bad]).is_behind());
        assert!(after(&[Bad, Bad, Bad]).is_behind());
        assert!(after(&[Bad, Bad, Bad, Good]).is_behind());
        assert!(!after(&[Bad, Bad, Bad, Good, Good]).is_behind());
        assert!(after(&[Bad, Bad, Bad, Good, Bad, Good]).is_behind());
    }

    #[test]
    fn busy_changes_nothing() {
        use Probed::*;
        assert!(!after(&[Bad, Bad, Busy, Busy, Busy]).is_behind());
        assert!(after(&[Bad, Bad, Busy, Bad]).is_behind());
    }

    #[test]
    fn loading_is_alive() {
        use Probed::*;
        let loading = after(&[Bad, Bad, Loading]);
        assert!(loading.is_loading() && !loading.is_behind());
        assert!(!after(&[Loading, Good]).is_loading());
        assert_eq!(after(&[]).is_fit(), None);
        assert_eq!(after(&[Loading]).is_fit(), Some(false));
        assert_eq!(after(&[Good]).is_fit(), Some(true));
    }
}
