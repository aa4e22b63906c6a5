//! Text that would be a program if anything let it: in messages, rooms, topics and names, seen in a real browser. Nothing runs, and
//! the content security policy has nothing to refuse, because nothing got that far.

use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{TestApp, in_browser};

/// Each would set `window.ran` or the title, if it ran.
const CORPUS: [&str; 40] = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<object data=javascript:window.ran=1></object>",
    "<embed src=javascript:window.ran=1>",
    "<a href=javascript:window.ran=1>a</a>",
    "[a](javascript:window.ran=1)",
    "[a](JaVaScRiPt:window.ran=1)",
    "[a](java\tscript:window.ran=1)",
    "[a](&#106;avascript:window.ran=1)",
    "[a](vbscript:window.ran=1)",
    "[a](data:text/html,<script>window.ran=1</script>)",
    "![a](javascript:window.ran=1)",
    "![a](x\" onerror=\"window.ran=1)",
    "<javascript:window.ran=1>",
    "[a]: javascript:window.ran=1\n\n[a]",
    "<details open ontoggle=window.ran=1>",
    "<video><source onerror=window.ran=1></video>",
    "<body onload=window.ran=1>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.ran=1>",
    "<style>*{background:url(javascript:window.ran=1)}</style>",
    "<link rel=stylesheet href=javascript:window.ran=1>",
    "<meta http-equiv=refresh content='0;url=javascript:window.ran=1'>",
    "<base href=javascript:window.ran=1//>",
    "<form action=javascript:window.ran=1><button id=composer>x</button></form>",
    "<input autofocus onfocus=window.ran=1>",
    "\"><script>window.ran=1</script>",
    "'><script>window.ran=1</script>",
    "--><script>window.ran=1</script>",
    "]]><script>window.ran=1</script>",
    "</textarea><script>window.ran=1</script>",
    "</title><script>window.ran=1</script>",
    "</script><script>window.ran=1</script>",
    "{{constructor.constructor('window.ran=1')()}}",
    "${window.ran=1}",
    "`<script>window.ran=1</script>`",
    "<scr<script>ipt>window.ran=1</scr</script>ipt>",
];

/// Nothing ran, the page is the page, and the console is quiet.
async fn is_unharmed(browser: &Browser, place: &str) {
    let ran = browser
        .execute("return window.ran === undefined && !document.querySelector('iframe,object,embed,[onerror],[onload]')", vec![])
        .await;
    assert_eq!(ran.expect("our own script runs"), serde_json::json!(true), "{place}");
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{place}: {complaints:#?}");
}

#[test]
fn hostile_text_does_nothing_wherever_it_is_shown() {
    in_browser(module_path!(), async |app: &TestApp| {
        let ada = Browser::open(Scripts::On).await;
        ada.register(app, "ada").await;
        let eve = app.register("eve").await;
        let (socket, _) = eve.join("general").await;
        ada.join(app, "general").await;
        ada.sees("#composer textarea").await;
        // Live, as it is said.
        for (number, text) in CORPUS.iter().enumerate() {
            socket.post("general", text, &format!("n{number}")).await;
        }
        socket.post("general", "the last of them", "last").await;
        ada.waits_for(async || ada.texts(super::WORDS).await.iter().any(|words| words == "the last of them")).await;
        is_unharmed(&ada, "live").await;
        // And from the page's history.
        ada.visit(app, "/rooms/general?limit=200").await;
        is_unharmed(&ada, "history").await;
        ada.visit(app, "/rooms/general/9").await;
        is_unharmed(&ada, "permalink").await;
        // As names of rooms, topics and people.
        let mut slugs = Vec::new();
        for text in CORPUS.iter().filter(|text| text.chars().count() <= 64 && !text.contains(['\n', '\t'])) {
            let answer = eve.post("/rooms", &[("name", text), ("topic", text), ("visibility", "public")]).await;
            slugs.push(answer.expect(303).location());
        }
        assert!(slugs.len() > 20);
        ada.visit(app, "/rooms").await;
        is_unharmed(&ada, "the list of rooms").await;
        for slug in slugs.iter().step_by(9) {
            ada.visit(app, slug).await;
            is_unharmed(&ada, slug).await;
        }
        for (number, text) in CORPUS.iter().filter(|text| text.chars().count() <= 64 && !text.contains(['\n', '\t'])).enumerate()
        {
            let stranger = app.stranger();
            let username = format!("eve{number}");
            let fields = [("username", &*username), ("password", PASSWORD), ("name", text)];
            stranger.post("/register", &fields).await.expect(303);
            if number % 5 == 0 {
                let (socket, _) = stranger.join("general").await;
                socket.post("general", "it is me", &format!("eve{number}")).await;
            }
        }
        ada.visit(app, "/rooms/general").await;
        ada.sees("#composer textarea").await;
        is_unharmed(&ada, "names").await;
        ada.visit(app, "/rooms/general/members").await;
        is_unharmed(&ada, "members").await;
        for query in [
            "/rooms/general?before=%3Cscript%3Ewindow.ran=1%3C/script%3E",
            "/%3Cscript%3Ewindow.ran=1%3C/script%3E",
            "/login?next=%22%3E%3Cscript%3Ewindow.ran=1%3C/script%3E",
        ] {
            ada.visit(app, query).await;
            let ran = ada.execute("return window.ran === undefined", vec![]).await;
            assert_eq!(ran.expect("our own script runs"), serde_json::json!(true), "{query}");
        }
        ada.close().await;
    });
}
