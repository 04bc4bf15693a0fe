use super::super::scopes::Scopes;
use super::super::token_edit::{list, new_entry, NewToken};
use super::*;
use std::fs;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_missing_file_is_made_with_its_folders_for_us_alone() {
    let folder = folder();
    let path = folder.path().join("a/b/token");
    assert_eq!(read_token_file(&path).unwrap(), None);
    change_token_file(&path, |text| Ok(format!("{text}new"))).unwrap();
    assert_eq!(read_token_file(&path).unwrap().as_deref(), Some("new"));
    assert_eq!(mode(&path), 0o400);
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a/b")), 0o700);
    assert_eq!(names(path.parent().unwrap()), [".token.lock", "token"]);
}

#[test]
fn only_a_chosen_write_bit_is_kept() {
    let folder = folder();
    for (before, after) in [
        (0o400, 0o400),
        (0o600, 0o600),
        (0o644, 0o400),
        (0o640, 0o400),
        (0o700, 0o400),
    ] {
        let path = folder.path().join(format!("token-{before:o}"));
        write(&path, "old\n", before);
        change_token_file(&path, |text| Ok(text.replace("old", "new"))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(mode(&path), after, "{before:o}");
    }
}

#[test]
fn a_refused_change_leaves_the_very_same_file() {
    let folder = folder();
    let path = folder.path().join("token");
    write(&path, "old", 0o400);
    let before = fs::metadata(&path).unwrap();
    let refused = change_token_file(&path, |_| Err(EditError::BadTime));
    assert!(matches!(refused, Err(StoreError::Edit(EditError::BadTime))));
    change_token_file(&path, |text| Ok(text.to_string())).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

#[test]
fn a_link_is_refused_and_what_it_points_at_is_untouched() {
    let folder = folder();
    let (real, link) = (folder.path().join("real"), folder.path().join("token"));
    write(&real, "old", 0o600);
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let refused = change_token_file(&link, |_| Ok("new".to_string()));
    assert!(matches!(refused, Err(StoreError::Symlink(path)) if path == link));
    assert!(matches!(
        read_token_file(&link),
        Err(StoreError::Symlink(_))
    ));
    assert_eq!(fs::read_to_string(&real).unwrap(), "old");
    assert!(link.is_symlink());
}

#[test]
fn a_planted_link_in_the_place_of_our_own_files_is_not_followed() {
    let folder = folder();
    let (path, victim) = (folder.path().join("token"), folder.path().join("victim"));
    write(&victim, "old", 0o600);
    std::os::unix::fs::symlink(&victim, folder.path().join(".token.new")).unwrap();
    change_token_file(&path, |_| Ok("new".to_string())).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "old");
    assert!(!path.is_symlink());

    fs::remove_file(folder.path().join(".token.lock")).unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join(".token.lock")).unwrap();
    assert!(matches!(
        change_token_file(&path, |_| Ok(String::new())),
        Err(StoreError::Symlink(_))
    ));
}

#[test]
fn what_is_no_text_file_is_refused() {
    let folder = folder();
    let (bytes, large) = (folder.path().join("bytes"), folder.path().join("large"));
    fs::write(&bytes, [0xff, 0xfe]).unwrap();
    fs::write(&large, vec![b'#'; usize::try_from(MOST_BYTES).unwrap() + 1]).unwrap();
    let never = |_: &str| -> Result<String, EditError> { unreachable!("the file can't be read") };
    assert!(matches!(
        change_token_file(&bytes, never),
        Err(StoreError::NotText(_))
    ));
    assert!(matches!(
        change_token_file(&large, never),
        Err(StoreError::TooLarge(_))
    ));
    assert!(matches!(
        read_token_file(folder.path()),
        Err(StoreError::NotAFile(_))
    ));
    assert!(matches!(
        read_token_file(Path::new("/dev/null")),
        Err(StoreError::NotAFile(_))
    ));
    assert!(matches!(
        change_token_file(Path::new("/"), never),
        Err(StoreError::NotAFile(_))
    ));
}

#[test]
fn a_file_of_another_user_is_refused() {
    // Root can give a file away; anybody else finds one of root's.
    let folder = folder();
    let path = match rustix::process::geteuid().is_root() {
        true => folder.path().join("token"),
        false => PathBuf::from("/etc/passwd"),
    };
    if path.starts_with(folder.path()) {
        write(&path, "old", 0o600);
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    }
    assert!(matches!(
        read_token_file(&path),
        Err(StoreError::OwnedBy { .. })
    ));
}

#[test]
fn a_failed_replacement_leaves_no_temporary_file() {
    let folder = folder();
    let path = folder.path().join("token");
    let outcome = change_token_file(&path, |_| {
        // Somebody puts a folder there after we looked.
        fs::create_dir(&path).unwrap();
        Ok("new".to_string())
    });
    assert!(
        matches!(
            outcome,
            Err(StoreError::Io {
                doing: "replace",
                ..
            })
        ),
        "{outcome:?}"
    );
    assert_eq!(names(folder.path()), [".token.lock", "token"]);
}

#[test]
fn what_a_dead_writer_left_is_replaced() {
    let folder = folder();
    let path = folder.path().join("token");
    write(&folder.path().join(".token.new"), "half a li", 0o400);
    change_token_file(&path, |_| Ok("whole".to_string())).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    assert_eq!(names(folder.path()), [".token.lock", "token"]);
}

#[test]
fn two_writers_never_lose_each_others_callers() {
    let folder = folder();
    let path = folder.path().join("token");
    let scopes = Scopes::every_route();
    let add = |writer: usize| {
        for turn in 0..10 {
            let name = format!("caller-{writer}-{turn}");
            let token = NewToken {
                name: &name,
                scopes: &scopes,
                expires: None,
                skill: None,
                secret: &name,
            };
            change_token_file(&path, |text| new_entry(text, token)).unwrap();
        }
    };
    std::thread::scope(|threads| {
        (0..4).for_each(|writer| drop(threads.spawn(move || add(writer))));
    });
    assert_eq!(list(&fs::read_to_string(&path).unwrap()).len(), 40);
}

#[test]
fn errors_say_what_to_do() {
    let path = PathBuf::from("token");
    let owned = StoreError::OwnedBy {
        path: path.clone(),
        user: 501,
    };
    assert_eq!(
        owned.to_string(),
        "token belongs to user 501; run this as that user"
    );
    let link = StoreError::Symlink(path);
    assert_eq!(
        link.to_string(),
        "token is a symbolic link; name the file itself in `callers.token_file`"
    );
}
