use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

/// 1994-11-06 08:49:37, the moment of RFC 9110's examples.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(784_111_777)
}

fn after(retry_after: &str) -> Option<Duration> {
    asked(Some(retry_after), None, None, now())
}

fn both(retry_after: &str, millis: &str) -> Option<Duration> {
    asked(Some(retry_after), Some(millis), None, now())
}

fn millis(count: u64) -> Option<Duration> {
    Some(Duration::from_millis(count))
}

#[test]
fn seconds_are_understood_whole_and_with_a_fraction() {
    assert_eq!(after("2"), millis(2000));
    assert_eq!(after(" 2\t"), millis(2000));
    assert_eq!(after("0"), millis(0));
    assert_eq!(after("1.5"), millis(1500));
    assert_eq!(
        after("0.1234567899"),
        Some(Duration::from_nanos(123_456_789))
    );
    assert_eq!(asked(None, Some("250"), None, now()), millis(250));
    assert_eq!(
        asked(None, Some("0.5"), None, now()),
        Some(Duration::from_micros(500))
    );
}

#[test]
fn each_of_the_three_dates_is_understood() {
    for date in [
        "Sun, 06 Nov 1994 08:49:42 GMT",
        "Sunday, 06-Nov-94 08:49:42 GMT",
        "Sun Nov  6 08:49:42 1994",
    ] {
        assert_eq!(after(date), millis(5000), "{date}");
    }
}

#[test]
fn a_date_is_measured_against_the_answers_own() {
    let retry_after = Some("Sun, 06 Nov 1994 08:49:42 GMT");
    let against = |date| asked(retry_after, None, Some(date), now());
    assert_eq!(against("Sun, 06 Nov 1994 08:49:40 GMT"), millis(2000));
    // An hour ahead of our clock: it has no say.
    let ahead = asked(
        Some("Sun, 06 Nov 1994 09:49:42 GMT"),
        None,
        Some("Sun, 06 Nov 1994 09:49:40 GMT"),
        now(),
    );
    assert_eq!(ahead, millis(2000));
    assert_eq!(against("yesterday"), millis(5000));
    assert_eq!(against("Thu, 01 Jan 1970 00:00:00 GMT"), millis(5000));
}

#[test]
fn a_date_that_was_over_when_it_was_sent_counts_as_absent() {
    let own = Some("Sun, 06 Nov 1994 08:49:43 GMT");
    let over = Some("Sun, 06 Nov 1994 08:49:42 GMT");
    assert_eq!(asked(over, None, own, now()), None);
    // Even where our own clock is behind and would see a wait in it.
    let behind = now() - Duration::from_secs(3600);
    assert_eq!(asked(over, None, own, behind), None);
    assert_eq!(after("Sun, 06 Nov 1994 08:49:36 GMT"), None);
}

#[test]
fn garbage_counts_as_absent() {
    let garbage = [
        "",
        " ",
        "soon",
        "-1",
        "+1",
        "-0",
        "1e3",
        "1.",
        ".5",
        "1.2.3",
        "1,5",
        "5, 10",
        "0x10",
        "NaN",
        "inf",
        "٣",
        "1 s",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Mon, 06 Nov 1994 08:49:42 GMT",
        "Sun, 31 Feb 2094 08:49:42 GMT",
        "1994-11-06T08:49:42Z",
    ];
    for text in garbage {
        assert_eq!(after(text), None, "{text}");
        assert_eq!(asked(None, Some(text), None, now()), None, "{text}");
        assert_eq!(
            both(text, "300"),
            millis(300),
            "the other one still counts beside {text}"
        );
        assert_eq!(
            both("3", text),
            millis(3000),
            "the other one still counts beside {text}"
        );
    }
}

#[test]
fn milliseconds_win_where_rounding_explains_the_difference() {
    assert_eq!(both("2", "1400"), millis(1400));
    assert_eq!(both("1", "1900"), millis(1900));
    assert_eq!(both("1", "0"), millis(0));
    assert_eq!(both("2", "2000"), millis(2000));
    let date = "Sun, 06 Nov 1994 08:49:40 GMT";
    assert_eq!(both(date, "1500"), millis(1500));
}

#[test]
fn values_that_contradict_each_other_count_as_absent() {
    assert_eq!(both("2", "3001"), None);
    assert_eq!(both("60", "60"), None, "seconds in the header for millis");
    assert_eq!(both("Sun, 06 Nov 1994 08:49:42 GMT", "60000"), None);
}

#[test]
fn a_wait_without_end_is_a_day() {
    let day = Some(Duration::from_secs(86_400));
    assert_eq!(after("86400"), day);
    assert_eq!(after("99999999999999999999999999"), day);
    assert_eq!(after("Fri, 31 Dec 9999 23:59:59 GMT"), day);
}

