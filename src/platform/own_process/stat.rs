//! Reads `/proc/PID/stat` and `/proc/stat` (proc(5)).

use super::ProcessFacts;

/// The second field, the program's name in brackets, may hold blanks and brackets itself, so counting begins behind the
/// last bracket, with field 3. `ticks` are what times are counted in, a second.
pub fn facts(stat: &str, system_stat: &str, ticks: f64, page_bytes: u64) -> ProcessFacts {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let seconds = |number: usize| Some(field(number)? as f64 / ticks);
    ProcessFacts {
        cpu_seconds: seconds(14)
            .zip(seconds(15))
            .map(|(user, system)| user + system),
        threads: field(20),
        started: seconds(22)
            .zip(boot_time(system_stat))
            .map(|(since_boot, boot)| boot + since_boot),
        virtual_bytes: field(23),
        resident_bytes: field(24).map(|pages| pages.saturating_mul(page_bytes)),
        ..ProcessFacts::default()
    }
}

fn boot_time(system_stat: &str) -> Option<f64> {
    let line = system_stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4242 (side) gate (x) S 1 4242 4242 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 7 0 1000 \
                        104857600 2560 18446744073709551615 1 1 0 0 0 0";

    #[test]
    fn fields_are_counted_behind_the_name() {
        let system_stat = "cpu 1 2 3\nbtime 1700000000\nprocesses 9\n";
        let expected = ProcessFacts {
            cpu_seconds: Some(3.0),
            resident_bytes: Some(2560 * 4096),
            virtual_bytes: Some(104_857_600),
            threads: Some(7),
            started: Some(1_700_000_010.0),
            ..ProcessFacts::default()
        };
        assert_eq!(facts(STAT, system_stat, 100.0, 4096), expected);
    }

    #[test]
    fn without_proc_nothing_is_made_up() {
        for stat in ["", "1 (x) S"] {
            assert_eq!(facts(stat, "", 100.0, 4096), ProcessFacts::default());
        }
        assert_eq!(facts(STAT, "", 100.0, 4096).started, None);
    }
}
