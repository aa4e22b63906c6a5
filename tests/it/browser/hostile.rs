//! Text that would be a program if anything let it, wherever somebody can write and somebody else looks, in a real browser. Nothing
//! runs, and the content security policy has nothing to refuse, because nothing gets that far.

use serde_json::{Value, json};

use crate::harness::browser::{Browser, Scripts};
use crate::harness::site::PASSWORD;
use crate::harness::{Person, Site, TestApp, in_browser};

/// Each would set `ran` on the window, ask for a resource, or at least be an element of the page, if anything let it.
const CORPUS: [&str; 78] = [
    "<script>ran=1</script>",
    "<script src=/static/x.js></script>",
    "<img src=x onerror=ran=1>",
    "<img/src/onerror=ran=1>",
    "<svg onload=ran=1>",
    "<svg><script>ran=1</script></svg>",
    "<svg><animate onbegin=ran=1 attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:ran=1><text y=9>a</text></a></svg>",
    "<svg><use href=\"data:image/svg+xml,<svg id=x onload=ran=1>#x\">",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<object data=javascript:ran=1></object>",
    "<embed src=javascript:ran=1>",
    "<a href=javascript:ran=1>a</a>",
    "[a](javascript:ran=1)",
    "[a](JaVaScRiPt:ran=1)",
    "[a](java\tscript:ran=1)",
    "[a](&#106;avascript:ran=1)",
    "[a](&#x6A&#x61vascript:ran=1)",
    "[a](\u{1}javascript:ran=1)",
    "[a](<javascript:ran=1>)",
    "[a](vbscript:ran=1)",
    "[a](data:text/html,<script>ran=1</script>)",
    "[a](//a.invalid/\"onmouseover=\"ran=1)",
    "[a](x 'title\" onmouseover=\"ran=1')",
    "![a](javascript:ran=1)",
    "![a](x\" onerror=\"ran=1)",
    "![a](https://127.0.0.1:1/spy.png)",
    "<javascript:ran=1>",
    "<https://127.0.0.1:1/\"onclick=\"ran=1>",
    "[a]: javascript:ran=1\n\n[a]",
    "<details open ontoggle=ran=1>",
    "<video><source onerror=ran=1></video>",
    "<audio src=x onerror=ran=1>",
    "<body onload=ran=1>",
    "<marquee onstart=ran=1>a</marquee>",
    "<select autofocus onfocus=ran=1>",
    "<input autofocus onfocus=ran=1>",
    "<p style=animation-name:x onanimationstart=ran=1>",
    "<style>*{background:url(//127.0.0.1:1/x)}</style>",
    "<link rel=stylesheet href=//127.0.0.1:1/x>",
    "<meta http-equiv=refresh content='0;url=javascript:ran=1'>",
    "<base href=//127.0.0.1:1/>",
    "<form action=javascript:ran=1><button id=composer>x</button></form>",
    "<template><script>ran=1</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=ran=1>\">",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=ran=1>",
    "<math><mi//xlink:href=\"data:x,<script>ran=1</script>\">",
    "<svg></p><style><a id=\"</style><img src=1 onerror=ran=1>\">",
    "<a id=composer name=room href=x>clobber</a><form id=document><input name=body>",
    "\"><script>ran=1</script>",
    "'><img src=x onerror=ran=1>",
    "\" onmouseover=ran=1 autofocus onfocus=ran=1 x=\"",
    "' onmouseover=ran=1 x='",
    "--><script>ran=1</script>",
    "]]><script>ran=1</script>",
    "</textarea><script>ran=1</script>",
    "</title><script>ran=1</script>",
    "</script><script>ran=1</script>",
    "</style><script>ran=1</script>",
    "</template><script>ran=1</script>",
    "{{constructor.constructor('ran=1')()}}",
    "{% raw %}<script>ran=1</script>",
    "${ran=1}",
    "`<script>ran=1</script>`",
    "```html\n</code></pre><script>ran=1</script>\n```",
    "```\"onload=ran=1\nx\n```",
    "| <img src=x onerror=ran=1> |\n|---|\n| <script>ran=1</script> |",
    "@ada<img src=x onerror=ran=1> #general\"onclick=ran=1 :tada:<script>ran=1</script>",
    "<scr<script>ipt>ran=1</scr</script>ipt>",
    "&lt;script&gt;ran=1&lt;/script&gt;",
    "&amp;lt;img src=x onerror=ran=1&amp;gt;",
    "\u{FF1C}script\u{FF1E}ran=1\u{FF1C}/script\u{FF1E}",
    "<style>*{background:url(javascript:ran=1)}</style>",
    "<link rel=stylesheet href=javascript:ran=1>",
    "<base href=javascript:ran=1//>",
    "'><script>ran=1</script>",
    "<\u{0C}img\u{0C}src=x\u{0C}onerror=ran=1>",
];

