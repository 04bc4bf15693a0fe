//! Gathers what `/status` shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::admit;
use crate::breaker::whole_seconds;
use crate::budget::{Kind, MeterStatus, Scope, Sharing};
use crate::clock;
use crate::config::Lane;
use crate::record::labels::LogFile;
use crate::record::status::{
    BreakerStatus, BudgetStatus, ConfigStatus, DiskStatus, LaneStatus, LogDrops, RouteStatus,
    SharedStatus, Status, TargetStatus, UpstreamStatus,
};
use crate::snapshot::{breaker_state, Reloader, Shared, Snapshot, Upstream};

/// The present state of everything.
pub fn of(shared: &Shared, reloader: &Reloader) -> Status {
    let snapshot = shared.snapshot();
    let places = shared.admission.status(clock::now());
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
            state_dir: reloader.state_dir().display().to_string(),
            last_reload: reloader.last(),
            pending_restart: reloader.pending(),
        },
        lanes: Lane::ALL
            .map(|lane| lane_status(shared, &snapshot, &places, lane))
            .to_vec(),
        routes: routes(&snapshot),
        upstreams: upstreams(&snapshot, &places),
        breaker_shared: shared.breakers.is_shared(),
        budgets: budgets(shared),
        shared: sharing(shared.budgets.sharing()),
        log_dropped: LogDrops {
            access: shared.logs.dropped(LogFile::Access),
            gateway: shared.logs.dropped(LogFile::Gateway),
            raw_errors: shared.logs.dropped(LogFile::RawErrors),
        },
        log_dropped_last: shared.logs.dropped_last(),
        disk: disks(shared, &snapshot),
        recent_failures: shared.recent_failures.newest_first(),
    }
}

fn lane_status(
    shared: &Shared,
    snapshot: &Snapshot,
    places: &admit::Status,
    lane: Lane,
) -> LaneStatus {
    let status = places.lanes.of(lane);
    LaneStatus {
        name: lane.as_str(),
        streams: u64::from(status.streams),
        capacity: u64::from(status.capacity),
        waiting: u64::from(status.waiting),
        queue: u64::from(status.queue),
        patience_seconds: snapshot.config.lanes.of(lane).patience.as_secs_f64(),
        retrying: u64::from(status.retrying),
        resting: shared.resting.of(lane).used(),
        oldest_seconds: status.oldest.map(|oldest| oldest.as_secs_f64()),
    }
}

fn budgets(shared: &Shared) -> Vec<BudgetStatus> {
    let status = |meter: &MeterStatus| BudgetStatus {
        scope: meter.scope.as_str(),
        name: meter.name.to_string(),
        kind: meter.kind.as_str(),
        limit: meter.limit,
        used: meter.used,
        reserved: meter.reserved,
        others: meter.others,
        remaining: meter.remaining(),
        renews_at: meter.ends,
    };
    let meters = shared.budgets.status(clock::wall());
    meters.iter().map(status).collect()
}

fn disks(shared: &Shared, snapshot: &Snapshot) -> Vec<DiskStatus> {
    let disk = &snapshot.config.disk;
    let status = |path: &PathBuf| {
        let seen = shared.disks.of(path)?;
        Some(DiskStatus {
            path: path.display().to_string(),
            used_ratio: seen.used_ratio,
            alert_ratio: f64::from(disk.alert_percent) / 100.0,
            free_bytes: seen.free_bytes,
        })
    };
    disk.watch.iter().filter_map(status).collect()
}

