use super::*;
use proptest::prelude::*;

fn site(name: &str, weight: u32, requests: u32) -> Site {
    Site {
        identity: identity(name, None),
        weight,
        requests,
    }
}

/// As many idle sites as there are weights.
fn idle(weights: &[u32]) -> Vec<Site> {
    let sites = weights.iter().enumerate();
    sites
        .map(|(i, &weight)| site(&format!("upstream-{i}"), weight, 0))
        .collect()
}

/// How many of many keys each site gets.
fn shares(sites: &[Site]) -> Vec<f64> {
    const KEYS: u64 = 20_000;
    let mut counts = vec![0_u32; sites.len()];
    for key in 0..KEYS {
        counts[choose(key, sites).unwrap()] += 1;
    }
    let share = |&count: &u32| f64::from(count) / KEYS as f64;
    counts.iter().map(share).collect()
}

#[test]
fn there_is_nothing_to_choose_among_none() {
    assert_eq!(choose(1, &[]), None);
}

#[test]
fn idle_sites_share_the_keys_by_their_weights() {
    for weights in [&[1, 1][..], &[1, 1, 1, 1], &[3, 1], &[1, 2, 5], &[1000, 1]] {
        let total = f64::from(weights.iter().sum::<u32>());
        for (share, &weight) in shares(&idle(weights)).iter().zip(weights) {
            let expected = f64::from(weight) / total;
            assert!(
                (share - expected).abs() < 0.012,
                "{weights:?}: {share} for {expected}"
            );
        }
    }
}

#[test]
fn the_choice_is_the_same_on_every_host() {
    // Found once; another answer means that gateways of two builds disagree.
    let chosen: Vec<_> = (0..12)
        .map(|key| choose(key, &idle(&[1, 1, 1])).unwrap())
        .collect();
    assert_eq!(chosen, [2, 0, 0, 2, 0, 1, 0, 2, 0, 2, 2, 0]);
}

#[test]
fn names_and_models_are_told_apart() {
    let known = [
        identity("a", None),
        identity("b", None),
        identity("a", Some("b")),
        identity("ab", None),
        identity("ab", Some("c")),
        identity("a", Some("bc")),
    ];
    for (i, one) in known.iter().enumerate() {
        assert!(known[..i].iter().all(|other| other != one));
    }
    assert_eq!(identity("a", Some("m")), identity("a", Some("m")));
}

#[test]
fn a_second_request_stays_beside_an_idle_site() {
    for key in 0..50 {
        let mut sites = idle(&[1, 1]);
        let home = choose(key, &sites).unwrap();
        sites[home].requests = 1;
        assert_eq!(choose(key, &sites), Some(home));
        // Three on one of two are more than 1.25 times their share.
        sites[home].requests = 2;
        assert_eq!(choose(key, &sites), Some(1 - home));
    }
}

#[test]
fn a_busy_site_keeps_its_keys_while_the_others_are_as_busy() {
    for key in 0..50 {
        let mut sites = idle(&[1, 1, 1]);
        let home = choose(key, &sites).unwrap();
        sites.iter_mut().for_each(|site| site.requests = 40);
        assert_eq!(choose(key, &sites), Some(home));
        sites[home].requests = 60;
        assert_ne!(choose(key, &sites), Some(home));
    }
}

#[test]
fn extreme_numbers_are_no_trouble() {
    let sites = [site("a", u32::MAX, u32::MAX), site("b", 0, u32::MAX)];
    assert!(choose(1, &sites).is_some());
}

/// Sites with any weights and loads.
fn any_sites() -> impl Strategy<Value = Vec<Site>> {
    let one = (1..20_u32, 0..60_u32);
    prop::collection::vec(one, 1..9).prop_map(|sites| {
        let sites = sites.into_iter().enumerate();
        sites
            .map(|(i, (weight, requests))| site(&format!("upstream-{i}"), weight, requests))
            .collect()
    })
}

/// The most requests that a site may have once one more is placed.
fn bound(sites: &[Site], at: usize) -> u64 {
    let total: u64 = sites.iter().map(|site| u64::from(site.requests)).sum();
    let weights: u64 = sites.iter().map(|site| u64::from(site.weight)).sum();
    (5 * (total + 1) * u64::from(sites[at].weight)).div_ceil(4 * weights)
}

proptest! {
    #[test]
    fn nobody_is_chosen_beyond_the_bound(sites in any_sites(), key: u64) {
        let chosen = choose(key, &sites).unwrap();
        prop_assert!(u64::from(sites[chosen].requests) < bound(&sites, chosen));
    }

    #[test]
    fn the_bound_holds_while_requests_come_and_none_goes(weights in prop::collection::vec(1..9_u32, 1..6), keys in prop::collection::vec(0..4_u64, 1..200)) {
        let mut sites = idle(&weights);
        for key in keys {
            let chosen = choose(key, &sites).unwrap();
            let most = bound(&sites, chosen);
            sites[chosen].requests += 1;
            prop_assert!(u64::from(sites[chosen].requests) <= most);
        }
    }

    #[test]
    fn a_site_that_goes_takes_only_its_own_keys_along(weights in prop::collection::vec(1..20_u32, 2..9), gone: prop::sample::Index, key: u64) {
        let sites = idle(&weights);
        let gone = gone.index(sites.len());
        let mut left = sites.clone();
        left.remove(gone);
        let home = choose(key, &sites).unwrap();
        let now = left[choose(key, &left).unwrap()].identity;
        prop_assert!(home == gone || now == sites[home].identity);
        prop_assert!(now != sites[gone].identity);
    }

    #[test]
    fn the_order_of_the_sites_does_not_matter(sites in any_sites(), key: u64) {
        let chosen = sites[choose(key, &sites).unwrap()].identity;
        let mut turned = sites.clone();
        turned.reverse();
        prop_assert_eq!(turned[choose(key, &turned).unwrap()].identity, chosen);
    }
}
