//! The series of one skill on one route.

use std::sync::{Arc, OnceLock};

use prometheus::IntCounter;

use super::super::labels::SkillResult;
use super::codes::NONE;
use super::count;
use super::families::Families;
use super::roster::Rosters;

/// What metrics have to know of a skill.
#[derive(Debug, Clone, Copy)]
pub struct Skilled<'a> {
    pub name: &'a str,
    /// The place of its only route, if it has one, in [`crate::config::Config::routes`].
    pub route: Option<usize>,
    pub has_budget: bool,
}

/// What one skill does on one route.
pub struct SkillSeries {
    requests: [Arc<IntCounter>; SkillResult::COUNT],
    retries: Arc<IntCounter>,
}

impl SkillSeries {
    fn new(families: &Families, skill: &str, route: &str) -> SkillSeries {
        SkillSeries {
            requests: SkillResult::ALL.map(|result| {
                families
                    .skill_requests
                    .series([skill, route, result.as_str()])
            }),
            retries: families.schema_retries.series([route, skill]),
        }
    }

    /// A request of the skill has ended.
    pub fn ended(&self, result: SkillResult) {
        count(&self.requests, result.index(), 1);
    }

    /// An answer that the skill didn't accept was asked for again.
    pub fn retried(&self) {
        self.retries.inc();
    }
}

/// The series of one skill on all routes: there from the start for the route that its manifest fixes, else from the first
/// request on.
pub struct SkillHandles {
    skill: Box<str>,
    families: Arc<Families>,
    rosters: Arc<Rosters>,
    /// The names of the configuration's routes, in its order.
    routes: Arc<[String]>,
    series: Box<[OnceLock<Arc<SkillSeries>>]>,
    none: OnceLock<Arc<SkillSeries>>,
}

impl SkillHandles {
    pub(super) fn new(
        skill: Skilled<'_>,
        families: &Arc<Families>,
        rosters: &Arc<Rosters>,
        routes: &Arc<[String]>,
    ) -> SkillHandles {
        let handles = SkillHandles {
            skill: skill.name.into(),
            families: Arc::clone(families),
            rosters: Arc::clone(rosters),
            routes: Arc::clone(routes),
            series: routes.iter().map(|_| OnceLock::new()).collect(),
            none: OnceLock::new(),
        };
        for (place, route) in routes.iter().enumerate() {
            // What an earlier configuration has counted goes on.
            if skill.route == Some(place) || rosters.skills.knows(&handles.names(route)) {
                handles.on(Some(place));
            }
        }
        handles
    }

    /// By the place in [`crate::config::Config::routes`]; none for a request that found no route.
    pub fn on(&self, route: Option<usize>) -> &SkillSeries {
        let place =
            route.and_then(|route| Some((self.routes.get(route)?, self.series.get(route)?)));
        let (name, series) = place.map_or((NONE, &self.none), |(name, series)| (name, series));
        series.get_or_init(|| {
            let make = || SkillSeries::new(&self.families, &self.skill, name);
            self.rosters.skills.get(self.names(name), make)
        })
    }

    fn names(&self, route: &str) -> (String, String) {
        (self.skill.to_string(), route.to_owned())
    }
}