fn sharing(sharing: Sharing) -> Option<SharedStatus> {
    match sharing {
        Sharing::Off => None,
        Sharing::Together => Some(SharedStatus::Together),
        Sharing::Alone { since, because } => Some(SharedStatus::Alone {
            since,
            reason: because.to_string(),
        }),
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
        left_alone_seconds: left_alone(snapshot, place).map(whole_seconds),
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

fn upstreams(snapshot: &Snapshot, places: &admit::Status) -> Vec<UpstreamStatus> {
    let status = |(index, upstream): (usize, &Arc<Upstream>)| {
        let places = places.upstream(upstream.places.id());
        let pressure = snapshot.pressure(index);
        UpstreamStatus {
            name: upstream.config.name.clone(),
            family: upstream.config.family.as_str(),
            in_flight: u64::from(snapshot.in_flight(index)),
            streams: u64::from(upstream.streams()),
            prompt_bytes: places.map_or(0, |places| places.prompt_bytes),
            waiting_for: places.map_or(0, |places| {
                u64::from(places.waiting.interactive) + u64::from(places.waiting.batch)
            }),
            running: pressure.map(|seen| u64::from(seen.running)),
            waiting: pressure.map(|seen| u64::from(seen.waiting)),
            kv_cache_ratio: pressure.and_then(|seen| seen.kv_cache),
            draining: upstream.runtime.is_drained(),
            healthy: upstream.runtime.health().is_fit(),
            last_failure: upstream.runtime.last_failure(),
        }
    };
    snapshot.upstreams.iter().enumerate().map(status).collect()
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

/// For how long a target gets no request after a 429.
fn left_alone(snapshot: &Snapshot, (route, target): (usize, usize)) -> Option<Duration> {
    let now = clock::now();
    let ready_at = snapshot.target_state(route, target)?.pace.ready_at(now)?;
    Some(ready_at.saturating_duration_since(now))
}

/// Puts what isn't counted as it happens into the metrics.
pub fn refresh(shared: &Shared) {
    let snapshot = shared.snapshot();
    refresh_breakers(&snapshot);
    refresh_budgets(shared, &snapshot);
    refresh_pressure(&snapshot);
    refresh_disks(shared, &snapshot);
    let lost = shared.spans.counts().lost();
    shared.metrics.set_spans_dropped(lost);
    let places = shared.admission.status(clock::now());
    for lane in Lane::ALL {
        let status = places.lanes.of(lane);
        let (streams, waiting) = (status.streams, status.waiting);
        let series = shared.metrics.lane(lane);
        series.set(u64::from(streams), u64::from(waiting));
    }
}

/// A window that has ended is full again without anybody asking.
fn refresh_budgets(shared: &Shared, snapshot: &Snapshot) {
    let routes = &snapshot.config.routes;
    let meters = shared.budgets.status(clock::wall());
    for meter in meters.iter().filter(|meter| meter.kind == Kind::Tokens) {
        let series = match meter.scope {
            Scope::Caller => snapshot.handles.caller_budget(&meter.name),
            Scope::Route => {
                let index = routes.iter().position(|route| *route.name == *meter.name);
                index.and_then(|index| snapshot.handles.route(Some(index)).budget())
            }
            Scope::Skill => snapshot.handles.skill_budget(&meter.name),
        };
        if let Some(series) = series {
            series.set(meter.remaining(), meter.limit);
        }
    }
    let sharing = match shared.budgets.sharing() {
        Sharing::Off => None,
        Sharing::Together => Some(true),
        Sharing::Alone { .. } => Some(false),
    };
    shared.metrics.set_budgets_shared(sharing);
}

/// What a server said too long ago is not shown.
fn refresh_pressure(snapshot: &Snapshot) {
    for index in 0..snapshot.upstreams.len() {
        let reading = snapshot.pressure(index);
        if let Some(series) = snapshot.handles.upstream(index) {
            let waiting = reading.map(|reading| u64::from(reading.waiting));
            series.set_pressure(waiting, reading.and_then(|reading| reading.kv_cache));
        }
    }
}

/// They are measured beside, now and then.
fn refresh_disks(shared: &Shared, snapshot: &Snapshot) {
    let watched = snapshot.config.disk.watch.iter();
    for (path, series) in watched.zip(snapshot.handles.disks()) {
        if let Some(seen) = shared.disks.of(path) {
            series.set_used_ratio(seen.used_ratio);
        }
    }
}

/// Other processes change breakers too.
fn refresh_breakers(snapshot: &Snapshot) {
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
