//! The highlighted languages. Others are shown plain.

/// How a language is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, strings, numbers and comments.
    Code,
    /// Tags with attributes.
    Markup,
    /// Added and deleted lines.
    Diff,
}

/// A language.
#[derive(Debug)]
pub struct Language {
    /// Its names.
    pub names: &'static [&'static str],
    /// How it is scanned.
    pub kind: Kind,
    /// Keywords, separated by spaces.
    pub keywords: &'static str,
    /// Built-in types and constants, separated by spaces.
    pub types: &'static str,
    /// What starts a comment to the end of the line.
    pub line_comments: &'static [&'static str],
    /// What starts and ends a block comment.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// What starts and ends a string, and whether it may span lines. Longer delimiters first.
    pub strings: &'static [(&'static str, &'static str, bool)],
    /// Further traits.
    pub traits: Traits,
}

/// Further traits of a language.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Keywords ignore case.
    pub ignores_case: bool,
    /// Capitalized words are types.
    pub capitals_are_types: bool,
    /// `'a` without a closing quote is not a string.
    pub has_lifetimes: bool,
    /// Comments start only after a space.
    pub spaced_comments: bool,
    /// Words may contain hyphens, and a word before `:` or `=` is a key.
    pub has_keys: bool,
    /// The sign before a variable, attribute or directive: `@`, `$` or `#`.
    pub sigil: Option<u8>,
}

const NONE: Traits = Traits {
    ignores_case: false,
    capitals_are_types: false,
    has_lifetimes: false,
    spaced_comments: false,
    has_keys: false,
    sigil: None,
};
const TYPED: Traits = Traits { capitals_are_types: true, ..NONE };
const DECORATED: Traits = Traits { sigil: Some(b'@'), ..TYPED };
const SHELL: Traits = Traits { spaced_comments: true, sigil: Some(b'$'), ..NONE };
const DATA: Traits = Traits { spaced_comments: true, has_keys: true, ..NONE };

const DOUBLE: (&str, &str, bool) = ("\"", "\"", false);
const SINGLE: (&str, &str, bool) = ("'", "'", false);
const TICK: (&str, &str, bool) = ("`", "`", true);
const THREE: (&str, &str, bool) = ("\"\"\"", "\"\"\"", true);
const QUOTES: &[(&str, &str, bool)] = &[DOUBLE, SINGLE];
const LONG_QUOTES: &[(&str, &str, bool)] = &[("\"", "\"", true), ("'", "'", true)];
const C_LIKE: Option<(&str, &str)> = Some(("/*", "*/"));
const SLASHES: &[&str] = &["//"];
const HASH: &[&str] = &["#"];

const BASE: Language = Language {
    names: &[],
    kind: Kind::Code,
    keywords: "",
    types: "",
    line_comments: SLASHES,
    block_comment: C_LIKE,
    strings: QUOTES,
    traits: TYPED,
};

