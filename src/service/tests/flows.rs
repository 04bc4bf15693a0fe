//! Installing, installing again, removing, and what goes wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::stage::Stage;
use crate::service::{End, FileState, Health, Installed, Job, Manager, Removed, Trouble};

const MANAGERS: [Manager; 2] = [Manager::Launchd, Manager::Systemd];

#[test]
fn what_is_installed_runs_and_is_current() {
    for manager in MANAGERS {
        for stage in [Stage::login(manager), Stage::account(manager)] {
            let (installed, state) = stage.install(Job::Gateway);
            assert_eq!(installed, Installed::New, "{manager:?}");
            assert!(state.pid.is_some(), "{manager:?} {state:?}");
            let (installed, _) = stage.install(Job::Disk);
            assert_eq!(installed, Installed::New, "{manager:?}");
            let gateway = stage.stands(Job::Gateway);
            assert_eq!(
                gateway,
                (FileState::Current, Health::Running),
                "{manager:?}"
            );
            let disk = stage.stands(Job::Disk);
            assert_eq!(disk, (FileState::Current, Health::Waiting), "{manager:?}");
        }
    }
}

#[test]
fn installing_again_changes_nothing() {
    for manager in MANAGERS {
        let stage = Stage::login(manager);
        for job in Job::ALL {
            stage.install(job);
            stage.calls();
            let written = fs::metadata(stage.file(job)).unwrap();
            assert_eq!(stage.install(job).0, Installed::Unchanged, "{manager:?}");
            assert_eq!(stage.calls(), [""; 0], "{manager:?}");
            let after = fs::metadata(stage.file(job)).unwrap();
            assert_eq!(written.modified().unwrap(), after.modified().unwrap());
        }
    }
}

#[test]
fn launchd_is_told_in_this_order() {
    let stage = Stage::login(Manager::Launchd);
    stage.install(Job::Gateway);
    let target = "gui/501/dev.sidegate.gateway";
    let file = stage.file(Job::Gateway).display().to_string();
    let bootstrap = format!("bootstrap gui/501 {file}");
    let (enable, kickstart) = (format!("enable {target}"), format!("kickstart {target}"));
    assert_eq!(
        stage.calls(),
        [enable.clone(), bootstrap.clone(), kickstart.clone()]
    );

    let stage = stage.with_drain(60);
    assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
    let bootout = format!("bootout {target}");
    assert_eq!(stage.calls(), [bootout, enable, bootstrap, kickstart]);
}

#[test]
fn systemd_is_told_in_this_order() {
    let stage = Stage::login(Manager::Systemd);
    stage.install(Job::Disk);
    let timer = "sidegate-disk.timer";
    let (enable, restart) = (
        format!("--user enable {timer}"),
        format!("--user restart {timer}"),
    );
    assert_eq!(
        stage.calls(),
        ["--user daemon-reload".to_owned(), enable, restart]
    );
    let stage = Stage::account(Manager::Systemd);
    stage.install(Job::Gateway);
    assert_eq!(
        stage.calls(),
        [
            "daemon-reload",
            "enable sidegate.service",
            "restart sidegate.service"
        ]
    );
}

#[test]
fn a_daemon_belongs_to_the_system_and_an_agent_to_the_login() {
    let stage = Stage::account(Manager::Launchd);
    stage.install(Job::Gateway);
    let file = stage.file(Job::Gateway).display().to_string();
    assert!(
        file.ends_with("/Library/LaunchDaemons/dev.sidegate.gateway.plist"),
        "{file}"
    );
    assert!(!file.contains("/home/"), "{file}");
    assert!(stage.calls()[1].starts_with("bootstrap system /"));
}

#[test]
fn the_label_may_take_its_time_to_go() {
    let stage = Stage::login(Manager::Launchd);
    stage.install(Job::Gateway);
    stage.put("slow", "20");
    let stage = stage.with_drain(60);
    assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
    assert_eq!(
        stage.stands(Job::Gateway),
        (FileState::Current, Health::Running)
    );
}

#[test]
fn a_label_that_never_goes_is_waited_for_no_longer_than_its_own_time() {
    let stage = Stage::login(Manager::Launchd).with_drain(0);
    stage.install(Job::Gateway);
    stage.put("stuck", "");
    let late = stage.service.uninstall(Job::Gateway).unwrap_err();
    assert!(matches!(late, Trouble::Late { .. }), "{late}");
    let said = "gui/501/dev.sidegate.gateway is still there 20 s after `launchctl bootout`";
    assert_eq!(late.to_string(), said);
    assert!(
        stage.file(Job::Gateway).exists(),
        "what runs keeps its file"
    );
}