proptest! {
    #[test]
    fn nothing_that_a_server_sends_is_a_panic(
        retry_after in proptest::option::of(".*"),
        millis in proptest::option::of("[-+0-9.eE, ]*"),
        date in proptest::option::of(".*"),
        clock in 0u64..4_000_000_000,
    ) {
        let now = UNIX_EPOCH + Duration::from_secs(clock);
        let wait = asked(retry_after.as_deref(), millis.as_deref(), date.as_deref(), now);
        prop_assert!(wait.is_none_or(|wait| wait <= LONGEST));
    }

    #[test]
    fn nothing_like_a_date_is_a_panic(
        day in "(Sun|Mon|Sunday|Wednesday)(,? |)",
        rest in "[0-9 ]{1,2}[ -](Nov|Feb|Xyz)[ -][0-9]{2,5} [0-9]{2}:[0-9]{2}:[0-9]{2}( GMT|)( [0-9]{4}|)",
        cut in 0usize..40,
    ) {
        let text: String = format!("{day}{rest}").chars().take(cut).collect();
        asked(Some(&text), None, Some(&text), now());
    }

    #[test]
    fn it_is_never_more_than_a_number_named(whole in 0u64..100_000, fraction in "[0-9]{1,20}") {
        let named = format!("{whole}.{fraction}").parse::<f64>().unwrap();
        for (wait, unit) in [
            (after(&format!("{whole}.{fraction}")), 1.0),
            (asked(None, Some(&format!("{whole}.{fraction}")), None, now()), 1000.0),
        ] {
            let wait = wait.unwrap().as_secs_f64() * unit;
            // A billionth for the sake of the comparison's own rounding.
            prop_assert!(wait <= named + 1e-9, "{wait} {named}");
            prop_assert!(wait + 1e-6 >= named.min(86_400.0), "{wait} {named}");
        }
    }

    #[test]
    fn it_is_never_more_than_a_date_named(own in 0u64..4_000_000_000, ahead in 0u64..86_400, skew in 0u64..1_000_000) {
        let at = |seconds| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        let now = UNIX_EPOCH + Duration::from_secs(own + skew);
        let wait = asked(Some(&at(own + ahead)), None, Some(&at(own)), now);
        prop_assert_eq!(wait, Some(Duration::from_secs(ahead)));
    }
}

fn limits(cap: u64, left: u64) -> WaitLimits {
    WaitLimits {
        retry_after_cap: Duration::from_secs(cap),
        left: Duration::from_secs(left),
        useful_answer: Duration::from_secs(1),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn jitter_comes_on_top_of_what_was_asked() {
    let waited = |asked, jitter| wait(asked, jitter, limits(60, 100));
    assert_eq!(
        waited(Some(seconds(2)), seconds(1)),
        Wait::After(seconds(3))
    );
    assert_eq!(waited(None, seconds(1)), Wait::After(seconds(1)));
    assert_eq!(waited(Some(Duration::ZERO), Duration::ZERO), Wait::Now);
    assert_eq!(waited(None, Duration::ZERO), Wait::Now);
}

#[test]
fn more_than_the_cap_is_not_waited_for() {
    let refused = wait(Some(seconds(61)), Duration::ZERO, limits(60, 1000));
    assert_eq!(
        refused,
        Wait::NotWorthIt {
            retry_after: seconds(60)
        }
    );
}

#[test]
fn a_wait_that_leaves_no_time_for_an_answer_is_not_begun() {
    let refused = wait(Some(seconds(10)), Duration::ZERO, limits(60, 10));
    assert_eq!(
        refused,
        Wait::NotWorthIt {
            retry_after: seconds(10)
        }
    );
    let over = wait(None, seconds(3), limits(60, 0));
    assert_eq!(
        over,
        Wait::NotWorthIt {
            retry_after: seconds(3)
        }
    );
}

#[test]
fn jitter_gives_way_to_the_deadline() {
    let cut = wait(Some(seconds(5)), seconds(8), limits(60, 8));
    assert_eq!(cut, Wait::After(seconds(7)));
}

proptest! {
    #[test]
    fn it_is_never_earlier_than_asked_nor_too_late(
        asked in proptest::option::of(0u64..200_000), jitter in 0u64..100_000,
        cap in 0u64..100_000, left in 0u64..200_000, useful in 0u64..10_000,
    ) {
        let millis = Duration::from_millis;
        let limits = WaitLimits { retry_after_cap: millis(cap), left: millis(left), useful_answer: millis(useful) };
        let least = millis(asked.unwrap_or(0));
        let pause = match wait(asked.map(millis), millis(jitter), limits) {
            Wait::Now => Duration::ZERO,
            Wait::After(pause) => pause,
            Wait::NotWorthIt { retry_after } => {
                prop_assert!(retry_after <= limits.retry_after_cap);
                prop_assert!(least > limits.retry_after_cap || least + limits.useful_answer > limits.left);
                return Ok(());
            }
        };
        prop_assert!(pause >= least);
        prop_assert!(pause <= least + millis(jitter));
        prop_assert!(least <= limits.retry_after_cap);
        prop_assert!(pause + limits.useful_answer <= limits.left);
    }
}