/// The languages.
pub static LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        keywords: "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move \
            mut pub ref return self static struct super trait type union unsafe use where while",
        types: "Self bool char f32 f64 false i128 i16 i32 i64 i8 isize str true u128 u16 u32 u64 u8 usize",
        strings: &[("r#\"", "\"#", true), ("b\"", "\"", true), ("\"", "\"", true)],
        traits: Traits { has_lifetimes: true, sigil: Some(b'#'), ..TYPED },
        ..BASE
    },
    Language {
        names: &["python", "py", "python3"],
        keywords: "and as assert async await break case class continue def del elif else except finally for from global if \
            import in is lambda match nonlocal not or pass raise return try while with yield",
        types: "False None True bool bytes dict float int list object self set str tuple",
        line_comments: HASH,
        block_comment: None,
        strings: &[THREE, ("'''", "'''", true), DOUBLE, SINGLE],
        traits: DECORATED,
        ..BASE
    },
    Language {
        names: &["javascript", "js", "jsx", "mjs", "typescript", "ts", "tsx"],
        keywords: "abstract as async await break case catch class const continue declare default delete do else enum export \
            extends finally for from function get if implements import in instanceof interface keyof let new of \
            private protected public readonly return set static super switch this throw try type typeof var void \
            while yield",
        types: "any boolean false never null number string true undefined unknown",
        strings: &[DOUBLE, SINGLE, TICK],
        traits: DECORATED,
        ..BASE
    },
    Language { names: &["json", "jsonc", "json5"], types: "false null true", traits: Traits { has_keys: true, ..NONE }, ..BASE },
    Language {
        names: &["go", "golang"],
        keywords: "break case chan const continue default defer else fallthrough for func go goto if import interface map \
            package range return select struct switch type var",
        types: "any bool byte error false float32 float64 int int32 int64 iota nil rune string true uint uint32 uint64 \
            uint8",
        strings: &[DOUBLE, SINGLE, TICK],
        ..BASE
    },
    Language {
        names: &["java", "kotlin", "kt", "scala", "groovy"],
        keywords: "abstract break case catch class companion continue data def default do else enum extends final finally \
            for fun if implements import in instanceof interface is lateinit match new object open override package \
            private protected public record return sealed static super suspend switch this throw throws trait try \
            val var when while with yield",
        types: "boolean byte char double false float int long null short true void",
        strings: &[THREE, DOUBLE, SINGLE],
        traits: DECORATED,
        ..BASE
    },
    Language {
        names: &["c", "h", "cpp", "c++", "cc", "hpp", "objc", "cuda", "glsl"],
        keywords: "alignas auto break case catch class concept const consteval constexpr continue co_await decltype default \
            delete do else enum explicit extern final for friend goto if inline mutable namespace new noexcept \
            operator override private protected public register return sizeof static static_assert struct switch \
            template this throw try typedef typename union using virtual volatile while",
        types: "NULL bool char double false float int int32_t int64_t long nullptr short signed size_t true uint32_t \
            uint64_t uint8_t unsigned void wchar_t",
        traits: Traits { sigil: Some(b'#'), ..TYPED },
        ..BASE
    },
    Language {
        names: &["csharp", "cs", "c#"],
        keywords: "abstract as async await base break case catch class const continue default do else enum event finally \
            for foreach get if in init interface internal is lock namespace new operator out override params private \
            protected public readonly record ref return sealed set static struct switch this throw try typeof using \
            var virtual when where while yield",
        types: "bool byte char decimal double false float int long null object string true void",
        strings: &[THREE, ("@\"", "\"", true), DOUBLE, SINGLE],
        ..BASE
    },
    Language {
        names: &["swift", "dart", "zig"],
        keywords: "actor as async await break case catch class comptime const continue default defer do else enum extension \
            final fn for func guard if import in init inout is let mixin private protocol pub public return self \
            some static struct super switch throw throws try var where while",
        types: "bool double false int nil null num true undefined void",
        strings: &[THREE, DOUBLE, SINGLE],
        traits: DECORATED,
        ..BASE
    },
    Language {
        names: &["php"],
        keywords: "abstract as break case catch class clone const continue default do echo else elseif enum extends final \
            finally fn for foreach function global if implements include instanceof interface match namespace new \
            print private protected public readonly require return static switch throw trait try use while yield",
        types: "array bool false float int mixed null string true void",
        line_comments: &["//", "#"],
        strings: LONG_QUOTES,
        traits: Traits { sigil: Some(b'$'), ..TYPED },
        ..BASE
    },
    Language {
        names: &["ruby", "rb", "elixir", "ex", "exs", "crystal"],
        keywords: "alias and begin break case class cond def defmodule defp do else elsif end ensure fn for if import in \
            include loop module next not or raise redo require rescue retry return self super then undef unless \
            until use when while with yield",
        types: "false nil true",
        line_comments: HASH,
        block_comment: None,
        strings: &[THREE, ("\"", "\"", true), SINGLE],
        traits: Traits { spaced_comments: true, ..DECORATED },
        ..BASE
    },
    Language {
        names: &["bash", "sh", "shell", "zsh", "fish", "console", "shellsession"],
        keywords: "case do done elif else esac exit export fi for function if in local return select set source then trap \
            unset until while",
        types: "alias cat cd curl echo git grep printf read sed sudo test true false",
        line_comments: HASH,
        block_comment: None,
        strings: LONG_QUOTES,
        traits: SHELL,
        ..BASE
    },
    Language {
        names: &["powershell", "ps1", "pwsh"],
        keywords: "begin break catch class continue do else elseif end exit filter finally for foreach function if in param \
            process return switch throw try until using while",
        line_comments: HASH,
        block_comment: Some(("<#", "#>")),
        traits: Traits { ignores_case: true, ..SHELL },
        ..BASE
    },
    Language {
        names: &["perl", "pl", "r", "julia", "jl"],
        keywords: "begin break do else elseif elsif end export for foreach function if import in last let library local \
            module my next our package print repeat return struct sub unless use using while",
        types: "FALSE NA NULL TRUE false nothing true undef",
        line_comments: HASH,
        block_comment: None,
        traits: SHELL,
        ..BASE
    },
    Language {
        names: &["lua"],
        keywords: "and break do else elseif end for function goto if in local not or repeat return then until while",
        types: "false nil self true",
        line_comments: &["--"],
        block_comment: Some(("--[[", "]]")),
        strings: &[("[[", "]]", true), DOUBLE, SINGLE],
        traits: NONE,
        ..BASE
    },
    Language {
        names: &["haskell", "hs", "elm", "ocaml", "ml", "fsharp"],
        keywords: "and as begin case class data deriving do else end exception fun function if import in infix instance let \
            match module mutable newtype of open rec struct then try type val when where with",
        line_comments: &["--"],
        block_comment: Some(("{-", "-}")),
        strings: &[DOUBLE],
        ..BASE
    },
    Language {
        names: &["sql", "sqlite", "postgres", "postgresql", "mysql"],
        keywords: "add all alter and as asc begin between by case check commit conflict constraint create cross delete desc \
            distinct do drop else end except exists explain foreign from full group having if in index inner insert \
            intersect into is join key left like limit not offset on or order outer over partition primary \
            references returning right rollback select set table then trigger union unique update using values view \
            when where with",
        types: "bigint blob boolean date false int integer json jsonb null numeric real text timestamptz true uuid \
            varchar",
        line_comments: &["--"],
        traits: Traits { ignores_case: true, ..NONE },
        ..BASE
    },
    Language {
        names: &["css", "scss", "less"],
        types: "auto inherit initial none unset",
        traits: Traits { has_keys: true, sigil: Some(b'@'), ..NONE },
        line_comments: &[],
        ..BASE
    },
    Language {
        names: &["yaml", "yml"],
        types: "false null true",
        line_comments: HASH,
        block_comment: None,
        traits: DATA,
        ..BASE
    },
    Language {
        names: &["toml", "ini", "conf", "properties", "env", "dotenv"],
        types: "false true",
        line_comments: &["#", ";"],
        block_comment: None,
        strings: &[THREE, ("'''", "'''", true), DOUBLE, SINGLE],
        traits: DATA,
        ..BASE
    },
    Language {
        names: &["dockerfile", "docker", "makefile", "make", "nginx"],
        keywords: "ADD ARG AS CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL STOPSIGNAL USER \
            VOLUME WORKDIR else endif export ifeq ifneq include listen location proxy_pass server upstream",
        line_comments: HASH,
        block_comment: None,
        traits: SHELL,
        ..BASE
    },
    Language { names: &["html", "xml", "svg", "xhtml", "vue", "svelte", "jinja", "askama"], kind: Kind::Markup, ..BASE },
    Language { names: &["diff", "patch"], kind: Kind::Diff, ..BASE },
];