#[test]
fn what_was_loaded_by_somebody_else_meanwhile_is_no_failure() {
    let stage = Stage::login(Manager::Launchd);
    stage.install(Job::Gateway);
    let text = stage.text(Job::Gateway);
    fs::remove_file(stage.file(Job::Gateway)).unwrap();
    assert_eq!(
        stage.stands(Job::Gateway),
        (FileState::Absent, Health::Running)
    );
    assert_eq!(stage.install(Job::Gateway).0, Installed::New);
    assert_eq!(stage.text(Job::Gateway), text);
}

#[test]
fn a_disabled_label_is_enabled_first() {
    let stage = Stage::login(Manager::Launchd);
    stage.put("disabled/gui/501/dev.sidegate.gateway", "");
    assert!(stage.install(Job::Gateway).1.pid.is_some());
}

#[test]
fn a_job_that_was_taken_down_by_hand_is_taken_up_again() {
    let stage = Stage::login(Manager::Launchd);
    stage.install(Job::Gateway);
    stage.take("jobs/gui/501/dev.sidegate.gateway");
    assert_eq!(
        stage.stands(Job::Gateway),
        (FileState::Current, Health::NotLoaded)
    );
    assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
    assert_eq!(
        stage.stands(Job::Gateway),
        (FileState::Current, Health::Running)
    );
}

#[test]
fn a_gateway_that_ended_as_asked_is_started_again() {
    let launchd = (
        "jobs/gui/501/dev.sidegate.gateway/pid",
        "kickstart gui/501/dev.sidegate.gateway",
    );
    let systemd = ("sidegate.service/active", "--user start sidegate.service");
    for (manager, (running, start)) in MANAGERS.into_iter().zip([launchd, systemd]) {
        let stage = Stage::login(manager);
        stage.install(Job::Gateway);
        stage.take(running);
        if manager == Manager::Systemd {
            stage.take("sidegate.service/pid");
        }
        let stands = stage.stands(Job::Gateway);
        assert_eq!(stands, (FileState::Current, Health::Stopped), "{manager:?}");
        stage.calls();
        assert_eq!(stage.install(Job::Gateway).0, Installed::Started);
        assert_eq!(stage.calls(), [start]);
    }
}

#[test]
fn a_process_that_lives_for_a_moment_has_not_started() {
    let stage = Stage::login(Manager::Launchd);
    stage.put("dies", "3");
    let (installed, state) = stage.install(Job::Gateway);
    assert_eq!((installed, state.pid), (Installed::New, None));
    assert_eq!(state.last_end, Some(End::Code(71)));
}

#[test]
fn a_process_has_as_long_to_end_as_the_file_that_it_runs_by_says() {
    let stage = Stage::login(Manager::Launchd).with_drain(60);
    stage.install(Job::Gateway);
    stage.put("slow", "50");
    let stage = stage.with_drain(1);
    assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
}

#[test]
fn a_changed_configuration_makes_it_outdated_and_installing_mends_that() {
    for manager in MANAGERS {
        let stage = Stage::login(manager);
        stage.install(Job::Gateway);
        let stage = stage.with_config("/elsewhere/a & b.yaml");
        assert_eq!(
            stage.stands(Job::Gateway).0,
            FileState::Outdated,
            "{manager:?}"
        );
        assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
        assert_eq!(
            stage.stands(Job::Gateway).0,
            FileState::Current,
            "{manager:?}"
        );
    }
}

#[test]
fn a_broken_configuration_leaves_open_whether_it_is_outdated() {
    let stage = Stage::login(Manager::Systemd);
    stage.install(Job::Gateway);
    let status = stage.service.status(Job::Gateway, None).unwrap();
    assert_eq!(
        (status.file, status.health),
        (FileState::Unknown, Health::Running)
    );
    assert!(!status.is_well());
}

#[test]
fn what_does_not_start_is_seen_as_a_loop_with_its_end() {
    for (manager, fails) in [
        (Manager::Launchd, "last exit code = 71: EX_OSERR"),
        (Manager::Systemd, "71"),
    ] {
        let stage = Stage::login(manager);
        stage.put("fails", fails);
        let (installed, state) = stage.install(Job::Gateway);
        assert_eq!((installed, state.pid), (Installed::New, None));
        assert_eq!(state.last_end, Some(End::Code(71)), "{manager:?}");
        assert_eq!(
            stage.stands(Job::Gateway),
            (FileState::Current, Health::Looping)
        );
    }
}

#[test]
fn uninstalling_removes_what_was_written_and_nothing_else() {
    for manager in MANAGERS {
        let stage = Stage::login(manager);
        for job in Job::ALL {
            stage.install(job);
        }
        let other = stage.service.place.units.join("other.service");
        fs::write(&other, "").unwrap();
        for job in Job::ALL {
            assert_eq!(stage.uninstall(job), Removed::Gone, "{manager:?}");
            assert!(stage.status(job).is_absent(), "{manager:?}");
            assert_eq!(stage.uninstall(job), Removed::WasNotThere);
        }
        let left: Vec<_> = fs::read_dir(&stage.service.place.units).unwrap().collect();
        assert_eq!(left.len(), 1, "{manager:?} {left:?}");
    }
}

