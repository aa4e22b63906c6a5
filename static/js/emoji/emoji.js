// The emoji: the server's list, loaded on first use, search by name, and the ones a person uses.
import { get, set } from '#js/core/user-storage.js';

// How many recent emoji this browser remembers.
const REMEMBERED = 24;
// The most common emoji first, by shortcode.
const COMMON = '+1 heart joy tada smile fire eyes pray rocket thinking 100 white_check_mark clap raised_hands wave ok_hand sob heart_eyes sweat_smile grin laughing slightly_smiling_face wink blush muscle -1 x warning bug sparkles star coffee cry rofl see_no_evil shrug facepalm hugs point_up point_right bulb memo question exclamation partying_face sunglasses sweat scream handshake cake gift beers pizza hourglass calendar lock link pushpin construction crossed_fingers confetti_ball poop sleeping zzz heavy_check_mark broken_heart'.split(' ');

let loading;

const recentKey = () => `recent:${document.querySelector('.app').dataset.myId}:emoji`;

// Recent emoji, the latest first.
export const recent = () => get(recentKey()) ?? [];

export function used(emoji) {
  set(recentKey(), [emoji, ...recent().filter((one) => one !== emoji)].slice(0, REMEMBERED));
}

// All emoji in groups: [{ name, emoji: [{ emoji, name, codes, words, common }] }].
export function groups() {
  loading ??= fetch('/emoji.json').then((answer) => {
    if (!answer.ok) throw new Error(`emoji.json: ${answer.status}`);
    return answer.json();
  }).then(({ groups }) => groups.map((group) => ({
    name: group.name,
    emoji: group.emoji.map(([emoji, name, codes]) => ({
      emoji, name, codes, words: [...codes.flatMap((code) => code.split('_')), ...name.toLowerCase().split(/[^\p{L}\p{N}]+/u)], common: COMMON.findIndex((code) => codes.includes(code)),
    })),
  }))).catch((error) => { loading = undefined; throw error; });
  return loading;
}

// Matching emoji, ranked: exact name, recent, common, a whole word of the name, beginning of the name, beginning of a word,
// anywhere.
export async function search(typed, limit = 8) {
  const query = typed.toLowerCase();
  const all = (await groups()).flatMap((group) => group.emoji);
  const last = recent();
  const rank = ({ emoji, codes, words, common }) => {
    if (codes.includes(query)) return 0;
    const begun = codes.filter((code) => code.startsWith(query)).map((code) => code.length);
    const isWord = words.some((word) => word.startsWith(query));
    if (!begun.length && !isWord) return codes.some((code) => code.includes(query)) ? 6 : 7;
    if (last.includes(emoji)) return 1 + last.indexOf(emoji) / 100;
    // Of two common emoji, the one whose name begins with the text.
    if (common >= 0) return (begun.length ? 2 : 2.5) + common / 1_000;
    if (words.includes(query)) return 3;
    // Of two that begin with the text, the shorter name.
    return begun.length ? 4 + Math.min(...begun) / 100 : 5;
  };
  const ranked = all.map((emoji) => ({ emoji, rank: rank(emoji) })).filter(({ rank }) => rank < 7);
  // The sort is stable: within a rank they keep Unicode's order, which begins with the faces.
  return ranked.sort((a, b) => a.rank - b.rank).slice(0, limit).map(({ emoji }) => emoji);
}
