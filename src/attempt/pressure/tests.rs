use super::*;
use crate::config::Family;
use crate::recorded;

const EVERY: Duration = Duration::from_secs(5);

/// Written by hand after SGLang 0.5.23's `metrics_collector.py`; no SGLang was run for it. Two data-parallel ranks, the
/// second one in two pipeline stages, with scheduling by priority.
const SGLANG: &str = r#"# HELP sglang:num_running_reqs The number of running requests.
# TYPE sglang:num_running_reqs gauge
sglang:num_running_reqs{dp_rank="0",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="0"} 7.0
sglang:num_running_reqs{dp_rank="0",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="1",tp_rank="0"} 4.0
sglang:num_running_reqs{dp_rank="0",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="None",tp_rank="0"} 3.0
sglang:num_running_reqs{dp_rank="1",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="1"} 5.0
sglang:num_running_reqs{dp_rank="1",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="1",priority="",tp_rank="1"} 5.0
# HELP sglang:num_queue_reqs The number of requests in the waiting queue.
# TYPE sglang:num_queue_reqs gauge
sglang:num_queue_reqs{dp_rank="0",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="0"} 2.0
sglang:num_queue_reqs{dp_rank="1",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="1"} 0.0
# HELP sglang:token_usage The token usage.
# TYPE sglang:token_usage gauge
sglang:token_usage{dp_rank="0",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="0"} 0.31
sglang:token_usage{dp_rank="1",engine_type="unified",model_name="m",moe_ep_rank="0",pp_rank="0",priority="",tp_rank="1"} 0.25
"#;

fn reading(running: u32, waiting: u32, kv_cache: Option<f64>) -> Reading {
    Reading {
        running,
        waiting,
        kv_cache,
    }
}

fn recording(family: &str, case: &str) -> Vec<u8> {
    let mut all = recorded::all().into_iter();
    let found = all.find(|recorded| recorded.family == family && recorded.case == case);
    found.expect("the recording").answer
}

#[test]
fn a_real_idle_server_has_nothing_to_do() {
    let vllm = read(Family::Vllm, &recording("vllm", "metrics"));
    assert_eq!(vllm, Ok(reading(0, 0, Some(0.0))));
    let llama = read(Family::LlamaCpp, &recording("llama.cpp", "metrics"));
    assert_eq!(llama, Ok(reading(0, 0, None)));
}

#[test]
fn a_real_server_under_load_says_so() {
    let vllm = read(Family::Vllm, &recording("vllm", "metrics_under_load"));
    assert_eq!(vllm, Ok(reading(4, 2, Some(0.571_428_571_428_571_4))));
    let llama = read(
        Family::LlamaCpp,
        &recording("llama.cpp", "metrics_under_load"),
    );
    assert_eq!(llama, Ok(reading(2, 1, None)));
}

#[test]
fn a_real_server_without_its_switch_tells_nothing() {
    let off = read(Family::LlamaCpp, &recording("llama.cpp", "metrics_off"));
    let expected = NoReading::Without("llamacpp:requests_processing");
    assert_eq!(off, Err(expected));
}

#[test]
fn sglang_is_read_without_what_it_says_twice() {
    let expected = Ok(reading(12, 2, Some(0.31)));
    assert_eq!(read(Family::Sglang, SGLANG.as_bytes()), expected);
    let underscored = SGLANG.replace("sglang:", "sglang_");
    assert_eq!(read(Family::Sglang, underscored.as_bytes()), expected);
}

#[test]
fn engines_are_summed_and_the_fullest_cache_counts() {
    let text = "vllm:num_requests_running{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"1\"} 4\n\
                vllm:num_requests_waiting 1 1700000000000\n vllm:gpu_cache_usage_perc{e=\"0\"} 0.2\r\n\
                vllm:gpu_cache_usage_perc{e=\"1\"}\t7e-1\r\n";
    assert_eq!(
        read(Family::Vllm, text.as_bytes()),
        Ok(reading(7, 1, Some(0.7)))
    );
}

#[test]
fn labels_may_hold_anything() {
    let text = r#"llamacpp:requests_processing { a = "}" , b="\"} 9 {", priority="", } 3
llamacpp:requests_processing{b="x\\"} 1
llamacpp:requests_processing{x_priority="high"} 1
llamacpp:requests_deferred{} 0"#;
    assert_eq!(
        read(Family::LlamaCpp, text.as_bytes()),
        Ok(reading(5, 0, None))
    );
}

#[test]
fn longer_names_and_comments_are_other_lines() {
    let text = "# llamacpp:requests_processing 5\nllamacpp:requests_processing_max 7\nllamacpp:requests_processing 1\n\
                llamacpp:requests_deferred 2\nllamacpp:requests_deferred_total 9";
    assert_eq!(
        read(Family::LlamaCpp, text.as_bytes()),
        Ok(reading(1, 2, None))
    );
}

#[test]
fn what_is_missing_is_named() {
    use NoReading::*;
    for (family, text, expected) in [
        (Family::Vllm, "", Without("vllm:num_requests_running")),
        (
            Family::Vllm,
            "<html>no metrics</html>",
            Without("vllm:num_requests_running"),
        ),
        (
            Family::Vllm,
            "vllm:num_requests_running 1",
            Without("vllm:num_requests_waiting"),
        ),
        (
            Family::Sglang,
            "vllm:num_requests_running 1\nvllm:num_requests_waiting 1",
            Without("sglang:num_running_reqs"),
        ),
        (Family::Ollama, SGLANG, NotOfThisFamily),
    ] {
        assert_eq!(read(family, text.as_bytes()), Err(expected), "{text}");
    }
    assert_eq!(
        Without("vllm:num_requests_waiting").to_string(),
        "without vllm:num_requests_waiting"
    );
}

