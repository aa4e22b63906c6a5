//! The info string of a fenced code block: the name of a language, or already code.
//!
//! Owns which words name a language. Any other word there is part of the text and must be shown.

use std::collections::HashSet;
use std::sync::LazyLock;

use comrak::nodes::NodeCodeBlock;

use crate::highlight;

/// Restores a fenced block as typed: an info string that names no language becomes the first line, and a closing fence after text
/// becomes part of it. `line` is the line of the opening fence.
pub fn complete(block: &mut NodeCodeBlock, line: Option<&str>) {
    if !block.fenced {
        return;
    }
    if !block.closed {
        let fence = char::from(block.fence_char);
        let code = block.literal.trim_end();
        let end = code.trim_end_matches(fence).len();
        if code.len() - end >= block.fence_length {
            block.literal.truncate(end);
            if !block.literal.is_empty() && !block.literal.ends_with('\n') {
                block.literal.push('\n');
            }
        }
    }
    if block.info.is_empty() || is_language(&block.info) {
        return;
    }
    let fence = char::from(block.fence_char).to_string().repeat(block.fence_length);
    // As typed: `info` has its escapes resolved.
    let typed = line.and_then(|line| line.split_once(&*fence)).map_or(&*block.info, |(_, typed)| typed.trim());
    block.literal = format!("{typed}\n{}", block.literal);
    block.info.clear();
}

/// Whether an info string names a language, possibly with attributes known from other programs, as in `rust,ignore`, `js {1,3}`
/// and `py title="a.py"`.
fn is_language(info: &str) -> bool {
    let end = info.find(|c: char| !(c.is_alphanumeric() || matches!(c, '+' | '-' | '_' | '#' | '.'))).unwrap_or(info.len());
    let (name, rest) = info.split_at(end);
    let is_option = |word: &str| {
        let value = word.split_once('=').map(|(name, _)| name);
        value.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
            || word.trim_matches(['{', '}', ',']).bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'-'))
    };
    let is_glued = |word: &str| word.is_empty() || word.bytes().all(|b| b.is_ascii_alphanumeric() || b",_-.:/{}".contains(&b));
    let mut words = rest.split(' ');
    is_name(name) && words.next().is_none_or(is_glued) && words.all(is_option)
}

fn is_name(word: &str) -> bool {
    highlight::knows(word) || OTHERS.contains(&*word.to_ascii_lowercase())
}

/// Languages and formats without highlighting.
static OTHERS: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.split_whitespace().collect());
const NAMES: &str = "1c abap abnf accesslog ada agda al antlr apache apex apl applescript arduino arm asciidoc asm asp aspectj assembly \
    astro asy autohotkey ahk autoit avro awk bash-session basic bat batch batchfile bbcode befunge bibtex bicep bison blade bnf boo \
    brainfuck bf brightscript bsl cairo capnp ceylon chapel clean clj clojure cljs cmake cmd cobol coffee coffeescript cl commonlisp lisp \
    console coq cql crmsh crystal csp csv cu cucumber cuda cue cypher cython d dax dcl dhall dns docker dos dot dotenv dts dust ebnf edge edn \
    editorconfig eex eiffel ejs elm elisp emacs-lisp env erb erl erlang excel f90 f95 factor fennel fish fix flow fortran forth foxpro \
    freemarker ftl gams gap gcode gd gdscript gherkin git gitignore gleam glsl gml gnuplot golo gql gradle graphql graphviz groovy hack haml \
    handlebars hbs haxe hcl heex hjson hlsl hocon hosts htmlbars htaccess http https hy hx icalendar idl idris inform7 ino ir irc j janet \
    jinja jinja2 jl jmespath jq json5 jsonc jsonl jsonnet jsonp jsx julia-repl kdl keepalived ksh kql kusto latex tex lasso ldif lean leaf less \
    lilypond liquid lisp livescript llvm log logs logo logtalk lookml ls lsl m4 makefile-gmake man markdown md mdx mathematica matlab maxima \
    mel mercury mermaid meson mips mirc mizar ml mojo mojolicious moon moonscript move mtml mustache n1ql nasm nc ndjson nestedtext nginx nim \
    nimrod ninja nix nohighlight nroff nsis nunjucks nushell nu objc objective-c objectivec obj-c objc++ odin openscad opencl org oxygene \
    parser3 pascal delphi pcre pddl peg pegjs pem pf pgsql pl pl1 plain plaintext plantuml puml plpgsql plsql po pony postcss postgres \
    postgresql postscript pov powerquery praat prisma processing profile prolog promql properties proto protobuf psql pug jade puppet pup \
    purebasic purescript purs pycon pyi python-repl q qasm qml qsharp r rmd racket raku rakefile razor reason reasonml re rebol red regex \
    regexp rego ren renpy rescript rest rex roff robot robotframework rpm-spec rst restructuredtext ruleslanguage s sas sass sbt scad scheme \
    scilab scm scss sed sed-script shellsession shell-session sieve slim smali smalltalk smarty smithy sml smt smtlib snobol solidity sol \
    solution-file soy sparql splunk spl sqf sqlite sqlite3 squirrel srt stan stata step stylus styl subunit sv svelte svg svx system-verilog \
    systemd systemverilog t4 tads tal tap tcl tcsh terraform tf text textile thrift tla tp tsql t-sql tsv turtle ttl twig txt typst \
    unison uri url v vala vb vba vbnet vbs vbscript vcl verilog vhdl vim viml vimscript vue vtt vy vyper wasm wat wgsl whitespace wiki wikitext \
    wolfram wl wren x86asm xl xojo xpath xquery xsl xslt xtend yang yara zeek zenscript zep zephir zone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_names_no_language_is_no_language() {
        for name in [
            "rust",
            "Rust",
            "c++",
            "c#",
            "text",
            "brainfuck",
            "objective-c",
            "rust,ignore",
            "js {1,3}",
            "js{1,3-4}",
            "ts:src/a.ts",
            "py title=\"a.py\"",
            "json",
            "JSON",
            "mermaid",
        ] {
            assert!(is_language(name), "{name}");
        }
        for words in [
            "SELECT *",
            "{\"a\": 1}",
            "json{\"a\": 1}",
            "hello",
            "go to the shop",
            "c = 3;",
            "make me a sandwich",
            "let x = 1;",
            "$ ls",
            "#!/bin/sh",
            "text here",
            "日本語",
            "{r}",
        ] {
            assert!(!is_language(words), "{words}");
        }
    }
}
