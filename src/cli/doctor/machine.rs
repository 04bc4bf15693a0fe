//! What the machine gives: descriptors and disks.

use std::path::Path;
use std::time::Duration;

use super::{within, Check, Facts, Finding};
use crate::cli::disk::{volumes, VolumeUse};
use crate::config::Config;
use crate::platform;

/// Fewer are a limit that nobody chose: macOS begins with 256, launchd and most shells of Linux with more.
pub const FEW: u64 = 1024;

/// Where more are to be had.
pub const MORE: &str = "start it by `sidegate service install`, whose unit allows 65536; by hand, raise the hard limit: \
     `ulimit -Hn` of a shell, HardResourceLimits of launchd, LimitNOFILE of systemd";

/// A volume that takes longer to say how full it is has gone away.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

pub fn check(facts: &Facts) -> Vec<Finding> {
    let Some(config) = facts.config() else {
        return Vec::new();
    };
    let may_open = platform::raise_descriptor_limit();
    let mut findings = vec![descriptors(may_open, config.limits.connections)];
    findings.extend(disks(config));
    findings
}

/// The gateway raises its own limit as far as it may; half of it is for clients.
fn descriptors(may_open: u64, connections: Option<u32>) -> Finding {
    let needed = connections.map_or(0, |connections| u64::from(connections) * 2);
    if may_open < needed {
        let evidence = format!(
            "a process may open {may_open} files and sockets, and limits.connections needs {needed}"
        );
        return Finding::warning(Check::Descriptors, evidence, MORE);
    }
    if may_open < FEW {
        let evidence = format!(
            "a process may open {may_open} files and sockets: {} clients at most",
            may_open / 2
        );
        return Finding::warning(Check::Descriptors, evidence, MORE);
    }
    let evidence = format!("a process started from here may open {may_open} files and sockets");
    Finding::ok(Check::Descriptors, evidence)
}

/// One finding a volume, however many watched paths are on it.
fn disks(config: &Config) -> Vec<Finding> {
    let alert = config.disk.alert_percent;
    let mut findings: Vec<Finding> = Vec::new();
    for path in &config.disk.watch {
        let owned = path.clone();
        let finding = match within(DISK_PATIENCE, move || volumes(&[&owned], alert)) {
            Some(found) => found.first().map(|volume| disk(volume, alert)),
            None => Some(gone(path)),
        };
        let is_new = |finding: &Finding| {
            findings
                .iter()
                .all(|known| known.subject != finding.subject)
        };
        findings.extend(finding.filter(is_new));
    }
    findings
}

fn gone(path: &Path) -> Finding {
    let path = path.display();
    let evidence = format!("the volume of {path} doesn't answer");
    let remedy = "unmount it, or bring back what it is mounted from";
    Finding::warning(Check::Disk, evidence, remedy).of(path.to_string())
}

fn disk(volume: &VolumeUse, alert: u8) -> Finding {
    let evidence = format!(
        "{:.1} % full, {} MiB free; the alert is at {alert} %",
        volume.used_percent,
        volume.free_bytes >> 20
    );
    let remedy = "`sidegate disk` shows what takes it; delete models that no route names";
    let finding = match volume.alert {
        true => Finding::warning(Check::Disk, evidence, remedy),
        false => Finding::ok(Check::Disk, evidence),
    };
    finding.of(volume.volume.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn too_few_descriptors_are_found_by_themselves_and_by_what_is_configured() {
        assert_eq!(descriptors(256, None).severity, Severity::Warning);
        assert_eq!(descriptors(4096, Some(4000)).severity, Severity::Warning);
        assert_eq!(descriptors(8000, Some(4000)).severity, Severity::Ok);
        assert_eq!(descriptors(1024, None).severity, Severity::Ok);
    }
}