#[test]
fn impossible_counts_are_no_reading() {
    for value in [
        "NaN", "-1", "+Inf", "-Inf", "0.5", "1e300", "1000001", "many", "", "0x10",
    ] {
        let text = format!("llamacpp:requests_processing {value}\nllamacpp:requests_deferred 0\n");
        assert_eq!(
            read(Family::LlamaCpp, text.as_bytes()),
            Err(NoReading::Absurd("llamacpp:requests_processing")),
            "{value}"
        );
    }
    // Each could be, all together can't.
    let text =
        "llamacpp:requests_processing 600000\n".repeat(10_000) + "llamacpp:requests_deferred 0";
    assert_eq!(
        read(Family::LlamaCpp, text.as_bytes()),
        Err(NoReading::Absurd("llamacpp:requests_processing"))
    );
}

#[test]
fn an_impossible_cache_is_an_unknown_one() {
    for value in ["NaN", "-0.1", "1.5", "inf", "full"] {
        let text = format!(
            "vllm:num_requests_running 1\nvllm:num_requests_waiting 0\nvllm:kv_cache_usage_perc{{e=\"0\"}} 0.4\n\
             vllm:kv_cache_usage_perc{{e=\"1\"}} {value}\nvllm:kv_cache_usage_perc{{e=\"2\"}} 0.5\n"
        );
        assert_eq!(
            read(Family::Vllm, text.as_bytes()),
            Ok(reading(1, 0, None)),
            "{value}"
        );
    }
}

#[test]
fn a_reading_is_fresh_for_three_intervals() {
    let (pressure, start) = (Pressure::default(), Instant::now());
    assert_eq!(pressure.fresh(start, EVERY), None);
    let seen = Seen {
        reading: reading(1, 0, None),
        ours: 1,
    };
    pressure.saw(seen.reading, seen.ours, start);
    assert_eq!(pressure.fresh(start + EVERY * 3, EVERY), Some(seen));
    let late = start + EVERY * 3 + Duration::from_millis(1);
    assert_eq!(pressure.fresh(late, EVERY), None);
    pressure.forget();
    assert_eq!(pressure.fresh(start, EVERY), None);
}

#[test]
fn each_trouble_is_news_once() {
    let (pressure, now) = (Pressure::default(), Instant::now());
    assert!(!pressure.saw(reading(1, 0, None), 0, now));
    assert!(pressure.failed(NoReading::Status(501)));
    assert!(!pressure.failed(NoReading::Status(501)));
    assert!(pressure.failed(NoReading::NotOfThisFamily));
    assert!(pressure.fresh(now, EVERY).is_some());
    assert!(pressure.saw(reading(1, 0, None), 0, now));
    assert!(!pressure.saw(reading(1, 0, None), 0, now));
    assert!(pressure.failed(NoReading::NotOfThisFamily));
}

fn seen(reading: Reading, ours: u32) -> Option<Seen> {
    Some(Seen { reading, ours })
}

#[test]
fn without_a_reading_our_own_count_is_the_load() {
    assert_eq!(load(3, None), 3);
}

#[test]
fn ours_are_counted_once_and_others_too() {
    assert_eq!(load(4, seen(reading(4, 0, None), 4)), 4);
    assert_eq!(load(4, seen(reading(6, 3, None), 4)), 9);
    // Some of ours were on their way when it was read.
    assert_eq!(load(4, seen(reading(1, 0, None), 4)), 4);
}

#[test]
fn a_burst_of_ours_that_is_over_is_not_taken_for_others() {
    let during = seen(reading(10, 2, None), 12);
    assert_eq!(load(0, during), 0);
    let with_others = seen(reading(10, 5, None), 12);
    assert_eq!(load(0, with_others), 3);
}

#[test]
fn requests_that_wait_for_a_full_cache_count_more() {
    for (waiting, kv_cache, expected) in [
        (0, 0.94, 0),
        (0, 0.95, 3),
        (0, 1.0, 3),
        (5, 0.5, 0),
        (5, 0.75, 8),
        (5, 1.0, 15),
    ] {
        let ours = 8 + waiting;
        let busy = load(ours, seen(reading(8, waiting, Some(kv_cache)), ours));
        assert_eq!(busy, ours + expected, "{waiting} at {kv_cache}");
    }
}

#[test]
fn large_numbers_end_at_the_largest() {
    let most = reading(u32::MAX, u32::MAX, Some(1.0));
    assert_eq!(load(u32::MAX, seen(most, 0)), u32::MAX);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(text in prop::collection::vec(any::<u8>(), 0..400), labels in "[{}=\", \\\\a-z]{0,40}") {
            let _ = read(Family::Vllm, &text);
            let line = format!("vllm:num_requests_running{{{labels} 1\n");
            let _ = read(Family::Vllm, line.as_bytes());
        }

        #[test]
        fn load_is_never_less_than_ours(ours in 0..99_u32, then in 0..99_u32, running in 0..99_u32, waiting in 0..99_u32, kv_cache in prop::option::of(0.0..=1.0)) {
            let known = load(ours, seen(reading(running, waiting, kv_cache), then));
            prop_assert!(known >= ours);
            prop_assert!(known <= ours + running + waiting * 4 + 3);
        }
    }
}
