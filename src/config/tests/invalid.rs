//! Every rejected configuration, by its exact message.
//!
//! With SIDEGATE_BLESS=1 the messages are written instead of compared; read them before you keep them.

use super::*;

#[test]
fn every_invalid_file_is_refused_by_its_exact_message() {
    let folder = root("tests/configs/invalid");
    let bless = std::env::var_os("SIDEGATE_BLESS").is_some();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 45, "only {} cases", names.len());

    let mut wrong = Vec::new();
    for name in names {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let said = match load_text(&name, &text, &at_home()) {
            Ok(_) => "accepted\n".to_string(),
            Err(mistakes) => format!("{mistakes}\n"),
        };
        let expected = folder.join(name.replace(".yaml", ".txt"));
        if bless {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&said) {
            wrong.push(format!("{name} says:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
