//! Lanes, and the limits of the whole gateway.

use crate::config::model::{LaneLimits, Lanes, Limits};
use crate::config::reader::{Found, Section};

pub fn read(file: &Section) -> Lanes {
    let lanes = file.section("lanes");
    Lanes {
        interactive: lane(&lanes.section("interactive")),
        batch: lane(&lanes.section("batch")),
    }
}

fn lane(section: &Section) -> LaneLimits {
    LaneLimits {
        streams: section.get("streams").value,
        queue: section.get("queue").value,
        patience: section.get("patience").value,
    }
}

pub struct LimitsFound {
    pub limits: Limits,
    /// Routes are compared with it.
    pub request_body: Found<u64>,
}

pub fn limits(file: &Section) -> LimitsFound {
    let section = file.section("limits");
    let request_body = section.get::<u64>("request_body");
    let bodies_in_flight = section.get::<u64>("bodies_in_flight");
    if request_body.sound && bodies_in_flight.sound && bodies_in_flight.value < request_body.value {
        report_no_room(&section, &request_body, &bodies_in_flight);
    }
    LimitsFound {
        limits: Limits {
            request_body: request_body.value,
            bodies_in_flight: bodies_in_flight.value,
            held_answer: section.get("held_answer").value,
            header_bytes: section.get("header_bytes").value,
            headers: section.get("headers").value,
            connections: section.get("connections").value,
        },
        request_body,
    }
}

fn report_no_room(section: &Section, body: &Found<u64>, all: &Found<u64>) {
    let (name, at) = match all.place.is_written() {
        true => ("bodies_in_flight", all),
        false => ("request_body", body),
    };
    let text = format!(
        "one request of `request_body` ({}) would not fit into `bodies_in_flight` ({})",
        body.printed, all.printed
    );
    section.mistake(name, &at.place, text);
}