#[test]
fn a_nightly_run_that_is_under_way_is_ended_too() {
    let stage = Stage::login(Manager::Systemd);
    stage.install(Job::Disk);
    stage.put("sidegate-disk.service/active", "activating");
    stage.put("sidegate-disk.service/pid", "1073741824");
    stage.calls();
    stage.uninstall(Job::Disk);
    assert_eq!(
        stage.calls(),
        [
            "--user stop sidegate-disk.timer",
            "--user stop sidegate-disk.service",
            "--user disable sidegate-disk.timer",
            "--user daemon-reload",
            "--user reset-failed sidegate-disk.service"
        ]
    );
    assert!(stage.status(Job::Disk).is_absent());
}

#[test]
fn uninstalling_ends_what_lost_its_files() {
    for (manager, job) in MANAGERS
        .into_iter()
        .flat_map(|one| Job::ALL.map(|job| (one, job)))
    {
        let stage = Stage::login(manager);
        stage.install(job);
        for file in stage.service.place.paths(job) {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(stage.uninstall(job), Removed::Gone, "{manager:?}");
        assert!(stage.status(job).is_absent(), "{manager:?}");
    }
}

#[test]
fn somebody_elses_file_is_neither_replaced_nor_removed() {
    for manager in MANAGERS {
        let stage = Stage::login(manager);
        let file = stage.file(Job::Gateway);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "theirs").unwrap();
        let refused = [
            stage.try_install(Job::Gateway).map(|_| ()),
            stage.service.uninstall(Job::Gateway).map(|_| ()),
        ];
        for refused in refused {
            let said = refused.unwrap_err().to_string();
            assert!(
                said.contains("was not written by `sidegate service install`"),
                "{said}"
            );
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(stage.calls(), [""; 0]);
        assert_eq!(stage.stands(Job::Gateway).0, FileState::NotOurs);
    }
}

#[test]
fn a_link_is_somebodys_own_arrangement() {
    let stage = Stage::login(Manager::Launchd);
    stage.install(Job::Gateway);
    let (file, kept) = (
        stage.file(Job::Gateway),
        stage.service.place.units.join("kept"),
    );
    fs::rename(&file, &kept).unwrap();
    std::os::unix::fs::symlink(&kept, &file).unwrap();
    assert_eq!(stage.stands(Job::Gateway).0, FileState::NotOurs);
    assert!(stage.service.uninstall(Job::Gateway).is_err());
    assert!(kept.exists() && file.symlink_metadata().is_ok());
}

#[test]
fn a_mac_with_nobody_on_its_screen_says_what_to_do() {
    let stage = Stage::login(Manager::Launchd);
    stage.put("no-screen", "");
    let said = stage.try_install(Job::Gateway).unwrap_err().to_string();
    assert!(said.contains("Bootstrap failed: 125: "), "{said}");
    assert!(
        said.ends_with("sudo sidegate service install --user NAME"),
        "{said}"
    );
    let stands = stage.stands(Job::Gateway);
    assert_eq!(stands, (FileState::Current, Health::NotLoaded));
    assert_eq!(stage.uninstall(Job::Gateway), Removed::Gone);
}

#[test]
fn a_login_without_a_systemd_of_its_own_says_what_to_do() {
    let stage = Stage::login(Manager::Systemd);
    stage.put("no-bus", "");
    let said = stage.try_install(Job::Gateway).unwrap_err().to_string();
    assert!(
        said.contains("Failed to connect to bus: No medium found; your own services"),
        "{said}"
    );
}

#[test]
fn a_file_that_launchd_refuses_is_said_with_its_own_words() {
    let stage = Stage::login(Manager::Launchd);
    stage.put("refuses", "");
    let said = stage.try_install(Job::Gateway).unwrap_err().to_string();
    assert!(
        said.contains("Bootstrap failed: 5: Input/output error; "),
        "{said}"
    );
    assert!(said.contains("plutil -lint"), "{said}");
    stage.take("refuses");
    assert_eq!(stage.install(Job::Gateway).0, Installed::Updated);
}

#[test]
fn only_its_owner_may_write_the_file_and_everyone_read_it() {
    for manager in MANAGERS {
        let stage = Stage::login(manager);
        stage.install(Job::Gateway);
        let file = fs::metadata(stage.file(Job::Gateway)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o644);
    }
}

#[test]
fn what_launchd_catches_is_for_its_owner_only() {
    for stage in [
        Stage::login(Manager::Launchd),
        Stage::account(Manager::Launchd),
    ] {
        stage.install(Job::Gateway);
        let log = stage.service.place.output.join("gateway.log");
        let mode = fs::metadata(&log).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(stage
            .text(Job::Gateway)
            .contains(&log.display().to_string()));
    }
}
