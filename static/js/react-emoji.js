// The emoji that one can search, loaded when they are first wanted.

const FEW = [['👍', 'thumbsup'], ['👎', 'thumbsdown'], ['😄', 'smile'], ['🎉', 'tada'], ['❤️', 'heart'], ['🚀', 'rocket'], ['👀', 'eyes'], ['🙏', 'pray'], ['😂', 'joy'], ['🔥', 'fire'], ['✅', 'white_check_mark']];

let loading;

// Every emoji as `{char, names}`.
export function list() {
  loading ??= import('#js/emoji.js').then(({ groups }) => groups()).then(
    (groups) => groups.flatMap((group) => group.emoji.map(({ emoji, name, codes }) => ({ char: emoji, names: [...codes, name.toLowerCase().replaceAll(' ', '_')] }))),
    () => { loading = undefined; return FEW.map(([char, name]) => ({ char, names: [name] })); },
  );
  return loading;
}
