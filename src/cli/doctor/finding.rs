//! What a check has to say, and all of it as people and scripts are shown it.

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::Exit;

/// Everything that is looked at. The names are stable: scripts and `--skip` go by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    Configuration,
    Environment,
    TokenFile,
    KeyFiles,
    ListenerTls,
    StateFolder,
    LogFolder,
    Ports,
    Exposure,
    UpstreamReachable,
    UpstreamStranger,
    UpstreamKey,
    UpstreamFamily,
    UpstreamModels,
    UpstreamContext,
    UpstreamExposure,
    UpstreamDrain,
    Clock,
    Gateway,
    PendingRestart,
    LastReload,
    LogDrops,
    BreakerFile,
    Breakers,
    Descriptors,
    Disk,
    Service,
    Agents,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Ok,
    Warning,
    Failure,
}

impl Severity {
    pub fn exit(self) -> Exit {
        match self {
            Severity::Ok => Exit::Done,
            Severity::Warning => Exit::Finding,
            Severity::Failure => Exit::Failure,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Warning => "warning",
            Severity::Failure => "FAILURE",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: Check,
    /// What of several: an upstream's name, a path.
    pub subject: Option<String>,
    pub severity: Severity,
    /// What was seen.
    pub evidence: String,
    /// The command or the edit that mends it.
    pub remedy: Option<String>,
}

impl Finding {
    pub fn ok(check: Check, evidence: impl Into<String>) -> Finding {
        Finding {
            check,
            subject: None,
            severity: Severity::Ok,
            evidence: evidence.into(),
            remedy: None,
        }
    }

    pub fn warning(
        check: Check,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            severity: Severity::Warning,
            remedy: Some(remedy.into()),
            ..Finding::ok(check, evidence)
        }
    }

    pub fn failure(
        check: Check,
        evidence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            severity: Severity::Failure,
            ..Finding::warning(check, evidence, remedy)
        }
    }

    /// About one of several.
    pub fn of(self, subject: impl Into<String>) -> Finding {
        Finding {
            subject: Some(subject.into()),
            ..self
        }
    }

    fn line(&self) -> String {
        let check = self.check.to_possible_value();
        let check = check.map_or_else(String::new, |value| value.get_name().to_owned());
        let about = match &self.subject {
            Some(subject) => format!("{check} ({subject})"),
            None => check,
        };
        let mut text = format!(
            "{:8} {about}: {}\n",
            self.severity.as_str(),
            self.evidence.replace('\n', "\n         ")
        );
        if let Some(remedy) = &self.remedy {
            text.push_str(&format!("         -> {remedy}\n"));
        }
        text
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub at: String,
    pub version: &'static str,
    pub verdict: Severity,
    /// The gravest first, otherwise in the order of the checks.
    pub findings: Vec<Finding>,
    /// What `--fix` did.
    pub fixed: Vec<String>,
}

impl Report {
    pub fn new(at: String, mut findings: Vec<Finding>, fixed: Vec<String>) -> Report {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let worst = findings.first().map(|finding| finding.severity);
        Report {
            at,
            version: crate::VERSION,
            verdict: worst.unwrap_or(Severity::Ok),
            findings,
            fixed,
        }
    }

    pub fn verdict(&self) -> Severity {
        self.verdict
    }

    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for done in &self.fixed {
            text.push_str(&format!("mended   {done}\n"));
        }
        self.findings
            .iter()
            .for_each(|finding| text.push_str(&finding.line()));
        let count = |severity| {
            let of_it = self.findings.iter().filter(|one| one.severity == severity);
            of_it.count()
        };
        text.push_str(&format!(
            "\n{}, {}, {} ok\n",
            counted(count(Severity::Failure), "failure"),
            counted(count(Severity::Warning), "warning"),
            count(Severity::Ok)
        ));
        text
    }
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_stands_first_and_decides() {
        let findings = vec![
            Finding::ok(Check::Disk, "61 % full"),
            Finding::warning(Check::Service, "none", "do this").of("unit"),
            Finding::failure(Check::Ports, "taken\nby ssh", "end it"),
        ];
        let report = Report::new(String::new(), findings, vec!["chmod".to_owned()]);
        assert_eq!(report.verdict(), Severity::Failure);
        assert_eq!(
            report.text(),
            "mended   chmod\nFAILURE  ports: taken\n         by ssh\n         -> end it\n\
             warning  service (unit): none\n         -> do this\nok       disk: 61 % full\n\n\
             1 failure, 1 warning, 1 ok\n"
        );
    }

    #[test]
    fn nothing_found_is_all_well_and_every_verdict_has_its_exit() {
        assert_eq!(
            Report::new(String::new(), Vec::new(), Vec::new()).verdict(),
            Severity::Ok
        );
        let exits = [Severity::Ok, Severity::Warning, Severity::Failure].map(Severity::exit);
        assert_eq!(exits.map(Exit::code), [0, 1, 2]);
    }

    #[test]
    fn the_name_to_skip_a_check_by_is_the_one_in_json() {
        for check in Check::value_variants() {
            let skip = check.to_possible_value().unwrap();
            let json = serde_json::to_value(check).unwrap();
            assert_eq!(json, skip.get_name());
        }
    }
}
