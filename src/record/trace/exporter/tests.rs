use std::net::TcpListener;
use std::time::Duration;

use super::*;
use crate::clock;
use crate::record::trace::queue::MOST_SPANS;
use crate::record::trace::sample::{self, decode, StandIn, ACCEPTED, PATIENCE};

fn start(collector: Collector) -> (Exporter, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let exporter = Exporter::start(collector, sample::process(), Arc::clone(&counts)).unwrap();
    (exporter, counts)
}

fn spans() -> u64 {
    sample::request().count() as u64
}

#[test]
fn what_waits_at_the_end_is_sent() {
    let stand_in = StandIn::start(&[ACCEPTED]);
    let (exporter, counts) = start(stand_in.collector());
    for _ in 0..5 {
        assert!(exporter.send(sample::request()));
    }

    assert!(exporter.flush_and_close(clock::now() + PATIENCE));

    let received: usize = stand_in
        .requests
        .try_iter()
        .map(|request| decode(&request.body).len())
        .sum();
    assert_eq!(received as u64, 5 * spans());
    assert_eq!((counts.sent(), counts.lost()), (5 * spans(), 0));
    assert!(!exporter.send(sample::request()), "it is closed");
    assert_eq!(counts.lost(), spans());
}

#[test]
fn many_spans_go_out_in_batches_and_none_twice() {
    let stand_in = StandIn::start(&[ACCEPTED]);
    let (exporter, counts) = start(stand_in.collector());
    for _ in 0..1000 {
        exporter.send(sample::request());
    }
    assert!(exporter.flush_and_close(clock::now() + PATIENCE));

    let batches: Vec<_> = stand_in
        .requests
        .try_iter()
        .map(|request| decode(&request.body))
        .collect();
    let mut ids: Vec<_> = batches
        .iter()
        .flatten()
        .map(|span| span.span_id.clone())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, counts.sent());
    assert_eq!(counts.sent() + counts.lost(), 1000 * spans());
    assert!(
        batches.iter().all(|batch| batch.len() <= 514),
        "a batch is too large"
    );
}

#[test]
fn a_collector_that_is_away_costs_the_sender_nothing() {
    let (_socket, port) = sample::refusing();
    let (exporter, counts) = start(Collector::new(&sample::url(port)));
    let begun = clock::now();
    let total = 100_000;
    for _ in 0..total {
        exporter.send(sample::request());
    }
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(10),
        "{total} requests took {took:?}"
    );
    assert!(counts.lost() >= total * spans() - MOST_SPANS as u64);

    assert!(exporter.flush_and_close(clock::now() + PATIENCE));
    assert_eq!((counts.sent(), counts.lost()), (0, total * spans()));
}

#[test]
fn what_a_restarting_collector_missed_is_sent_again() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    let stand_in = StandIn::start(Box::leak(Box::new([busy, ACCEPTED])));
    let (exporter, counts) = start(stand_in.collector());
    exporter.send(sample::request());

    let (first, second) = (stand_in.next(), stand_in.next());

    assert_eq!(first.body, second.body);
    assert!(exporter.flush_and_close(clock::now() + PATIENCE));
    assert_eq!((counts.sent(), counts.lost()), (spans(), 0));
}

#[test]
fn what_a_collector_refuses_for_good_is_lost_and_counted() {
    let stand_in = StandIn::start(&["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"]);
    let (exporter, counts) = start(stand_in.collector());
    exporter.send(sample::request());
    assert!(exporter.flush_and_close(clock::now() + PATIENCE));
    assert_eq!((counts.sent(), counts.lost()), (0, spans()));
}

#[test]
fn a_collector_that_never_answers_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (exporter, counts) = start(Collector::new(&sample::url(
        listener.local_addr().unwrap().port(),
    )));
    exporter.send(sample::request());
    let begun = clock::now();
    assert!(!exporter.flush_and_close(begun + Duration::from_millis(200)));
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(counts.sent(), 0);
}

#[test]
fn an_exporter_that_is_replaced_sends_what_it_has() {
    let stand_in = StandIn::start(&[ACCEPTED]);
    let (exporter, _) = start(stand_in.collector());
    exporter.send(sample::request());
    drop(exporter);
    assert_eq!(decode(&stand_in.next().body).len() as u64, spans());
}
