//! The files and sockets of the gateway that runs, against how many it may have: by its own metrics.

use super::machine::{FEW, MORE};
use super::{Check, Facts, Finding, GATEWAY_PATIENCE};
use crate::cli::live;

/// With few descriptors the gateway closes new connections from three quarters on, and keeps the rest for itself.
const NEAR_PERCENT: u64 = 70;

/// As far as the gateway says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct OpenFiles {
    /// Not every system tells.
    open: Option<u64>,
    most: u64,
}

/// Nothing where no gateway runs: then only what one would get can be looked at.
pub fn check(facts: &Facts) -> Option<Finding> {
    facts.gateway()?;
    let reply = live::ask_within(facts.context, "GET", "/metrics", GATEWAY_PATIENCE).ok()?;
    let files = read(&String::from_utf8_lossy(&reply.body))?;
    Some(judge(files).of("the gateway"))
}

fn read(metrics: &str) -> Option<OpenFiles> {
    let number = |name: &str| {
        let mut lines = metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        // Prometheus' numbers are all floating; these are whole and small.
        value.parse::<f64>().ok().map(|number| number as u64)
    };
    Some(OpenFiles {
        open: number("process_open_fds"),
        most: number("process_max_fds")?,
    })
}

fn judge(files: OpenFiles) -> Finding {
    let OpenFiles { open, most } = files;
    let near = open.filter(|open| open.saturating_mul(100) >= most.saturating_mul(NEAR_PERCENT));
    if let Some(open) = near {
        let evidence = format!(
            "{open} of the {most} files and sockets that it may have are open; after that, connections fail"
        );
        return Finding::warning(Check::Descriptors, evidence, MORE);
    }
    if most < FEW {
        let evidence =
            format!("it may have {most} files and sockets open, clients and upstreams together");
        return Finding::warning(Check::Descriptors, evidence, MORE);
    }
    let evidence = match open {
        Some(open) => format!("{open} of {most} files and sockets are open"),
        None => format!("it may have {most} files and sockets open"),
    };
    Finding::ok(Check::Descriptors, evidence)
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn the_gateways_numbers_are_read_from_its_metrics() {
        let text = "# HELP process_max_fds x\nprocess_max_fds 1048576\nprocess_open_fds 41\nprocess_open_fds_x 9\n";
        let files = OpenFiles {
            open: Some(41),
            most: 1_048_576,
        };
        assert_eq!(read(text), Some(files));
        assert_eq!(read("process_open_fds 41\n"), None);
    }

    #[test]
    fn near_the_limit_or_with_a_low_one_it_is_a_warning() {
        for (open, most, severity) in [
            (Some(716), 1024, Severity::Ok),
            (Some(717), 1024, Severity::Warning),
            (Some(10), 256, Severity::Warning),
            (None, 256, Severity::Warning),
            (None, 1024, Severity::Ok),
        ] {
            let finding = judge(OpenFiles { open, most });
            assert_eq!(finding.severity, severity, "{finding:?}");
        }
    }
}