/// Runs before anything of a page: notes what the page's policy refuses, every dialog, and every request that leads away.
const WATCHING: &str = "
    window.__found = [];
    const note = (what) => window.__found.push(String(what));
    for (const dialog of ['alert', 'confirm', 'prompt', 'print']) window[dialog] = () => note(dialog);
    window.open = (url) => note('a window for ' + url);
    document.addEventListener('securitypolicyviolation', (event) => note('refused ' + event.violatedDirective + ' ' + event.blockedURI));
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
        if (!entry.name.startsWith(location.origin) && !entry.name.startsWith('data:')) note('asked for ' + entry.name);
    })).observe({ type: 'resource', buffered: true });
";

/// What is wrong with the page that is open.
const WRONG: &str = "
    const found = [...(window.__found ?? ['nobody watched'])];
    if (typeof ran !== 'undefined') found.push('it ran');
    for (const element of document.querySelectorAll('iframe, object, embed, video, audio, marquee, base, math, style, noscript img'))
        found.push('an element ' + element.outerHTML.slice(0, 80));
    for (const element of document.querySelectorAll('*'))
        for (const { name, value } of element.attributes)
            if (/^on/i.test(name) || (/^(href|src|action|formaction|xlink:href)$/i.test(name) && /^[\\s\\x00-\\x1f]*(javascript|vbscript|data:text)/i.test(value)))
                found.push(name + '=' + value + ' of ' + element.localName);
    return found;
";

#[test]
fn hostile_text_does_nothing_wherever_it_is_shown() {
    in_browser(module_path!(), async |app: &TestApp| hostile_text(app).await);
}

/// A browser that watches its pages from their very beginning.
async fn watched() -> Browser {
    let browser = Browser::open(Scripts::On).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCHING })).await;
    browser
}

async fn hostile_text(server: &TestApp) {
    let (ada, eve) = (server.register("ada").await, server.register("eve").await);
    ada.join("general").await;
    let browser = watched().await;
    for cookie in ada.cookies().split("; ") {
        let (name, value) = cookie.split_once('=').expect("a cookie has a name");
        let cookie = json!({ "name": name, "value": value, "url": server.origin, "httpOnly": true });
        browser.devtools("Network.setCookie", cookie).await;
    }
    let looked_at = Looked { browser: &browser, site: server };

    // As it is said, before the eyes of somebody.
    looked_at.visit("/rooms/general").await;
    let (socket, _) = eve.join("general").await;
    for (nth, text) in CORPUS.iter().enumerate() {
        socket.post("general", text, &format!("live {nth}")).await;
    }
    let last = socket.post("general", "@ada that was the last of them", "last").await;
    let is_there = format!(
        "return document.body.textContent.includes('the last of them') && !!document.querySelector('[id=\"m{}\"]')",
        last["seq"]
    );
    browser.waits_for_script(&is_there).await;
    looked_at.is_unharmed("what comes live").await;
    // As it is edited.
    for (nth, text) in CORPUS.iter().enumerate().take(20) {
        socket
            .ok("edit", json!({ "room": "general", "seq": last["seq"].as_i64().unwrap_or(0) - 1 - nth as i64, "body": text }))
            .await;
    }
    socket.post("general", "now they are edited", "edited").await;
    browser.waits_for_script("return document.body.textContent.includes('now they are edited')").await;
    looked_at.is_unharmed("what is edited live").await;

    let slugs = everywhere(server, &eve).await;
    let mut pages: Vec<String> = [
        "/rooms/general?limit=200",
        "/rooms/general?around=20",
        "/rooms/general/7",
        "/rooms",
        "/rooms/general/members",
        "/rooms/general/pins",
        "/people",
        "/people/eve",
        "/people/mallory3",
        "/direct",
        "/mentions",
        "/settings",
        "/search?q=ran",
        "/search?q=script&order=best",
        "/rooms/general?reply_to=9",
        "/rooms/general/9/more",
        "/keys",
    ]
    .map(str::to_owned)
    .into();
    pages.extend(slugs.iter().step_by(6).cloned());
    let mut asked = ["/rooms/general?before=", "/"].map(|page| format!("{page}{}", form_value(CORPUS[0]))).to_vec();
    for text in CORPUS {
        let text = form_value(text);
        asked.extend(["/search?q=", "/people?q="].map(|page| format!("{page}{text}")));
    }
    for page in &pages {
        looked_at.visit(page).await;
    }
    for page in &asked {
        looked_at.visit_refused(page).await;
    }
    // The pages of who is not signed in, and those that say what is wrong.
    let stranger = watched().await;
    let outside = Looked { browser: &stranger, site: server };
    for text in CORPUS.iter().step_by(3) {
        let text = form_value(text);
        for page in ["/login?next=/", "/login?next=", "/register?invite=", "/register?setup=", "/rooms/general?before=", "/"] {
            outside.visit_refused(&format!("{page}{text}")).await;
        }
    }
    browser.close().await;
    stranger.close().await;
}

