//! Packets that no proper client sends.
//!
//! Owns the one corpus: tests send each packet, and random changes of them.

/// Short ones, two spaces apart.
const SHORT: &str = r#"
4  40  40/chat,  40/chat,{"token":  40/chat,[]  40/chat,x  40/chat?x=1,  40/chat  41  41/other,
42  42/chat  42/chat,  42/chat,[  42/chat,[]  42/chat,{}  42/chat,null  42/chat,[null]  42/chat,[1]  42/chat,[{}]  42/chat,[[]]  42/chat,0
42/chat,-1["join"]  42/chat,1.5["join"]  42/chat,["join",  42/chat,["join"]]  42["join",{"room":"general"}]  42/other,["join",{}]
42/chat?token=1,["join",{}]  42/chat,["join",{"room":"general"}] trailing  42/chat,["message","\u0000"]  42/chat,["",{}]
42/chat,18446744073709551616["join",{}]  42/chat,9223372036854775808["join",{"room":"general"}]
42/chat,12345678901234567890123456789012345678901234567890["join",{}]
42/chat,1["message",{"room":"general","body":"\ud800","nonce":"1"}]
42/chat,2["history",{"room":"general","before":9223372036854775807,"limit":9223372036854775807}]
42/chat,3["join",{"room":"general","after":1e999}]  42/chat,4["read",{"room":"general","seq":-0}]
42/chat,5["direct",{"users":[[],{},null,1,"@"]}]  42/chat,6["search",{"q":"\"(*:^-OR NOT","before":"~~~"}]
42/chat,7["react",{"room":"general","seq":1,"emoji":"x","on":1}]  42/chat,8["constructor",{"__proto__":1}]
42/chat,9["connect"]  42/chat,9["disconnect",{}]  42/chat,9["error",{}]
43/chat,0[]  43/chat,99999999[{}]  43/chat,  44/chat,{}  44/chat,{"message":"x"}
45  451-  451-["a"]  451-/chat,["join",{"_placeholder":true,"num":0}]  4599999999999-/chat,["join"]
4518446744073709551615-/chat,["a"]  45-1-/chat,["a"]  461-/chat,0[]  47  48/chat,  49  4a
5  6  7  8  9  0  0{}  1x  2probe  3  3probe  💥  b64  bAAAA  b
"#;

/// All of them.
pub fn packets() -> Vec<String> {
    let mut all: Vec<String> = SHORT.trim().lines().flat_map(|line| line.split("  ")).map(str::to_owned).collect();
    all.extend(["", " ", "\0", "4\0"].map(str::to_owned));
    let deep = |open: &str, close: &str, count: usize| format!("{}1{}", open.repeat(count), close.repeat(count));
    all.extend([
        format!("42/chat,[\"join\",{}{}]", "[".repeat(30_000), "]".repeat(30_000)),
        format!("42/chat,[\"join\",{}]", deep("{\"a\":", "}", 8_000)),
        format!("42/chat,[{}]", deep("[", "]", 20_000)),
        format!("40/{},", "c".repeat(60_000)),
        format!("42/chat,[\"{}\",{{}}]", "e".repeat(60_000)),
        format!("42/chat,{}[\"join\",{{}}]", "1".repeat(60_000)),
        format!(r#"42/chat,1["message",{{"room":"general","body":"{}","nonce":"2"}}]"#, "\\u0001".repeat(9_000)),
        format!("42/chat,1[\"join\",{{{}\"room\":\"general\"}}]", "\"room\":1,".repeat(6_000)),
    ]);
    all
}

#[test]
fn none_was_lost_between_the_lines() {
    let all = packets();
    assert_eq!(all.len(), 90);
    assert!(all.iter().any(|packet| packet.ends_with("}] trailing")) && all.iter().any(|packet| packet.contains("-OR NOT")));
}
