//! What a manifest may cost, and that nothing of it is looked for elsewhere.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::manifests::{check, expect_mistakes};

#[tokio::test]
async fn nothing_is_looked_up_elsewhere() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("its address");
    let rules = format!(
        "skill: mail
request: {{properties: {{a: {{$ref: \"http://{address}/schema.json\"}}, b: {{$ref: \"file:///etc/passwd\"}}, c: {{$ref: \"other.json#/x\"}}}}}}
response: {{$schema: \"http://{address}/draft\"}}
"
    );
    expect_mistakes(
        &[("mail.yaml", &rules)],
        &[
            "request.properties.a.$ref: ",
            "request.properties.b.$ref: ",
            "request.properties.c.$ref: ",
            "is not in this schema",
            "response.$schema: ",
        ],
    )
    .await;
    let came = listener.accept();
    assert!(came.is_err(), "somebody looked it up: {came:?}");
}

#[tokio::test]
async fn depth_and_width_are_bounded() {
    let began = Instant::now();
    let deep = format!(
        "skill: deep\nrequest: {}true{}\n",
        "{not: ".repeat(2000),
        "}".repeat(2000)
    );
    let items = format!(
        "skill: items\nrequest: {}true{}\n",
        "{items: ".repeat(24),
        "}".repeat(24)
    );
    let wide: String = (0..6000).map(|n| format!("    p{n}: true\n")).collect();
    let wide = format!("skill: wide\nrequest:\n  properties:\n{wide}");
    let bomb = "skill: bomb\na: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\ntools: [*c, *c, *c, *c, *c, *c]\n";
    for (name, text) in [
        ("deep.yaml", deep.as_str()),
        ("wide.yaml", &wide),
        ("bomb.yaml", bomb),
    ] {
        let output = check(&[(name, text)]).await;
        assert_eq!(output.code, 78, "{output:?}");
        assert!(output.stderr.contains(name), "{output:?}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    // What a person writes is far from it.
    let output = check(&[("items.yaml", &items)]).await;
    assert_eq!(output.code, 0, "{output:?}");
}
