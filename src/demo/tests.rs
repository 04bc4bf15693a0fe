use super::*;
use crate::config::Commit;

fn prepared(temporary: &Path) -> Start {
    let wishes = Wishes {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        temporary,
        random: [7; 32],
    };
    prepare(&wishes, |_| {}).unwrap()
}

#[test]
fn its_configuration_is_valid_without_a_word_to_say_about_it() {
    let temporary = tempfile::tempdir().unwrap();
    let start = prepared(temporary.path());
    assert!(
        start.loaded.warnings.is_empty(),
        "{:?}",
        start.loaded.warnings
    );
    let config = &start.loaded.config;
    assert_eq!(config.routes.len(), lesson::LESSONS.len());
    assert_eq!(config.upstreams.len(), 3);
    let held = config
        .routes
        .iter()
        .filter(|route| route.commit == Commit::Whole);
    assert_eq!(held.count(), 1);
}

#[test]
fn all_that_it_writes_is_in_its_folder_which_goes_with_it() {
    let temporary = tempfile::tempdir().unwrap();
    let start = prepared(temporary.path());
    let config = &start.loaded.config;
    let written = [
        &config.state_dir,
        &config.callers.token_file,
        &config.breaker_file,
        &config.skills_dir,
        &config.logs.dir,
    ];
    assert!(written
        .iter()
        .all(|path| path.starts_with(temporary.path())));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);
    drop(start);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_with_an_odd_name_is_no_trouble() {
    let temporary = tempfile::tempdir().unwrap();
    let odd = temporary.path().join("it's \"odd\": {#1}");
    std::fs::create_dir(&odd).unwrap();
    let start = prepared(&odd);
    assert!(start.loaded.config.state_dir.starts_with(&odd));
}
