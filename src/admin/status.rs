//! Gathers what `/status` shows.

use crate::breaker::whole_seconds;
use crate::clock;
use crate::config::Lane;
use crate::record::labels::LogFile;
use crate::record::status::{
    BreakerStatus, ConfigStatus, LaneStatus, LogDrops, RouteStatus, Status, TargetStatus,
    UpstreamStatus,
};
use crate::snapshot::{breaker_state, Reloader, Shared, Snapshot};

/// The present state of everything.
pub fn of(shared: &Shared, reloader: &Reloader) -> Status {
    let snapshot = shared.snapshot();
    Status {
        version: crate::VERSION,
        revision: crate::REVISION,
        started: shared.started_wall,
        uptime_seconds: clock::now()
            .saturating_duration_since(shared.started)
            .as_secs(),
        ready: !shared.is_draining(),
        draining: shared.is_draining(),
        config: ConfigStatus {
            generation: snapshot.generation,
            file: reloader.file().map(|file| file.display().to_string()),
            last_reload: reloader.last(),
            pending_restart: reloader.pending(),
        },
        lanes: Lane::ALL.map(|lane| lane_status(&snapshot, lane)).to_vec(),
        routes: routes(&snapshot),
        upstreams: upstreams(&snapshot),
        breaker_shared: shared.breakers.is_shared(),
        log_dropped: LogDrops {
            access: shared.logs.dropped(LogFile::Access),
            gateway: shared.logs.dropped(LogFile::Gateway),
            raw_errors: shared.logs.dropped(LogFile::RawErrors),
        },
        recent_failures: shared.recent_failures.newest_first(),
    }
}

fn lane_status(snapshot: &Snapshot, lane: Lane) -> LaneStatus {
    let limits = snapshot.config.lanes.of(lane);
    LaneStatus {
        name: lane.as_str(),
        streams: 0,
        capacity: u64::from(limits.streams),
        waiting: 0,
        queue: u64::from(limits.queue),
    }
}

fn routes(snapshot: &Snapshot) -> Vec<RouteStatus> {
    let config = &snapshot.config;
    let target = |place: (usize, usize), target: &crate::config::Target| TargetStatus {
        upstream: config
            .upstreams
            .get(target.upstream)
            .map_or_else(String::new, |u| u.name.clone()),
        model: target.model.clone(),
        tier: target.tier,
        weight: target.weight,
        breaker: breaker_status(snapshot, place),
    };
    let route = |(index, route): (usize, &crate::config::Route)| RouteStatus {
        name: route.name.clone(),
        aliases: route.aliases.clone(),
        lane: route.lane.as_str(),
        targets: route
            .targets
            .iter()
            .enumerate()
            .map(|(place, one)| target((index, place), one))
            .collect(),
    };
    config.routes.iter().enumerate().map(route).collect()
}

fn upstreams(snapshot: &Snapshot) -> Vec<UpstreamStatus> {
    let status = |(index, upstream): (usize, &crate::config::Upstream)| UpstreamStatus {
        name: upstream.name.clone(),
        family: upstream.family.as_str(),
        in_flight: snapshot
            .handles
            .upstream(index)
            .map_or(0, |series| series.in_flight()),
        streams: u64::from(upstream.streams),
        draining: false,
        healthy: snapshot
            .upstreams
            .get(index)
            .and_then(|u| u.runtime.health().is_fit()),
        last_failure: None,
    };
    snapshot
        .config
        .upstreams
        .iter()
        .enumerate()
        .map(status)
        .collect()
}

fn breaker_status(snapshot: &Snapshot, (route, target): (usize, usize)) -> BreakerStatus {
    let Some(state) = snapshot.target_state(route, target) else {
        return BreakerStatus::CLOSED;
    };
    let view = state.breaker.look(clock::since_boot().into());
    BreakerStatus {
        state: breaker_state(&view),
        consecutive_failures: view.failures,
        retry_in_seconds: view.open_for.map(whole_seconds),
    }
}

/// Puts the present state of every breaker into the metrics: other processes change them too.
pub fn refresh_breakers(snapshot: &Snapshot) {
    for (index, route) in snapshot.config.routes.iter().enumerate() {
        let handles = snapshot.handles.route(Some(index));
        for place in 0..route.targets.len() {
            let state = snapshot.target_state(index, place);
            if let (Some(state), Some(series)) = (state, handles.breaker(place)) {
                let view = state.breaker.look(clock::since_boot().into());
                series.set_state(breaker_state(&view));
            }
        }
    }
}
