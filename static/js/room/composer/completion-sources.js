// Sources of completions: the room's members, the rooms that everybody may see, the emoji.
import { search } from '#js/emoji/emoji.js';
import { fetchJson } from '#js/core/fetch-json.js';
import { commands } from '#js/room/composer/commands.js';

const LIMIT = 8;
// How long a list stays fresh, in milliseconds.
const FRESH = 60_000;

const GROUPS = [
  { username: 'room', name: 'Everyone in this room' },
  { username: 'here', name: 'Everyone online in this room' },
];

// Other chats' names for everyone, offered when someone begins to type them.
const ALIASES = ['everyone', 'channel', 'all'].map((username) => ({ username, name: GROUPS[0].name }));

// Each finds options { key, sign, label, detail, text } for the text after its sign.
export function sources(room) {
  const members = finder(`/rooms/${room}/members`, ({ members, more }) => ({ found: members.filter(({ is_gone: isGone }) => !isGone).map(({ person }) => person), more }));
  const rooms = finder('/rooms', ({ rooms, more }) => ({ found: rooms.map(({ room }) => room).filter(({ visibility }) => visibility === 'public'), more }));
  const others = list(`/rooms/${room}/commands`, ({ commands }) => commands);
  return {
    '@': { name: 'People', least: 0, find: async (typed) => people(await members(typed), fold(typed)) },
    '#': { name: 'Rooms', least: 0, find: async (typed) => named(await rooms(typed), fold(typed)) },
    ':': { name: 'Emoji', least: 2, find: async (typed) => (await search(typed, LIMIT)).map(emoji) },
    '/': { name: 'Commands', least: 0, find: async (typed) => commands(typed, await others().catch(() => [])) },
  };
}

function people(members, typed) {
  const begins = ({ username, name }) => username.startsWith(typed) || fold(name).split(/\s+/).some((word) => word.startsWith(typed));
  const first = ({ username }) => (username.startsWith(typed) ? 0 : 1);
  const found = members.filter(begins).sort((a, b) => first(a) - first(b) || a.username.localeCompare(b.username));
  const groups = [...GROUPS, ...(typed ? ALIASES : [])].filter(({ username }) => username.startsWith(typed));
  return [...found.slice(0, LIMIT - groups.length), ...groups].map(({ username, name }) => ({ key: username, label: `@${username}`, detail: name, text: `@${username} ` }));
}

function named(rooms, typed) {
  const rank = ({ slug, name }) => (slug.startsWith(typed) ? 0 : fold(name).includes(typed) || slug.includes(typed) ? 1 : 2);
  const found = rooms.filter((room) => rank(room) < 2).sort((a, b) => rank(a) - rank(b) || a.slug.localeCompare(b.slug));
  return found.slice(0, LIMIT).map(({ slug, name }) => ({ key: slug, label: `#${slug}`, detail: name, text: `#${slug} ` }));
}

function emoji({ emoji, name, codes }) {
  return { key: codes[0], sign: emoji, label: `:${codes[0]}:`, detail: name, text: `${emoji} ` };
}

// All people or rooms if one page holds them; the server's search otherwise.
function finder(path, take) {
  const everybody = list(path, take);
  const typed = new Map();
  return async (text) => {
    const all = await everybody();
    if (!text || !all.more) return all.found;
    if (!typed.has(text)) typed.set(text, list(`${path}?q=${encodeURIComponent(text)}`, take));
    return (await typed.get(text)()).found;
  };
}

// A list from the server, fetched on first use and again when it is stale.
function list(path, take) {
  let asked = 0;
  let loading;
  return () => {
    if (loading && Date.now() - asked < FRESH) return loading;
    asked = Date.now();
    loading = fetchJson(path).then((answer) => answer ?? Promise.reject(new Error(`${path} has no answer`))).then(take);
    loading.catch(() => { loading = undefined; });
    return loading;
  };
}

// Without case and accents, as people type names.
function fold(text) {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
}
