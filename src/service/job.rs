//! What the supervisor runs for us.

/// One thing that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// All the time.
    Gateway,
    /// Once a night.
    Disk,
    /// All the time too; only where it is asked for.
    ModelServer,
}

impl Job {
    pub const ALL: [Job; 3] = [Job::Gateway, Job::Disk, Job::ModelServer];

    /// The word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Job::Gateway => "gateway",
            Job::Disk => "disk",
            Job::ModelServer => "model-server",
        }
    }

    /// launchd's name for it; its file is called the same.
    pub fn label(self) -> &'static str {
        match self {
            Job::Gateway => "dev.sidegate.gateway",
            Job::Disk => "dev.sidegate.disk",
            Job::ModelServer => "dev.sidegate.model-server",
        }
    }

    /// The unit of systemd that has the process.
    pub fn service_unit(self) -> &'static str {
        match self {
            Job::Gateway => "sidegate.service",
            Job::Disk => "sidegate-disk.service",
            Job::ModelServer => "sidegate-model-server.service",
        }
    }

    /// The unit of systemd that is enabled, and starts the other one where they are two.
    pub fn enabled_unit(self) -> &'static str {
        match self {
            Job::Gateway => "sidegate.service",
            Job::Disk => "sidegate-disk.timer",
            Job::ModelServer => "sidegate-model-server.service",
        }
    }

    /// Whether a process of it should be there at any time.
    pub fn runs_always(self) -> bool {
        match self {
            Job::Gateway | Job::ModelServer => true,
            Job::Disk => false,
        }
    }
}