/// Writes the corpus wherever one can write: names and topics of rooms, names and statuses of people, reactions to it, conversations.
/// Gives the paths of the rooms.
async fn everywhere(site: &Site, eve: &Person) -> Vec<String> {
    let mut paths = Vec::new();
    let lines: Vec<&str> =
        CORPUS.into_iter().filter(|text| text.chars().count() <= 64 && !text.contains(char::is_control)).collect();
    assert!(lines.len() > 40, "most of the corpus fits a line");
    for text in &lines {
        let room = eve.post("/rooms", &[("name", text), ("topic", text), ("visibility", "public")]).await;
        // Some differ only in capitals, and one name is one room's.
        if room.status != 422 {
            paths.push(room.expect(303).location());
        }
    }
    assert!(paths.len() > 40, "most of the corpus names a room");
    for (nth, text) in lines.iter().enumerate() {
        let person = site.stranger();
        let username = format!("mallory{nth}");
        person.post("/register", &[("username", &*username), ("password", PASSWORD), ("name", text)]).await.expect(303);
        person.post("/settings", &[("status", text)]).await.expect(303);
        if nth % 4 == 0 {
            let (socket, _) = person.join("general").await;
            let said = socket.post("general", &format!("@ada {text}"), &format!("named {nth}")).await;
            socket.ok("pin", json!({ "room": "general", "seq": said["seq"], "on": true })).await;
            let direct = socket.ok("direct", json!({ "users": ["ada"] })).await;
            let slug = direct["room"]["slug"].as_str().expect("a conversation is a room").to_owned();
            person.write(&slug, text).await.expect(303);
            paths.push(format!("/rooms/{slug}"));
        }
    }
    paths
}

fn form_value(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Pages that somebody looked at.
struct Looked<'a> {
    browser: &'a Browser,
    site: &'a Site,
}

impl Looked<'_> {
    async fn visit(&self, path: &str) {
        self.browser.visit(self.site, path).await;
        self.is_unharmed(path).await;
    }

    /// A page that may be a refusal: the browser's console tells of its status, and that is no harm.
    async fn visit_refused(&self, path: &str) {
        self.browser.visit(self.site, path).await;
        self.is_harmless(path).await;
        let complaints = self.browser.complaints().await;
        let others: Vec<_> = complaints.iter().filter(|words| !words.contains("Failed to load resource")).collect();
        assert!(others.is_empty(), "{path}: the console says {others:#?}");
    }

    /// Nothing ran, nothing was asked for, the policy had nothing to refuse, and the console is quiet.
    async fn is_unharmed(&self, place: &str) {
        self.is_harmless(place).await;
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{place}: the console says {complaints:#?}");
    }

    async fn is_harmless(&self, place: &str) {
        let wrong = self.browser.run(WRONG).await;
        assert_eq!(wrong, Value::Array(Vec::new()), "{place}");
    }
}
