// The emoji that one can search, loaded when they are first wanted.

const FEW = [['👍', 'thumbsup'], ['👎', 'thumbsdown'], ['😄', 'smile'], ['🎉', 'tada'], ['❤️', 'heart'], ['🚀', 'rocket'], ['👀', 'eyes'], ['🙏', 'pray'], ['😂', 'joy'], ['🔥', 'fire'], ['✅', 'white_check_mark']];

let loading;

// Every emoji as `{char, names}`.
export function list() {
  loading ??= import('#js/emoji.js').then(({ emoji }) => emoji).catch(() => null).then((all) => all ?? FEW.map(([char, name]) => ({ char, names: [name] })));
  return loading;
}
