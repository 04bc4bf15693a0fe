//! How long a process has been there, in the words of `ps`.

use std::time::Duration;

use super::tool::Tool;

const PATIENCE: Duration = Duration::from_secs(5);

/// None where it is gone, or `ps` isn't as expected.
pub fn age(pid: u32) -> Option<Duration> {
    let answer = Tool::new("ps").ask(&["-o", "etime=", "-p", &pid.to_string()], PATIENCE);
    read(&answer.ok()?.stdout)
}

/// `[[days-]hours:]minutes:seconds`, as POSIX has it.
fn read(text: &str) -> Option<Duration> {
    let (days, clock) = match text.trim().split_once('-') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text.trim()),
    };
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + part.parse::<u64>().ok()?;
    }
    Some(Duration::from_secs(days * 86_400 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ps_are_understood() {
        let seconds = |text| read(text).map(|age| age.as_secs());
        assert_eq!(seconds("   00:07\n"), Some(7));
        assert_eq!(seconds("02:01:07"), Some(7267));
        assert_eq!(seconds("3-02:01:07"), Some(266_467));
        assert_eq!(seconds(""), None);
        assert_eq!(seconds("ELAPSED"), None);
    }

    #[test]
    fn this_process_has_an_age() {
        assert!(age(std::process::id()).is_some());
    }
}
